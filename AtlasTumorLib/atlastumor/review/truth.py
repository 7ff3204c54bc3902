"""The reviewed truth of a scan: what readers kept, added and drew, as one label map.

Tumors that the readers removed, or that nobody reviewed, become the organ they lie in. Where kept
tumors of two organs overlap, the higher score wins, and a drawn outline over every score.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..components import Box, Mask, Region, find_boxes, find_components, has_label
from ..lesions import Lesion, measure_lesions
from ..organs import ORGANS, Organ, find_organ, label_names, select_organs
from ..provenance import Provenance
from ..results.protocols import ProbabilityLike
from ..volume import LabelMap
from .cases import ScanCandidates
from .entries import Basis
from .outlines import Outline, load_outline
from .queue import Item
from .state import ScanState

__all__ = ["OrganFinding", "ReviewedTruth", "make_truth"]

Labels = npt.NDArray[np.uint8]
_AROUND = 5  # voxels around a removed tumor in which its side of a paired organ is looked for


@dataclass(frozen=True)
class OrganFinding:
    """What the review says of one organ; the fields are those of a result's record.

    Args:
        organ: The organ's key.
        coverage: As the prediction's record says, else "unknown".
        organ_ml: Volume of the organ without its tumors, mL; 0 if it was not outlined.
        n_lesions: Tumors after review.
        tumor_ml: Their volume together, mL.
        highest_score: Of the candidates, in [0, 1]; NaN if there was none.
        threshold: Probability from which voxels were candidates'.
        message: All of it as a sentence.
    """

    organ: str
    coverage: str
    organ_ml: float
    n_lesions: int
    tumor_ml: float
    highest_score: float
    threshold: float | None
    message: str


@dataclass(frozen=True, eq=False)
class ReviewedTruth:
    """A reviewed scan, in the shape of a segmentation.

    Args:
        labels: Organs and tumors, AbdomenAtlas 2.0 numbers.
        lesions: Every tumor.
        findings: One for every organ of the review that the case has a prediction of, or in which
            a reader added a tumor.
        provenance: Who made it, with what readers did.
        notes: What the user should know, one sentence each.
        probabilities: None are kept.
        disagreement: None is kept.
    """

    labels: LabelMap
    lesions: tuple[Lesion, ...]
    findings: tuple[OrganFinding, ...]
    provenance: Provenance
    notes: tuple[str, ...]
    probabilities: Mapping[str, ProbabilityLike] = field(default_factory=dict)
    disagreement: Mapping[str, ProbabilityLike] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Reading:
    """A scan with everything that was decided about it."""

    scan: ScanCandidates
    state: ScanState
    basis: Basis
    record: Mapping[str, Any]
    items: tuple[Item, ...]


@dataclass(frozen=True, eq=False)
class _Kept:
    """A tumor that stays."""

    item: Item
    outline: Outline


def make_truth(
    scan: ScanCandidates,
    state: ScanState,
    basis: Basis,
    *,
    folder: Path,
    labels: Labels | None,
    record: Mapping[str, Any],
    log_sha256: str = "",
) -> ReviewedTruth:
    """Put together what readers decided about a scan.

    Args:
        scan: Its candidates.
        state: What was decided; undecided candidates stay out and are told.
        basis: Of the review.
        folder: The review's, which holds drawn outlines.
        labels: The predicted label map (I, J, K), from which organs are taken; None if there is
            none.
        record: The prediction's `result.json`; empty if there is none.
        log_sha256: Hash of the review's log, hex, for the record.

    Returns:
        The truth.

    Raises:
        InputError: If a drawn outline is missing or damaged.
        GridMismatchError: If an outline or the labels lie on another grid.
    """
    reading = _Reading(scan, state, basis, record, scan.items(state))
    kept = [
        _Kept(item, _find_outline(scan, state, item, folder))
        for item in reading.items
        if state.is_accepted(item.key)
    ]
    array = _restore_organs(labels) if labels is not None else np.zeros(scan.grid.shape, np.uint8)
    for one in sorted(kept, key=lambda one: _rank(one, state)):
        array[one.outline.box][one.outline.mask] = find_organ(one.item.organ).tumor_label
    organs = select_organs({*scan.candidates, *(one.item.organ for one in kept)})
    label_map = LabelMap(array, scan.grid, label_names(ORGANS if labels is not None else organs))
    lesions = measure_lesions(label_map, organs=organs, score_of=_score_of(kept)).lesions
    return ReviewedTruth(
        labels=label_map,
        lesions=lesions,
        findings=tuple(_describe(reading, organ, label_map, lesions) for organ in organs),
        provenance=_sign(reading, log_sha256),
        notes=tuple(_list_notes(reading)),
    )


def _find_outline(scan: ScanCandidates, state: ScanState, item: Item, folder: Path) -> Outline:
    """The drawn outline where there is one, else the model's."""
    name = state.outlines.get(item.key)
    return load_outline(folder, name, scan.grid) if name else scan.outline_of(item)


def _rank(one: _Kept, state: ScanState) -> float:
    return math.inf if one.item.key in state.outlines else one.item.score


