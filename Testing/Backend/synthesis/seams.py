"""Whether a tumor's border can be told from what happens inside the organ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from atlastumor.components import Region, has_label
from atlastumor.organs import find_organ
from atlastumor.synthesis.result import SynthesisResult
from atlastumor.volume import LabelMap, Scan

INSIDE, AT_BORDER = 99.5, 95.0
SOFTEST_EDGE = 0.8
FAINT_HU = 10.0
TISSUE_HU = (-50.0, 300.0)


@dataclass(frozen=True)
class Seam:
    """Gradients between voxels in soft tissue that share a face in the slice.

    Args:
        border: 95th percentile of those between tumor and organ, HU per mm.
        inside: 99.5th percentile of those inside the organ before the tumor, HU per mm.
        edge: Mean gradient across the border over that of a pasted edge, which goes the whole
            contrast in one voxel; 0 for a contrast below 10 HU.
    """

    border: float
    inside: float
    edge: float

    @property
    def is_hidden(self) -> bool:
        """Whether the border is within the organ's own range, or softer than a pasted edge."""
        return self.border <= self.inside or self.edge <= SOFTEST_EDGE


def measure_seam(before: Scan, labels: LabelMap, result: SynthesisResult) -> Seam:
    """Measure the border of a tumor; `labels` are those before it."""
    organ = find_organ(result.request.organ)
    tumor = (result.labels.array == organ.tumor_label) & (labels.array != organ.tumor_label)
    box = widen(Region(ndimage.find_objects(tumor.astype(np.uint8))[0], tumor), before)
    tumor, healthy = tumor[box], has_label(labels.array[box], organ.labels)
    old, new = (scan.array[box].astype(np.float32) for scan in (before, result.scan))
    calm, around = healthy & find_calm(old), healthy & ~tumor & find_calm(new)
    spacing = before.grid.spacing_mm
    axes = sorted(range(3), key=lambda axis: (round(spacing[axis], 3), axis))[:2]
    border, inside = [], []
    for axis in axes:
        t, c, a = (np.moveaxis(mask, axis, 0) for mask in (tumor, calm, around))
        rise, own = (np.diff(np.moveaxis(hu, axis, 0), axis=0) / spacing[axis] for hu in (new, old))
        inside.append(np.abs(own[c[:-1] & c[1:]]))
        border += [rise[t[:-1] & a[1:]], -rise[a[:-1] & t[1:]]]
    rises, own = np.concatenate(border), np.concatenate(inside)
    limit = float(np.percentile(own, INSIDE)) if own.size else 0.0
    if rises.size == 0:  # it fills all of the organ in view
        return Seam(0.0, limit, 0.0)
    pasted = abs(measure_core_contrast(new, tumor, around, spacing)) / min(spacing)
    edge = abs(float(rises.mean())) / pasted if pasted * min(spacing) >= FAINT_HU else 0.0
    return Seam(float(np.percentile(np.abs(rises), AT_BORDER)), limit, edge)


def find_calm(hu: np.ndarray) -> np.ndarray:
    """Soft tissue that does not touch anything else: every wall has an edge to gas and fat."""
    other = (hu <= TISSUE_HU[0]) | (hu >= TISSUE_HU[1])
    return ~ndimage.binary_dilation(other)


def measure_core_contrast(
    hu: np.ndarray, tumor: np.ndarray, organ: np.ndarray, spacing: tuple[float, ...]
) -> float:
    """Mean of the half of a tumor that is farthest from its border, less the organ's median."""
    depth = ndimage.distance_transform_edt(np.pad(tumor, 1), spacing)[1:-1, 1:-1, 1:-1]
    core = tumor & (depth >= np.median(depth[tumor]))
    return float(hu[core].mean() - np.median(hu[organ]))


def widen(region: Region, scan: Scan, margin_mm: float = 20.0) -> tuple[slice, ...]:
    """A region's box with what is around it."""
    return tuple(
        slice(max(side.start - step, 0), side.stop + step)
        for side, step in zip(
            region.box, (int(np.ceil(margin_mm / mm)) for mm in scan.grid.spacing_mm), strict=True
        )
    )
