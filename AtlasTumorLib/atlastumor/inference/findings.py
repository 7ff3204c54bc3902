"""What is said about each organ, above all where no tumor was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..components import Box, find_boxes
from ..lesions import Lesion
from ..organs import Organ
from ..volume import LabelMap
from .request import Request

__all__ = ["SMALLEST_ORGAN_ML", "Finding", "count_labels", "describe_findings"]

SMALLEST_ORGAN_ML = 0.5
"""Less of an organ than this is a speck, not an organ in view."""

_CHUNK = 1 << 22


@dataclass(frozen=True)
class Finding:
    """What was found in one organ.

    Args:
        organ: The organ's key.
        coverage: "whole"; "partial" if it reaches the border of the scan or only its tumors were
            found; "none" if it is not in view.
        organ_ml: Volume of organ and tumors together, mL; NaN if the model does not outline it.
        n_lesions: How many tumors.
        tumor_ml: Their volume, mL.
        highest_score: Highest tumor probability in the organ and next to it, in [0, 1]; NaN if the
            organ is not in view.
        threshold: Least probability of a tumor's voxel or, with an outline, of a tumor; None where
            arg-max decided.
        message: The same for people, a sentence or two.
    """

    organ: str
    coverage: str
    organ_ml: float
    n_lesions: int
    tumor_ml: float
    highest_score: float
    threshold: float | None
    message: str


def count_labels(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Count the voxels of every label.

    Args:
        array: Labels, (I, J, K).

    Returns:
        Counts, (256,).
    """
    # Memory order, whichever it is: a view, never a copy of the whole.
    flat = array.ravel(order="K")
    counts = np.zeros(256, np.int64)
    for start in range(0, len(flat), _CHUNK):
        counts += np.bincount(flat[start : start + _CHUNK], minlength=256)
    return counts


def describe_findings(
    labels: LabelMap, lesions: Sequence[Lesion], request: Request, highest: Mapping[str, float]
) -> tuple[Finding, ...]:
    """Say for each organ whether it is in view and what was found in it.

    Args:
        labels: The finished label map, (I, J, K).
        lesions: All its lesions.
        request: What was asked for.
        highest: Highest tumor probability in each organ that the model knows, in [0, 1]; with an
            outline that of a whole tumor.

    Returns:
        One finding per organ.
    """
    counts = count_labels(labels.array)
    boxes = find_boxes(labels.array)
    findings = []
    for organ in request.organs:
        is_outlined = request.outlined.get(organ.key)
        coverage = _coverage(organ, labels, counts, boxes, is_outlined)
        own = [lesion for lesion in lesions if lesion.organ == organ.key]
        finding = Finding(
            organ.key,
            coverage,
            organ_ml=_volume_ml(organ, labels, counts) if is_outlined else math.nan,
            n_lesions=len(own),
            tumor_ml=float(sum(lesion.volume_ml for lesion in own)),
            highest_score=highest.get(organ.key, math.nan) if coverage != "none" else math.nan,
            threshold=request.thresholds.get(organ.key),
            message="This model does not look for it.",
        )
        if is_outlined is not None and coverage == "none":
            speck = f" ({finding.organ_ml:.2f} mL at most)" if finding.organ_ml > 0 else ""
            finding = replace(finding, message=f"Not in view{speck}.")
        elif coverage != "none":
            view = _describe_view(organ, counts, coverage, is_outlined=bool(is_outlined))
            finding = replace(finding, message=_describe_tumors(finding) + view)
        findings.append(finding)
    return tuple(findings)


def _coverage(
    organ: Organ,
    labels: LabelMap,
    counts: npt.NDArray[np.int64],
    boxes: Mapping[int, Box],
    is_outlined: bool | None,
) -> str:
    """Whether the organ is wholly, partly or not in view."""
    if is_outlined is None:
        return "none"
    n_tumor = int(counts[organ.tumor_label])
    n_organ = sum(int(counts[label]) for label in organ.labels)
    if not is_outlined:
        return "partial"
    if (n_organ + n_tumor) * labels.grid.voxel_ml < SMALLEST_ORGAN_ML and not n_tumor:
        return "none"
    own = [boxes[label] for label in (*organ.labels, organ.tumor_label) if label in boxes]
    is_cut = any(
        side.start == 0 or side.stop == n
        for box in own
        for side, n in zip(box, labels.grid.shape, strict=True)
    )
    return "partial" if is_cut or not n_organ else "whole"


def _volume_ml(organ: Organ, labels: LabelMap, counts: npt.NDArray[np.int64]) -> float:
    """Organ and tumors together, mL."""
    n_voxels = sum(int(counts[label]) for label in (*organ.labels, organ.tumor_label))
    return n_voxels * labels.grid.voxel_ml


def _describe_tumors(finding: Finding) -> str:
    """Say how many tumors, how large, how likely."""
    n, threshold, score = finding.n_lesions, finding.threshold, finding.highest_score
    if n:
        noun, whole = ("tumor", "") if n == 1 else ("tumors", " in all")
        return f"{n} {noun}, {finding.tumor_ml:.1f} mL{whole} (highest score {_show(score)})."
    if math.isnan(score):
        return "This model does not look for its tumors."
    if threshold is None:
        return f"No tumor (highest score {_show(score)})."
    if score >= threshold:
        return (
            f"No tumor left of what reached threshold {_show(threshold)} (highest score "
            f"{_show(score)}): too small, too flat or outside the organ."
        )
    return f"No tumor above threshold {_show(threshold)} (highest score {_show(score)})."


def _describe_view(
    organ: Organ, counts: npt.NDArray[np.int64], coverage: str, *, is_outlined: bool
) -> str:
    """Say what limits the statement about tumors, if anything."""
    if not is_outlined:
        return " This model does not outline the organ itself."
    if coverage == "partial" and not any(counts[label] for label in organ.labels):
        return " The organ itself was not found."
    return " Only part of the organ is in view." if coverage == "partial" else ""


def _show(share: float) -> str:
    """Two decimals; near 1, where thresholds may lie, three that are cut: 0.9949 is below 0.995."""
    if share < 0.99:
        return f"{share:.2f}"
    return f"{math.floor(1000 * share + 1e-6) / 1000:.3f}"
