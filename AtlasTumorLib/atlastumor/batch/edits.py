"""What a synthetic tumor changed in a scan and its label map: one box, before and after.

An edit is small, can be undone, and travels as a file between the worker and whoever shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import Box, Mask, box_within, nest_box
from ..lesions import find_region
from ..synthesis.result import SynthesisResult
from ..volume import LabelMap, Scan

__all__ = ["Edit", "describe_edit"]


@dataclass(frozen=True, eq=False)
class Edit:
    """One tumor's change; all arrays have the shape of the box.

    Args:
        start: First voxel (i, j, k) of the box.
        hu_before: Densities without the tumor, HU, in the scan's type.
        hu_after: Densities with it.
        labels_before: Label map without it, uint8.
        labels_after: Label map with it.
        mask: The tumor's voxels.
    """

    start: tuple[int, int, int]
    hu_before: npt.NDArray[Any]
    hu_after: npt.NDArray[Any]
    labels_before: npt.NDArray[np.uint8]
    labels_after: npt.NDArray[np.uint8]
    mask: Mask

    @property
    def box(self) -> Box:
        """Where it lies in the scan."""
        i, j, k = (slice(a, a + n) for a, n in zip(self.start, self.mask.shape, strict=True))
        return i, j, k

    def apply(self, hu: npt.NDArray[Any], labels: npt.NDArray[np.uint8]) -> None:
        """Put the tumor into writable arrays (I, J, K) of the whole scan."""
        hu[self.box], labels[self.box] = self.hu_after, self.labels_after

    def revert(self, hu: npt.NDArray[Any], labels: npt.NDArray[np.uint8]) -> None:
        """Take the tumor out of writable arrays (I, J, K) of the whole scan."""
        hu[self.box], labels[self.box] = self.hu_before, self.labels_before

    def save(self, path: Path) -> None:
        """Write it to an .npz file."""
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Edit:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            values = {field.name: stored[field.name] for field in fields(cls)}
        i, j, k = (int(x) for x in values.pop("start"))
        return cls(start=(i, j, k), **values)


def describe_edit(scan: Scan, labels: LabelMap, result: SynthesisResult) -> Edit:
    """Find what a tumor changed.

    Args:
        scan: The scan in which it was grown, (I, J, K).
        labels: The label map in which it was grown.
        result: What came out.

    Returns:
        Its change, in the smallest box that holds all of it.
    """
    outer = result.box
    changed = scan.array[outer] != result.scan.array[outer]
    changed |= labels.array[outer] != result.labels.array[outer]
    found = ndimage.find_objects(changed.astype(np.uint8))[0]
    box = nest_box(outer, found)
    region = find_region(result.labels, result.lesion)
    mask = np.zeros([side.stop - side.start for side in box], bool)
    mask[box_within(box, region.box)] = region.mask
    return Edit(
        (box[0].start, box[1].start, box[2].start),
        scan.array[box].copy(),
        result.scan.array[box].copy(),
        labels.array[box].copy(),
        result.labels.array[box].copy(),
        mask,
    )
