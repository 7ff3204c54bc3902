"""A turned ellipsoid with a wavy surface: the plain tumor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from ..components import Mask
from .elastic import draw_displacement
from .patch import Patch
from .room import check_room, count_voxels, cut_to_size
from .shape_types import Shape

__all__ = ["make_ellipsoid"]

_SEMI_AXES = (0.75, 1.25)
_KNOT = 0.8  # distance of the knots of the deformation relative to the radius
_BEND = (
    0.2,
    0.7,
)  # spread of the knots' displacement relative to the radius; the surface's is a third


def make_ellipsoid(
    patch: Patch, allowed: Mask, diameter_mm: float, rng: np.random.Generator
) -> Shape:
    """Grow a deformed ellipsoid until what is allowed of it has the volume asked for.

    Args:
        patch: Where; the shape contains its center.
        allowed: Voxels that it may take up, (I, J, K).
        diameter_mm: Diameter of the ball of equal volume, mm.
        rng: Source of randomness.

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
    level = _measure_level(patch, diameter_mm / 2.0, rng)
    return Shape(cut_to_size(level, allowed, patch.center, count_voxels(patch, diameter_mm)))


def _measure_level(
    patch: Patch, radius_mm: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Size (I, J, K), relative to the radius, at which the growing ellipsoid reaches each voxel."""
    axes = rng.uniform(*_SEMI_AXES, size=3)
    axes *= radius_mm / np.cbrt(axes.prod())
    turn = Rotation.from_quat(rng.standard_normal(4)).as_matrix()
    to_ball = (turn / axes).T.astype(np.float32)
    bend = np.float32(rng.uniform(*_BEND) * radius_mm)
    offsets = patch.offsets_mm()
    moves = draw_displacement(offsets, knot_mm=_KNOT * radius_mm, rng=rng)
    x, y, z = (offset + bend * move for offset, move in zip(offsets, moves, strict=True))
    level: npt.NDArray[np.float32] = sum(
        (row[0] * x + row[1] * y + row[2] * z) ** 2 for row in to_ball
    )
    return np.sqrt(level)
