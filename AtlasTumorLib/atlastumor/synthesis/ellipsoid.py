"""A turned ellipsoid with a wavy surface: the plain tumor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from ..components import Mask
from .elastic import displace, draw_knots
from .patch import Patch
from .room import check_room, cut_to_share
from .shape_types import Shape

__all__ = ["make_ellipsoid"]

_SEMI_AXES = (0.75, 1.25)
_KNOT = 0.8  # distance of the knots of the deformation relative to the radius
_BEND = (
    0.2,
    0.7,
)  # spread of the knots' displacement relative to the radius; the surface's is a third


_LATTICE = 2.5  # reach of the lattice on which a body's centroid is found relative to the radius
_STEPS = 12  # places of it from the middle to the end

Floats = npt.NDArray[np.float32]


def make_ellipsoid(
    patch: Patch,
    allowed: Mask,
    diameter_mm: float,
    rng: np.random.Generator,
    *,
    most_outside: float = 1.0,
) -> Shape:
    """Grow a deformed ellipsoid until what is allowed of it has the volume asked for.

    Where nothing cuts it, its centroid is the patch's center.

    Args:
        patch: Where; the shape contains its center.
        allowed: Voxels that it may take up, (I, J, K).
        diameter_mm: Diameter of the ball of equal volume, mm.
        rng: Source of randomness.
        most_outside: Share of it that may lie outside the organ.

    Returns:
        Its voxels, without cells.

    Raises:
        PlacementError: If there is no room for it; names the largest that fits.

    Source:
        Hu et al., "Label-Free Liver Tumor Segmentation", CVPR 2023, and Chen et al., "Towards
        Generalizable Tumor Synthesis", CVPR 2024: semi-axes +-25 %, elastic deformation. Differs:
        mm instead of voxels, a free rotation, B-spline deformation, and the volume is kept when
        the organ cuts the shape.
    """
    check_room(patch, allowed, diameter_mm)
    body = _draw_body(diameter_mm / 2.0, rng)
    offsets = zip(patch.offsets_mm(), body.find_centroid(), strict=True)
    level = body.measure_level(tuple(offset + shift for offset, shift in offsets))
    return Shape(cut_to_share(level, patch, allowed, diameter_mm, most_outside))


@dataclass(frozen=True, eq=False)
class _Body:
    """A deformed ellipsoid around the origin, wherever its centroid lies."""

    radius_mm: float
    to_ball: Floats
    knots: Floats
    bend_mm: float

    def measure_level(self, offsets_mm: tuple[Floats, ...]) -> Floats:
        """Size (I, J, K), relative to the radius, at which it reaches each place when it grows."""
        moves = displace(self.knots, offsets_mm, knot_mm=_KNOT * self.radius_mm)
        bend = np.float32(self.bend_mm)
        x, y, z = (offset + bend * move for offset, move in zip(offsets_mm, moves, strict=True))
        level: Floats = sum((row[0] * x + row[1] * y + row[2] * z) ** 2 for row in self.to_ball)
        return np.sqrt(level)

    def find_centroid(self) -> Floats:
        """Where its centroid lies when nothing cuts it, mm, (3,); the same whatever voxels are."""
        side = np.linspace(-_LATTICE, _LATTICE, 2 * _STEPS + 1, dtype=np.float32) * self.radius_mm
        level = self.measure_level(tuple(np.ix_(side, side, side))).ravel()
        n = round(4.0 / 3.0 * np.pi * (_STEPS / _LATTICE) ** 3)
        body = np.argpartition(level, n)[:n]
        at = np.unravel_index(body, (len(side),) * 3)
        return np.array([side[axis].mean() for axis in at], np.float32)


def _draw_body(radius_mm: float, rng: np.random.Generator) -> _Body:
    axes = rng.uniform(*_SEMI_AXES, size=3)
    axes *= radius_mm / np.cbrt(axes.prod())
    turn = Rotation.from_quat(rng.standard_normal(4)).as_matrix()
    to_ball = (turn / axes).T.astype(np.float32)
    bend_mm = float(rng.uniform(*_BEND) * radius_mm)
    return _Body(radius_mm, to_ball, draw_knots(rng), bend_mm)
