"""FreeTumor's filter: a synthetic tumor is worth keeping if a segmenter finds it again."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..components import Box, box_within
from ..errors import InputError
from ..lesions import find_region
from ..organs import find_organ
from ..progress import CancelToken, Progress
from ..synthesis.synthesize import SynthesisResult
from ..volume import Grid, LabelMap, Scan

__all__ = ["CONTEXT_MM", "Critic", "Outlined", "Quality", "judge_tumor"]

CONTEXT_MM = 115.0
"""How far around a tumor's middle the critic looks, mm: one window of the embedded model."""

_LEAST_AROUND_MM = 40.0  # beside a tumor so large that it would fill that


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
        is_kept: Whether that is enough.
    """

    share: float
    is_kept: bool


def judge_tumor(critic: Critic, result: SynthesisResult, *, least: float = 0.7) -> Quality:
    """Let a segmenter look for a synthetic tumor.

    Only the scan around the tumor is looked at, without resampling, so that this takes no longer
    than a window or a few. Other tumors in view count neither for nor against it.

    Args:
        critic: A segmenter that finds tumors of the organ.
        result: The scan with the tumor.
        least: Share of its voxels that must be found, in [0, 1].

    Returns:
        The share found as tumor of the same organ, and whether it is at least `least`.

    Raises:
        InputError: If `least` is no share.
        ValueError: If the critic answers on another grid than it was given.
        AtlasTumorError: If the critic cannot look at the scan.

    Source:
        Wu et al., FreeTumor, Nat Commun 2025: kept if more than 0.7 of the mask is predicted.
        Differs: 0.7 itself is enough; one organ's tumors; the scan around the tumor alone.
    """
    if not 0.0 <= least <= 1.0:
        msg = f"The least quality is {least:g}; it is a share from 0 to 1."
        raise InputError(msg)
    organ = find_organ(result.request.organ)
    region = find_region(result.labels, result.lesion)
    around = _widen(region.box, result.scan.grid)
    scan = _crop(result.scan, around)
    labels = critic.segment(scan, organs=[organ.key]).labels
    if labels.array.shape != scan.array.shape:
        msg = f"The critic's labels have the shape {labels.array.shape}, not the scan's."
        raise ValueError(msg)
    inner = labels.array[box_within(around, region.box)]
    found = np.count_nonzero(inner[region.mask] == organ.tumor_label)
    share = int(found) / int(np.count_nonzero(region.mask))
    return Quality(share, share >= least)


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
