"""FreeTumor's filter: a synthetic tumor is worth keeping if a segmenter finds it again.

That alone would keep what is wrong: a critic that calls every odd density a tumor finds gas again,
and one that is mistaken about a place finds there what was never painted. So two questions are
added: is the tumor as dense as tumors of its organ are, and was it not found before it was there?
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from scipy import ndimage

from ..components import Box, Region, box_within
from ..errors import InputError
from ..lesions import find_region
from ..organs import Organ, find_organ
from ..progress import CancelToken, Progress
from ..synthesis.densities import FLUID_HU, find_contrast_range
from ..synthesis.result import SynthesisResult
from ..volume import Grid, LabelMap, Scan
from .realism.view import TumorView, cut_view

__all__ = [
    "CONTEXT_MM",
    "FOUND_BEFORE",
    "NOT_FOUND",
    "NOT_PLAUSIBLE",
    "Critic",
    "Outlined",
    "Quality",
    "judge_tumor",
]

NOT_FOUND, NOT_PLAUSIBLE, FOUND_BEFORE = "not found", "not plausible", "found before"
"""Why a tumor is rejected; the first of these that holds is named."""

CONTEXT_MM = 115.0
"""How far around a tumor's middle the critic looks, mm: one window of the embedded model."""

_LEAST_AROUND_MM = 40.0  # beside a tumor so large that it would fill that
_TOLERANCE_HU = 20.0  # beyond the range of contrasts: texture, noise and the organ's own spread
_FAINTEST = 0.5  # of the contrast that tumors have at least, where they are never as dense


class Outlined(Protocol):
    """What a critic answers."""

    @property
    def labels(self) -> LabelMap:
        """Organs and tumors on the scan's grid."""


class Critic(Protocol):
    """What judges a tumor; `inference.engine.Segmenter` is one."""

    def segment(
        self,
        scan: Scan,
        *,
        organs: Iterable[str] | None = None,
        progress: Progress = ...,
        cancel: CancelToken | None = None,
    ) -> Outlined:
        """Outline organs and their tumors, as the segmenter's method of this name does.

        Args:
            scan: CT in HU.
            organs: Keys of the organs that matter; None for all that it knows.
            progress: Told how far it is.
            cancel: Stops it.

        Returns:
            What it outlined.
        """


