"""FreeTumor's filter: a synthetic tumor is worth keeping if a segmenter finds it again.

That alone would keep what is wrong: a critic that calls every odd density a tumor finds gas again,
and one that is mistaken about a place finds there what was never painted. So two questions are
added: is the tumor as dense as tumors of its organ are, and was it not found before it was there?
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import ndimage

from ..components import Box, Region, box_within
from ..errors import InputError
from ..lesions import find_region
from ..organs import Organ, find_organ
from ..progress import CancelToken, Progress
from ..synthesis.densities import FLUID_HU, find_contrast_range
from ..synthesis.synthesize import SynthesisResult
from ..volume import Grid, LabelMap, Scan
from .realism.view import TumorView, cut_view

__all__ = ["CONTEXT_MM", "Critic", "Outlined", "Quality", "judge_tumor"]

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
        is_kept: Whether that is enough, and nothing speaks against it.
        share_before: Part of the tumor's voxels that it found in the scan without it; 0 if it was
            not asked, which it is only about a tumor that would be kept.
        is_plausible: Whether tumors of the organ are as dense as this one.
    """

    share: float
    is_kept: bool
    share_before: float = 0.0
    is_plausible: bool = True


def judge_tumor(
    critic: Critic, result: SynthesisResult, *, before: Scan | None = None, least: float = 0.7
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
    share = _find_again(critic, result.scan, organ, region)
    view = cut_view(result.scan, result.labels, organ, region)
    is_plausible = _is_plausible(view, organ, result.request.contrast_hu)
    is_kept = share >= least and is_plausible
    if not is_kept or before is None or least == 0.0:
        return Quality(share, is_kept, is_plausible=is_plausible)
    share_before = _find_again(critic, before, organ, region)
    return Quality(share, share_before <= share / 2.0, share_before)


def _find_again(critic: Critic, scan: Scan, organ: Organ, region: Region) -> float:
    """Share of a region that the critic calls tumor."""
    around = _widen(region.box, scan.grid)
    part = _crop(scan, around)
    labels = critic.segment(part, organs=[organ.key]).labels
    if labels.array.shape != part.array.shape:
        msg = f"The critic's labels have the shape {labels.array.shape}, not the scan's."
        raise ValueError(msg)
    inner = labels.array[box_within(around, region.box)]
    found = np.count_nonzero(inner[region.mask] == organ.tumor_label)
    return int(found) / int(np.count_nonzero(region.mask))


def _is_plausible(view: TumorView, organ: Organ, asked_hu: float | None) -> bool:
    """Whether a tumor, border aside, is as dense as asked for or as tumors of its organ are."""
    if not view.near.any():
        return True
    organ_hu = float(np.median(view.hu[view.near]))
    depth = ndimage.distance_transform_edt(np.pad(view.tumor, 1), view.spacing_mm)[1:-1, 1:-1, 1:-1]
    inner = view.tumor & (depth >= np.median(depth[view.tumor]))
    contrast = float(view.hu[inner].mean()) - organ_hu
    low, high = find_contrast_range(organ, organ_hu)
    if asked_hu is not None:
        low, high = min(low, asked_hu), max(high, asked_hu)
    lowest = min(low, FLUID_HU - organ_hu) - _TOLERANCE_HU  # a necrotic one is fluid
    highest = _FAINTEST * high if high < 0 else high + _TOLERANCE_HU
    return lowest <= contrast <= highest


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
