"""A model in the making, looked at with the engine that users will run and its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..batch.cases import Problem
from ..collections import UNKNOWN, CollectionCase
from ..collections.load import load_case
from ..errors import InputError, OutOfMemoryError
from ..evaluation.case import CaseScore, score_case, summarize
from ..inference.engine import Segmenter
from ..models.card import ModelCard
from ..organs import select_organs
from ..volume import LabelMap

__all__ = ["Validation", "validate"]


@dataclass(frozen=True)
class Validation:
    """What the validation cases say.

    Args:
        rows: One per organ that they are annotated for, and "all": organ, cases, dice, lesions,
            found, false_positives.
        problems: Of cases that could not be measured.
    """

    rows: tuple[Mapping[str, Any], ...]
    problems: tuple[Problem, ...]


def validate(
    card: ModelCard, folder: Path, cases: Iterable[CollectionCase], *, device: str
) -> Validation:
    """Segment the validation cases and measure what they are annotated for.

    Args:
        card: The model.
        folder: Where its weights lie.
        cases: The cases; one at a time is in memory.
        device: Where the network runs.

    Returns:
        The measures.
    """
    segmenter = Segmenter(card, device=device, backend="torch", models_dir=folder)
    scores: list[CaseScore] = []
    problems: list[Problem] = []
    for case in cases:
        try:
            scores.append(_score(segmenter, card, case))
        except (InputError, OutOfMemoryError) as error:
            problems.append(Problem(case.id, str(error)))
    rows = [
        {
            "organ": one.organ,
            "cases": one.n_cases,
            "dice": one.mean_dice,
            "lesions": one.n_lesions,
            "found": one.n_found,
            "false_positives": one.n_false,
        }
        for one in summarize(scores)
        if one.n_cases or one.n_lesions or one.n_false
    ]
    return Validation(tuple(rows), tuple(problems))


def _score(segmenter: Segmenter, card: ModelCard, case: CollectionCase) -> CaseScore:
    """Measure one case; only what it is annotated for and the model learned counts."""
    learned = {
        kind: {o.organ for o in card.outputs if o.kind == kind and o.organ is not None}
        for kind in ("organ", "tumor")
    }
    organs = case.annotated.organs & learned["organ"]
    tumors = case.annotated.tumors & learned["tumor"]
    scan, labels = load_case(case)
    found = segmenter.segment(scan)
    known = labels.array != UNKNOWN
    reference = LabelMap(labels.array * known, labels.grid, labels.names)
    prediction = LabelMap(found.labels.array * known, labels.grid, labels.names)
    return score_case(
        case.id,
        prediction,
        reference,
        organs=select_organs(organs) if organs else (),
        tumors=select_organs(tumors) if tumors else (),
    )