@dataclass(frozen=True)
class Quality:
    """What a critic thinks of a synthetic tumor.

    Args:
        share: Part of the tumor's voxels that it found again, in [0, 1].
        least: Share that must be found.
        contrast_hu: Mean of the tumor's inner half relative to its organ, HU; None if none of its
            organ is beside it.
        plausible_hu: From where to where that may be, HU; None likewise.
        share_before: Part of the tumor's voxels that it found in the scan without it; None if it
            was not asked, which it is only about a tumor that would be kept.
    """

    share: float
    least: float = 0.7
    contrast_hu: float | None = None
    plausible_hu: tuple[float, float] | None = None
    share_before: float | None = None

    @property
    def is_plausible(self) -> bool:
        """Whether tumors of the organ are as dense as this one."""
        if self.contrast_hu is None or self.plausible_hu is None:
            return True
        low, high = self.plausible_hu
        return low <= self.contrast_hu <= high

    @property
    def rejected_by(self) -> str:
        """What speaks against it: NOT_FOUND, NOT_PLAUSIBLE or FOUND_BEFORE; empty if nothing."""
        if self.share < self.least:
            return NOT_FOUND
        if not self.is_plausible:
            return NOT_PLAUSIBLE
        is_old = self.share_before is not None and self.share_before > self.share / 2.0
        return FOUND_BEFORE if is_old else ""

    @property
    def is_kept(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.rejected_by

    @property
    def reason(self) -> str:
        """Why it is rejected, in a sentence; empty if it is kept."""
        if self.rejected_by == NOT_FOUND:
            found, least = _percent(self.share), _percent(self.least)
            return f"The model finds {found} of it again; at least {least} are needed."
        if self.rejected_by == NOT_PLAUSIBLE and self.plausible_hu is not None:
            low, high = self.plausible_hu
            return (
                f"Its inside differs from its organ by {self.contrast_hu:+.0f} HU; in tumors of "
                f"this organ that is {low:+.0f} to {high:+.0f} HU."
            )
        if self.rejected_by == FOUND_BEFORE:
            return (
                f"The model finds {_percent(self.share_before or 0.0)} of it in the scan without "
                "it, too, so that its answer is about the place."
            )
        return ""

    def record(self) -> dict[str, Any]:
        """Say it in what JSON can hold."""
        low_high = self.plausible_hu
        return {
            "rejected_by": self.rejected_by,
            "share": round(self.share, 4),
            "contrast_hu": None if self.contrast_hu is None else round(self.contrast_hu, 1),
            "plausible_hu": None if low_high is None else [round(x, 1) for x in low_high],
            "share_before": None if self.share_before is None else round(self.share_before, 4),
        }


def judge_tumor(
    critic: Critic,
    result: SynthesisResult,
    *,
    before: Scan | None = None,
    least: float = 0.7,
    cancel: CancelToken | None = None,
) -> Quality:
    """Let a segmenter look for a synthetic tumor.

    Only the scan around the tumor is looked at, without resampling, so that this takes no longer
    than a window or a few. Other tumors in view count neither for nor against it.

    Args:
        critic: A segmenter that finds tumors of the organ.
        result: The scan with the tumor.
        before: The scan without it, in which at most half as much of it may be found; None leaves
            this question out.
        least: Share of its voxels that must be found, in [0, 1]; 0 asks nothing of the critic.
        cancel: Stops the critic.

    Returns:
        The share found as tumor of the same organ. The tumor is kept if that is at least `least`,
        if it is as dense as tumors of the organ, and if it was not found before it was there.

    Raises:
        InputError: If `least` is no share.
        ValueError: If the critic answers on another grid than it was given.
        AtlasTumorError: If the critic cannot look at the scan.

    Source:
        Wu et al., FreeTumor, Nat Commun 2025: kept if more than 0.7 of the mask is predicted.
        Differs: 0.7 itself is enough; one organ's tumors; the scan around the tumor alone; density
        and the scan before are asked for, too.
    """
    if not 0.0 <= least <= 1.0:
        msg = f"The least quality is {least:g}; it is a share from 0 to 1."
        raise InputError(msg)
    organ = find_organ(result.request.organ)
    region = find_region(result.labels, result.lesion)
    share = _find_again(critic, result.scan, organ, region, cancel)
    view = cut_view(result.scan, result.labels, organ, region)
    contrast_hu, plausible_hu = _measure_contrast(view, organ, result.request.contrast_hu)
    quality = Quality(share, least, contrast_hu, plausible_hu)
    if not quality.is_kept or before is None or least == 0.0:
        return quality
    return replace(quality, share_before=_find_again(critic, before, organ, region, cancel))


def _find_again(
    critic: Critic, scan: Scan, organ: Organ, region: Region, cancel: CancelToken | None
) -> float:
    """Share of a region that the critic calls tumor."""
    around = _widen(region.box, scan.grid)
    part = _crop(scan, around)
    labels = critic.segment(part, organs=[organ.key], cancel=cancel).labels
    if labels.array.shape != part.array.shape:
        msg = f"The critic's labels have the shape {labels.array.shape}, not the scan's."
        raise ValueError(msg)
    inner = labels.array[box_within(around, region.box)]
    found = np.count_nonzero(inner[region.mask] == organ.tumor_label)
    return int(found) / int(np.count_nonzero(region.mask))


def _measure_contrast(
    view: TumorView, organ: Organ, asked_hu: float | None
) -> tuple[float | None, tuple[float, float] | None]:
    """How much denser than its organ a tumor is, border aside, and what that may be, HU."""
    if not view.near.any():
        return None, None
    organ_hu = float(np.median(view.hu[view.near]))
    depth = ndimage.distance_transform_edt(np.pad(view.tumor, 1), view.spacing_mm)[1:-1, 1:-1, 1:-1]
    inner = view.tumor & (depth >= np.median(depth[view.tumor]))
    contrast = float(view.hu[inner].mean()) - organ_hu
    low, high = find_contrast_range(organ, organ_hu)
    if asked_hu is not None:
        low, high = min(low, asked_hu), max(high, asked_hu)
    lowest = min(low, FLUID_HU - organ_hu) - _TOLERANCE_HU  # a necrotic one is fluid
    highest = _FAINTEST * high if high < 0 else high + _TOLERANCE_HU
    return contrast, (lowest, highest)


def _percent(share: float) -> str:
    """Rounded down, so that what is not enough does not look enough."""
    return f"{math.floor(100.0 * share + 1e-9)}%"


def _widen(box: Box, grid: Grid) -> Box:
    """The part of a scan at which the critic looks."""
    sides = []
    for side, mm, n in zip(box, grid.spacing_mm, grid.shape, strict=True):
        width_mm = (side.stop - side.start) * mm
        reach = math.floor(max(CONTEXT_MM, width_mm / 2.0 + _LEAST_AROUND_MM) / mm)
        middle = (side.start + side.stop - 1) // 2
        sides.append(slice(max(middle - reach, 0), min(middle + reach + 1, n)))
    i, j, k = sides
    return i, j, k


def _crop(scan: Scan, box: Box) -> Scan:
    """Part of a scan, without copying."""
    array = scan.array[box]
    affine = scan.grid.affine.copy()
    affine[:3, 3] = scan.grid.to_ras([side.start for side in box])
    i, j, k = array.shape
    return Scan(array, Grid((i, j, k), affine), scan.source)
