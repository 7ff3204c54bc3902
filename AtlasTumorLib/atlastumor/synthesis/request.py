"""What a user asks for: one synthetic tumor, in numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import InputError
from ..organs import find_organ
from ..provenance import to_plain
from .painting import Painting

__all__ = [
    "CONTRAST_HU",
    "DIAMETER_MM",
    "MAX_OUTSIDE",
    "PAINTED",
    "SIZE_CLASSES",
    "TumorRequest",
    "draw_diameter",
]

DIAMETER_MM = (3.0, 150.0)
"""Smallest and largest diameter that may be asked for, mm."""

CONTRAST_HU = (-400.0, 400.0)
"""Lowest and highest contrast that may be asked for, HU."""

MAX_OUTSIDE = (0.0, 0.9)
"""Smallest and largest share outside the organ that may be allowed."""

PAINTED = "painted"
"""The kind of shape that a user painted; those that are drawn are listed in `SHAPES`."""

SIZE_CLASSES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"small": (12.0, 20.0), "medium": (24.0, 40.0), "large": (48.0, 80.0)}
)
"""Diameters (smallest, largest) of the size classes, mm: radii of 8, 16 and 32 mm +-25 %.

Source:
    Chen et al., "Towards Generalizable Tumor Synthesis" (DiffTumor), CVPR 2024, mask generator.
    Differs: its class "tiny" (4 mm) is left out, as in the mix of the paper on AbdomenAtlas 2.0.
"""


@dataclass(frozen=True)
class TumorRequest:
    """One synthetic tumor, as asked for.

    Args:
        organ: Key of the organ in which it grows.
        diameter_mm: Diameter of the ball of equal volume, mm, 3 to 150. A painted shape is scaled
            to it; `Painting.diameter_mm` leaves it as large as it was painted.
        seed: What all randomness follows from, 0 or more.
        method: Key of the method that gives it its densities.
        shape: Key of its kind of shape, or `PAINTED`.
        center_ras: Where its center lies, RAS mm; None lets a place be chosen. A painted shape is
            moved there with its centroid; None leaves it where it was painted.
        painting: The shape, if it is `PAINTED`; else where the center that is chosen may lie.
        contrast_hu: Mean density minus that of the organ around it, HU, -400 to 400, before the
            border is blended into the organ; None draws it from what tumors of the organ look like.
        exophytic: Whether it may grow out of the organ, up to half its radius.
        max_outside: Share of it that may lie outside the organ where it may grow out at all, 0 to
            0.9.
        capsule: Whether it has a thin bright rim.
        mass_effect: Whether it pushes aside what is around it.

    Raises:
        UnknownKeyError: If no organ has this key; `find_shape` and `find_method` check the others.
        InputError: If a number is not finite or out of its range, if a painted shape has no
            painting, or if a center is given and a painting to choose it from.
    """

    organ: str
    diameter_mm: float
    seed: int
    method: str = "handcrafted"
    shape: str = "ellipsoid"
    center_ras: tuple[float, float, float] | None = None
    painting: Painting | None = None
    contrast_hu: float | None = None
    exophytic: bool = False
    max_outside: float = 0.5
    capsule: bool = False
    mass_effect: bool = False

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "organ", find_organ(self.organ).key)
        _check_range("diameter", self.diameter_mm, DIAMETER_MM, "mm")
        if self.contrast_hu is not None:
            _check_range("contrast", self.contrast_hu, CONTRAST_HU, "HU")
        if self.seed < 0:
            msg = f"The seed is {self.seed}; it must be a whole number of 0 or more."
            raise InputError(msg)
        low, high = MAX_OUTSIDE
        if not low <= self.max_outside <= high:
            msg = (
                f"The share outside the organ is {self.max_outside:g}; it must lie between {low:g} "
                f"and {high:g}."
            )
            raise InputError(msg)
        self._check_center()
        self._check_painting()

    @property
    def is_painted(self) -> bool:
        """Whether its shape is what was painted."""
        return self.shape == PAINTED

    def record(self) -> dict[str, Any]:
        """Say it in what JSON can hold; of a painting, which it is."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        painting = None if self.painting is None else self.painting.record()
        record: dict[str, Any] = to_plain(values | {"painting": painting})
        return record

    def _check_painting(self) -> None:
        if self.is_painted and self.painting is None:
            msg = "The shape is to be painted, but no mask was given. Give one."
            raise InputError(msg)
        if self.painting is not None and self.center_ras is not None and not self.is_painted:
            msg = "There are both a place and a mask to choose it from. Give one of them."
            raise InputError(msg)

    def _check_center(self) -> None:
        if self.center_ras is None:
            return
        if len(self.center_ras) != 3 or not all(math.isfinite(x) for x in self.center_ras):
            msg = f"The center is {self.center_ras}; give three finite numbers: R, A, S in mm."
            raise InputError(msg)


def draw_diameter(
    rng: np.random.Generator, organ: str, mix: Sequence[float] = (4.0, 2.0, 1.0)
) -> float:
    """Draw a size class by its share and a diameter within it.

    A class is cut to the diameters to expect in the organ; one that lies wholly beyond is left out.

    Args:
        rng: Source of randomness.
        organ: Key of an organ.
        mix: Shares of small, medium and large, 0 or more; 4:2:1 is the paper's.

    Returns:
        Diameter of the ball of equal volume, mm, uniform within its class.

    Raises:
        UnknownKeyError: If no organ has this key.
        InputError: If the mix is not three shares, or leaves nothing to draw from.

    Source:
        Chen et al., "Scaling Tumor Segmentation: Best Lessons from Real and Synthetic Data", ICCV
        2025: small : medium : large = 4 : 2 : 1.
    """
    smallest, largest = find_organ(organ).tumor.diameter_mm
    _check_mix(mix)
    ranges = [(max(low, smallest), min(high, largest)) for low, high in SIZE_CLASSES.values()]
    shares = np.array(
        [share if low < high else 0.0 for share, (low, high) in zip(mix, ranges, strict=True)]
    )
    if shares.sum() <= 0:
        msg = f"The mix {_show_mix(mix)} leaves no tumor to draw; give a share above 0."
        raise InputError(msg)
    low, high = ranges[int(rng.choice(len(ranges), p=shares / shares.sum()))]
    return float(rng.uniform(low, high))


def _check_mix(mix: Sequence[float]) -> None:
    names = ":".join(SIZE_CLASSES)
    if len(mix) != len(SIZE_CLASSES) or not all(math.isfinite(x) and x >= 0 for x in mix):
        msg = f"The mix is {_show_mix(mix)}; give a share of 0 or more for each of {names}."
        raise InputError(msg)


def _show_mix(mix: Sequence[float]) -> str:
    return ":".join(f"{share:g}" for share in mix)


def _check_range(name: str, value: float, limits: tuple[float, float], unit: str) -> None:
    low, high = limits
    if not low <= value <= high:  # false for NaN too
        msg = f"The {name} is {value:g} {unit}; it must lie between {low:g} and {high:g} {unit}."
        raise InputError(msg)
