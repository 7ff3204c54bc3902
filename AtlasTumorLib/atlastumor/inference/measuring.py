"""From what the network found to what is reported: labels tidied up, then measured."""

from __future__ import annotations

from ..lesions import Lesion, measure_lesions
from ..models.specs import ModelCard
from ..organs import label_names
from ..volume import Grid, LabelMap
from .postprocess import postprocess
from .request import Request
from .scores import score_lesions
from .sides import split_sides
from .streaming import RawResult

__all__ = ["clean_and_measure"]


def clean_and_measure(
    raw: RawResult, grid: Grid, card: ModelCard, request: Request
) -> tuple[LabelMap, tuple[Lesion, ...]]:
    """Tidy labels up as a card asks, then measure the tumors that are left.

    Args:
        raw: What the network found; its labels are changed in place.
        grid: The scan's.
        card: The model.
        request: What to report.

    Returns:
        The finished label map, and its lesions by organ, the largest first.
    """
    for organ in request.organs:
        has_sides = any(o.organ == organ.key and o.side for o in card.outputs)
        if organ.sides and not has_sides:
            split_sides(raw.labels, grid, organ, body_center_mm=raw.body_center_mm)
    postprocess(raw.labels, grid, card.postprocess, request.organs)
    labels = LabelMap(raw.labels, grid, label_names(request.organs))
    score_of = score_lesions(raw.probabilities, grid)
    return labels, measure_lesions(labels, organs=request.organs, score_of=score_of).lesions
