"""From what the network found to what is reported: labels tidied up, lesions judged, measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..lesions import Lesion, measure_lesions
from ..models.specs import ModelCard
from ..organs import Organ, label_names
from ..volume import Grid, LabelMap
from .judging import drop_faint_lesions, judge_lesions
from .postprocess import postprocess
from .probability import ProbabilityMap
from .request import Request
from .scores import score_lesions
from .sides import split_sides
from .streaming import RawResult

__all__ = ["Measured", "clean_and_measure"]


@dataclass(frozen=True, eq=False)
class Measured:
    """What is reported.

    Args:
        labels: The finished label map.
        lesions: Its lesions by organ, the largest first.
        probabilities: Tumor probability by organ key, with lesions judged whole if so asked.
        highest: Highest tumor probability in each organ, in [0, 1].
    """

    labels: LabelMap
    lesions: tuple[Lesion, ...]
    probabilities: dict[str, ProbabilityMap]
    highest: dict[str, float]


def clean_and_measure(raw: RawResult, grid: Grid, card: ModelCard, request: Request) -> Measured:
    """Tidy labels up and judge lesions as a card asks, then measure the tumors that are left.

    Args:
        raw: What the network found; its labels are changed in place.
        grid: The scan's.
        card: The model.
        request: What to report.

    Returns:
        What is reported.
    """
    for organ in request.organs:
        has_sides = any(o.organ == organ.key and o.side for o in card.outputs)
        if organ.sides and not has_sides:
            split_sides(raw.labels, grid, organ, body_center_mm=raw.body_center_mm)
    postprocess(raw.labels, grid, card.postprocess, request.organs)
    maps, highest = dict(raw.probabilities), dict(raw.highest)
    if request.outline is not None:
        for organ in (organ for organ in request.organs if organ.key in maps):
            maps[organ.key] = _judge(raw, grid, organ, request, request.outline)
            scores = [lesion.score for lesion in maps[organ.key].lesions]
            highest[organ.key] = max(scores, default=min(highest[organ.key], request.outline))
    labels = LabelMap(raw.labels, grid, label_names(request.organs))
    score_of = score_lesions(maps, grid)
    lesions = measure_lesions(labels, organs=request.organs, score_of=score_of).lesions
    return Measured(labels, lesions, maps, highest)


def _judge(
    raw: RawResult, grid: Grid, organ: Organ, request: Request, outline: float
) -> ProbabilityMap:
    """Judge an organ's lesions, drop the faint ones, and give the map that tells of all."""
    probability, threshold = raw.probabilities[organ.key], request.thresholds[organ.key]
    lesions = judge_lesions(
        raw.labels, grid, organ, probability, outline=outline, threshold=threshold
    )
    if threshold is not None and threshold >= outline:
        drop_faint_lesions(raw.labels, organ, lesions, threshold=threshold)
    return replace(probability, outline=outline, lesions=lesions)
