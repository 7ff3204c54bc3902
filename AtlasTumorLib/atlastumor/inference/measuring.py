"""From what the network found to what is reported: labels tidied up, lesions judged, measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..lesions import Lesion, measure_lesions
from ..models.specs import ModelCard
from ..organs import Organ, label_names
from ..progress import UNWATCHED, Watch
from ..volume import Grid, LabelMap
from .findings import Finding, describe_findings
from .judging import drop_faint_lesions, judge_lesions
from .postprocess import postprocess
from .probability import AbstractTumorMap, ProbabilityMap
from .request import Request
from .scores import score_lesions
from .sides import split_sides
from .streaming import RawResult

__all__ = [
    "Measured",
    "Tidied",
    "clean_and_measure",
    "measure_tumors",
    "split_halves",
    "tidy_labels",
]


@dataclass(frozen=True, eq=False)
class Tidied:
    """What is known of tumors once labels are tidied up.

    Args:
        probabilities: Tumor probability by organ key, with lesions judged whole if so asked.
        highest: Highest tumor probability in each organ, in [0, 1].
    """

    probabilities: dict[str, ProbabilityMap]
    highest: dict[str, float]


@dataclass(frozen=True, eq=False)
class Measured:
    """What is reported.

    Args:
        labels: The finished label map.
        lesions: Its lesions by organ, the largest first.
        findings: One for every organ asked for.
        probabilities: Tumor probability by organ key, with lesions judged whole if so asked.
    """

    labels: LabelMap
    lesions: tuple[Lesion, ...]
    findings: tuple[Finding, ...]
    probabilities: dict[str, ProbabilityMap]


def clean_and_measure(
    raw: RawResult, grid: Grid, card: ModelCard, request: Request, *, watch: Watch = UNWATCHED
) -> Measured:
    """Tidy labels up and judge lesions as a card asks, then measure the tumors that are left.

    Args:
        raw: What the network found; its labels are changed in place.
        grid: The scan's.
        card: The model.
        request: What to report.
        watch: Told how far it is.

    Returns:
        What is reported.

    Raises:
        Cancelled: If somebody asked to stop.
    """
    tidied = tidy_labels(raw, grid, card, request, watch=watch.part(0.0, 0.5))
    labels, lesions = measure_tumors(
        raw.labels, grid, request.organs, tidied.probabilities, watch=watch.part(0.5, 1.0)
    )
    findings = describe_findings(labels, lesions, request, tidied.highest)
    return Measured(labels, lesions, findings, tidied.probabilities)


def tidy_labels(
    raw: RawResult, grid: Grid, card: ModelCard, request: Request, *, watch: Watch = UNWATCHED
) -> Tidied:
    """Tell halves of organs apart, clean up and judge lesions as a card asks.

    Args:
        raw: What the network found; its labels are changed in place.
        grid: The scan's.
        card: The model.
        request: What to report.
        watch: Told how far it is.

    Returns:
        What is known of the tumors that are left.

    Raises:
        Cancelled: If somebody asked to stop.
    """
    split_halves(raw, grid, card, request.organs)
    cleaning, judging = watch.part(0.0, 0.5), watch.part(0.5, 1.0)
    postprocess(raw.labels, grid, card.postprocess, request.organs, watch=cleaning)
    maps, highest = dict(raw.probabilities), dict(raw.highest)
    if request.outline is not None:
        known = [organ for organ in request.organs if organ.key in maps]
        for organ, part in judging.shared(known):
            maps[organ.key] = _judge(raw, grid, organ, request, request.outline, part)
            scores = [lesion.score for lesion in maps[organ.key].lesions]
            highest[organ.key] = max(scores, default=min(highest[organ.key], request.outline))
    return Tidied(maps, highest)


def split_halves(raw: RawResult, grid: Grid, card: ModelCard, organs: Iterable[Organ]) -> None:
    """Tell the halves of paired organs apart, where the network does not.

    Args:
        raw: What the network found; its labels are changed in place.
        grid: The scan's.
        card: The model.
        organs: Which organs.
    """
    for organ in organs:
        has_sides = any(o.organ == organ.key and o.side for o in card.outputs)
        if organ.sides and not has_sides:
            split_sides(raw.labels, grid, organ, body_center_mm=raw.body_center_mm)


def measure_tumors(
    array: npt.NDArray[np.uint8],
    grid: Grid,
    organs: Sequence[Organ],
    maps: Mapping[str, AbstractTumorMap],
    *,
    watch: Watch = UNWATCHED,
) -> tuple[LabelMap, tuple[Lesion, ...]]:
    """Measure the tumors of a finished label map.

    Args:
        array: AbdomenAtlas 2.0 numbers, (I, J, K).
        grid: The scan's.
        organs: What to report.
        maps: Tumor probability by organ key.
        watch: Told how far it is.

    Returns:
        The label map, and its lesions.

    Raises:
        Cancelled: If somebody asked to stop.
    """
    labels = LabelMap(array, grid, label_names(organs))
    score_of = score_lesions(maps, grid)
    measured = measure_lesions(labels, organs=organs, score_of=score_of, watch=watch)
    return labels, measured.lesions


def _judge(
    raw: RawResult, grid: Grid, organ: Organ, request: Request, outline: float, watch: Watch
) -> ProbabilityMap:
    """Judge an organ's lesions, drop the faint ones, and give the map that tells of all."""
    probability, threshold = raw.probabilities[organ.key], request.thresholds[organ.key]
    lesions = judge_lesions(
        *(raw.labels, grid, organ, probability),
        outline=outline,
        threshold=threshold,
        watch=watch.part(0.0, 0.8),
    )
    if threshold is not None and threshold >= outline:
        last = watch.part(0.8, 1.0)
        drop_faint_lesions(raw.labels, organ, lesions, threshold=threshold, watch=last)
    return replace(probability, outline=outline, lesions=lesions)
