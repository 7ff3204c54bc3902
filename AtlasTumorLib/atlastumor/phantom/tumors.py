"""Tumors of a phantom: how many are asked for, and how those in a label map are measured.

Sizes follow the taxonomy of DiffTumor (Chen et al., CVPR 2024, mask generator: radii 4, 8, 16 and
32 mm). Differs: classes are ranges of the equivalent radius, measured on what was painted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..errors import InputError
from ..organs import KEYS, find_organ
from ..volume import Grid

__all__ = [
    "NEIGHBORS",
    "SIZE_CLASSES",
    "PhantomLesion",
    "TumorOptions",
    "measure_tumors",
    "size_class",
]

SIZE_CLASSES: dict[str, tuple[float, float]] = {
    "tiny": (3.5, 5.0),
    "small": (5.0, 10.0),
    "medium": (10.0, 20.0),
    "large": (20.0, 35.0),
}
"""Equivalent radius in mm, (from, below)."""

NEIGHBORS = np.ones((3, 3, 3), bool)
"""Voxels that touch by face, edge or corner are one tumor."""


@dataclass(frozen=True)
class TumorOptions:
    """How many tumors to draw, and where.

    Args:
        per_organ_probability: Chance that an organ has tumors, in [0, 1].
        count_range: Fewest and most tumors of an organ that has any.
        organs: Keys of the organs that may have tumors.
        clear_probability: Chance that the whole scan is free of tumors.
        gap_mm: Least distance between two tumors, 3 to 50.

    Raises:
        InputError: If a number is out of range.
        UnknownKeyError: If a key names no organ.
    """

    per_organ_probability: float = 0.5
    count_range: tuple[int, int] = (1, 2)
    organs: tuple[str, ...] = KEYS
    clear_probability: float = 0.07
    gap_mm: float = 5.0

    def __post_init__(self) -> None:
        """Check every field."""
        for name in ("per_organ_probability", "clear_probability"):
            if not 0 <= getattr(self, name) <= 1:
                msg = f"{name} is a chance from 0 to 1; got {getattr(self, name)}."
                raise InputError(msg)
        if not 3 <= self.gap_mm <= 50:
            msg = f"gap_mm must be from 3 to 50; got {self.gap_mm}."
            raise InputError(msg)
        low, high = self.count_range
        if not 0 < low <= high <= 20:
            msg = f"count_range needs 1 <= fewest <= most <= 20; got {self.count_range}."
            raise InputError(msg)
        for key in self.organs:
            find_organ(key)


@dataclass(frozen=True)
class PhantomLesion:
    """One tumor as it lies in the label map.

    Args:
        organ: Key of its organ.
        label: Its value in the label map.
        center_ras: Center of mass, RAS mm.
        diameter_mm: Of the sphere of equal volume.
        volume_ml: Volume.
        size_class: Key of `SIZE_CLASSES`.
    """

    organ: str
    label: int
    center_ras: tuple[float, float, float]
    diameter_mm: float
    volume_ml: float
    size_class: str


def size_class(radius_mm: float) -> str:
    """Name the size class of an equivalent radius in mm; below "tiny" is tiny, too."""
    for name, (_, below) in SIZE_CLASSES.items():
        if radius_mm < below:
            return name
    return "large"


def measure_tumors(labels: npt.NDArray[np.uint8], grid: Grid) -> tuple[PhantomLesion, ...]:
    """Measure every tumor of a label map (I, J, K), organ by organ, largest first.

    Components touch by face, edge or corner.
    """
    lesions: list[PhantomLesion] = []
    for key in KEYS:
        label = find_organ(key).tumor_label
        boxes = ndimage.find_objects((labels == label).astype(np.uint8))
        if not boxes:
            continue
        low = np.array([s.start for s in boxes[0]])
        parts, n = ndimage.label(labels[boxes[0]] == label, NEIGHBORS)
        counts = np.bincount(parts.ravel(), minlength=n + 1)[1:]
        centers = ndimage.center_of_mass(parts > 0, parts, range(1, n + 1))
        for count, center in sorted(zip(counts, centers, strict=True), key=lambda c: -c[0]):
            x, y, z = (float(v) for v in grid.to_ras(np.array(center) + low))
            volume = float(count) * grid.voxel_ml
            radius = (3 * volume * 1000 / (4 * np.pi)) ** (1 / 3)
            name = size_class(radius)
            lesions.append(PhantomLesion(key, label, (x, y, z), 2 * radius, volume, name))
    return tuple(lesions)