def _restore_organs(labels: Labels) -> Labels:
    """Turn every tumor back into the organ it lies in, (I, J, K)."""
    array = labels.copy()
    boxes = find_boxes(labels)
    for organ in ORGANS:
        box = boxes.get(organ.tumor_label)
        if box is None:
            continue
        for region in find_components(labels, organ.tumor_label, box):
            array[region.box][region.mask] = _find_side(labels, organ, region)
    return array


def _find_side(labels: Labels, organ: Organ, region: Region) -> int:
    """The organ's label, of a paired organ the one with more voxels around the tumor."""
    if len(organ.labels) == 1:
        return organ.label
    i, j, k = (slice(max(s.start - _AROUND, 0), s.stop + _AROUND) for s in region.box)
    counts = [int(np.count_nonzero(labels[i, j, k] == label)) for label in organ.labels]
    return organ.labels[int(np.argmax(counts))] if any(counts) else 0


def _score_of(kept: Iterable[_Kept]) -> Any:
    """Score a tumor of the truth by the best candidate in it; NaN for one that a reader added."""

    def score(organ: Organ, box: Box, mask: Mask) -> float:
        scores = [
            one.item.score
            for one in kept
            if one.item.organ == organ.key and one.item.index and _overlap(one.outline, box, mask)
        ]
        return max(scores, default=math.nan)

    return score


def _overlap(outline: Outline, box: Box, mask: Mask) -> bool:
    shared = [
        (max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(outline.box, box, strict=True)
    ]
    if any(first >= stop for first, stop in shared):
        return False
    mine, theirs = (
        part[
            tuple(slice(f - s.start, t - s.start) for (f, t), s in zip(shared, whole, strict=True))
        ]
        for part, whole in ((outline.mask, outline.box), (mask, box))
    )
    return bool((mine & theirs).any())


def _describe(
    reading: _Reading, organ: Organ, labels: LabelMap, lesions: Iterable[Lesion]
) -> OrganFinding:
    """Say what the review found in one organ."""
    state, key = reading.state, organ.key
    own = [lesion for lesion in lesions if lesion.organ == key]
    mine = [item for item in reading.items if item.organ == key]
    n_removed = sum(state.is_accepted(item.key) is False for item in mine)
    n_added = sum(item.index == 0 and bool(state.is_accepted(item.key)) for item in mine)
    tumor_ml = sum(lesion.volume_ml for lesion in own)
    recorded = {str(row["organ"]): row for row in reading.record.get("findings", ())}
    return OrganFinding(
        organ=key,
        coverage=str(recorded.get(key, {}).get("coverage", "unknown")),
        organ_ml=int(has_label(labels.array, organ.labels).sum()) * labels.grid.voxel_ml,
        n_lesions=len(own),
        tumor_ml=tumor_ml,
        highest_score=max((item.score for item in mine if item.index), default=math.nan),
        threshold=reading.basis.thresholds.get(key),
        message=(
            f"{len(own)} tumors after review ({tumor_ml:.2f} mL): {n_removed} candidates removed, "
            f"{n_added} tumors added."
        ),
    )


def _sign(reading: _Reading, log_sha256: str) -> Provenance:
    """Who made it. Readers are counted, not named: their names stay in the log."""
    scan, state, basis = reading.scan, reading.state, reading.basis
    old = reading.record.get("provenance", {})
    verdicts = [state.is_accepted(item.key) for item in reading.items]
    words = ("model_version", "device", "backend", "precision", "input_kind", "input_sha256")
    taken: dict[str, Any] = {name: str(old.get(name, "")) for name in words}
    return Provenance(
        **taken,
        model_id=basis.model_id,
        weights_sha256=basis.weights_sha256,
        thresholds=dict(basis.thresholds),
        organs=tuple(scan.candidates),
        grid_shape=scan.grid.shape,
        spacing_mm=scan.grid.spacing_mm,
        review={
            "roles": sorted(state.done),
            "n_readers": len(state.readers),
            "n_accepted": verdicts.count(True),
            "n_removed": verdicts.count(False),
            "n_added": len(state.added),
            "n_drawn": len(state.outlines),
            "n_disagreements": len(state.disagreements),
            "min_volume_mm3": basis.min_volume_mm3,
            "log_sha256": log_sha256,
        },
    )


def _list_notes(reading: _Reading) -> Iterable[str]:
    """What the user should know, one sentence each."""
    state = reading.state
    undecided = sum(state.is_accepted(item.key) is None for item in reading.items)
    if undecided:
        yield f"{undecided} candidates were not decided and are left out."
    if state.disagreements:
        names = ", ".join(state.disagreements)
        yield f"Readers of one role disagree about {names}; the latest decision holds."
    seeds = [
        key
        for key, entry in state.added.items()
        if state.is_accepted(key) and state.outlines.get(key) == entry.outline
    ]
    if seeds:
        yield f"{', '.join(seeds)}: added, but not drawn; the outline is the ball it began with."
    if reading.scan.missing:
        yield f"Not reviewed, for want of a prediction: {', '.join(reading.scan.missing)}."
