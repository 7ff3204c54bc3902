"""A shape that a user painted, carried to the scan and held to what a tumor may take up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..components import Mask
from ..errors import InputError, PlacementError
from ..organs import Organ
from ..volume import Grid
from .ground import find_allowed
from .painting import Painting
from .patch import Patch
from .request import DIAMETER_MM, TumorRequest
from .room import count_voxels
from .shape_types import Shape

__all__ = ["find_middle", "make_painted"]

_LEAST_KEPT = 0.9
_FARTHEST = 1.2  # from its middle relative to its diameter: what patches are cut for
_TOUCHING = np.ones((3, 3, 3), bool)


def find_middle(grid: Grid, request: TumorRequest) -> tuple[int, int, int]:
    """Find the voxel at the middle of a painted shape: where it is to be, or where it was painted.

    Args:
        grid: The scan's.
        request: With the shape.

    Returns:
        Voxel (i, j, k) of the scan nearest its centroid, which need not lie in it.

    Raises:
        InputError: If the shape is none of a tumor, or its middle lies outside the scan.
    """
    painting = _check_shape(request)
    middle = _find_place(painting, request)
    i, j, k = (int(x) for x in np.rint(grid.to_ijk(middle)))
    if not all(0 <= x < n for x, n in zip((i, j, k), grid.shape, strict=True)):
        r, a, s = middle
        msg = (
            f"The middle of the painted shape, R {r:.1f}, A {a:.1f}, S {s:.1f} mm, lies outside "
            "the scan. Give a mask that overlaps it."
        )
        raise InputError(msg)
    return i, j, k


def make_painted(grid: Grid, patch: Patch, organ: Organ, request: TumorRequest) -> Shape:
    """Take what a user painted, as it is, where a tumor may grow.

    Voxels that no tumor may take are left out, a tenth at most.

    Args:
        grid: The scan's.
        patch: Around the voxel of `find_middle`.
        organ: The row of its organ.
        request: With the shape.

    Returns:
        Its voxels, 26-connected, without cells.

    Raises:
        PlacementError: If more is lost or too much lies outside the organ; says how much, and names
            the largest of this shape that fits.
    """
    painting = _check_shape(request)
    middle = _find_place(painting, request)

    def attempt(diameter_mm: float) -> _Attempt:
        scale = diameter_mm / painting.diameter_mm
        n = count_voxels(patch, diameter_mm)
        drawn = painting.draw(grid, patch.box, n, middle_ras=middle, scale=scale)
        allowed = find_allowed(patch, organ, replace(request, diameter_mm=diameter_mm))
        return _Attempt(_keep_largest(drawn & allowed), n, patch.organ)

    made = attempt(request.diameter_mm)
    problem = made.explain(organ, request)
    if not problem:
        return Shape(made.mask)
    largest = _find_largest(
        lambda size: not attempt(size).explain(organ, request), request.diameter_mm
    )
    asked = f"A tumor of this shape and {request.diameter_mm:.3g} mm does not fit here"
    other = f"; the largest that does is {largest} mm" if largest else ""
    msg = f"{asked}: {problem}{other}. Paint or place it elsewhere, or ask for a smaller one."
    raise PlacementError(msg)


@dataclass(frozen=True, eq=False)
class _Attempt:
    """What is left of a shape of so many voxels, (I, J, K), and where its organ is."""

    mask: Mask
    n_voxels: int
    organ: Mask

    def explain(self, organ: Organ, request: TumorRequest) -> str:
        """Say why it is no tumor; empty if it is one."""
        name = organ.name.lower()
        n_kept = np.count_nonzero(self.mask)
        if n_kept < _LEAST_KEPT * self.n_voxels:
            return (
                f"only {n_kept / self.n_voxels:.0%} of it lies where one of the {name} may grow, "
                f"and {_LEAST_KEPT:.0%} must"
            )
        outside = np.count_nonzero(self.mask & ~self.organ) / n_kept
        if outside > request.max_outside:
            return (
                f"{outside:.0%} of it would lie outside the {name}, and at most "
                f"{request.max_outside:.0%} may"
            )
        return ""


def _check_shape(request: TumorRequest) -> Painting:
    """The painting of a request for a painted shape, if a tumor may look so."""
    painting = request.painting
    if painting is None:
        msg = "The request holds no painted shape."
        raise ValueError(msg)
    if painting.n_parts > 1:
        msg = (
            f"The painted shape has {painting.n_parts} separate parts; a tumor is one. Leave the "
            "part that is meant."
        )
        raise InputError(msg)
    farthest_mm = _FARTHEST * painting.diameter_mm
    if painting.reach_mm > farthest_mm:
        msg = (
            f"The painted shape reaches {painting.reach_mm:.0f} mm from its middle; one of its "
            f"volume may reach {farthest_mm:.0f} mm. Paint a more compact one."
        )
        raise InputError(msg)
    return painting


def _find_place(painting: Painting, request: TumorRequest) -> np.ndarray:
    """Where the shape's centroid goes, RAS mm, (3,)."""
    return painting.middle_ras if request.center_ras is None else np.array(request.center_ras)


def _keep_largest(mask: Mask) -> Mask:
    """The largest of its 26-connected parts."""
    parts, n = ndimage.label(mask, _TOUCHING)
    if n < 2:
        return mask
    largest: Mask = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return largest


def _find_largest(fits: Callable[[float], bool], below_mm: float) -> int:
    """A size in whole mm that fits though one more does not; 0 if none was found."""
    fitting, failing = int(DIAMETER_MM[0]) - 1, int(np.ceil(below_mm))
    while failing - fitting > 1:
        middle = (fitting + failing) // 2
        if fits(float(middle)):
            fitting = middle
        else:
            failing = middle
    return fitting if fitting >= DIAMETER_MM[0] else 0
