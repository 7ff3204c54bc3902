"""A painted tumor into its patch: border, grain, capsule and mass effect, shared by all methods.

Beyond the margin no voxel is touched, not by a bit: `find_margin` says how far it reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..components import Box, Mask, grow_box
from ..errors import InputError
from ..organs import Organ, find_organ
from .densities import measure_density, select_soft_tissue, select_tissue
from .grain import find_detail, measure_grain, measure_spread
from .mass_effect import PUSH_MARGIN_MM, push_aside
from .patch import Patch
from .request import TumorRequest
from .shape_types import Shape
from .texture import draw_texture

__all__ = ["BORDER_MM", "CAPSULE_HU", "CAPSULE_MM", "Composite", "composite", "find_margin"]

BORDER_MM = 3.0
"""How far beyond the tumor its soft border reaches along each axis: at most this, or one voxel."""

CAPSULE_MM = 1.5
"""Thickness of a capsule, the tumor's outermost part: this, or one voxel where that is more."""

CAPSULE_HU = 50.0
"""How much brighter than the organ a capsule is on average; and half of it than the tumor.

The blur of border and sampling leaves about half of it to be seen.
"""

Floats = npt.NDArray[np.float32]
Spacing = tuple[float, float, float]

_CUT = 2.0  # standard deviations at which the border's Gaussian ends
_SOFTNESS_MM = (0.75, BORDER_MM / _CUT)  # standard deviations to draw from
_SHARPEST = 0.6  # voxels: sampling alone makes 0.5, and no reconstruction resolves a voxel
_SHARE_OF_DIAMETER = 0.06  # a small tumor is not to be all border
_REGION_MM = 15.0  # how far around a tumor its grain is measured
_LEAST_CORE = 0.25


@dataclass(frozen=True, eq=False)
class Composite:
    """A patch with its tumor.

    Args:
        hu: Densities, (I, J, K); where nothing changed the bits are the patch's.
        labels: Label map with the tumor in it, (I, J, K).
        changed: Which voxels of `hu` differ on purpose.
        margin_mm: None of them is farther from the tumor.
    """

    hu: Floats
    labels: npt.NDArray[np.uint8]
    changed: Mask
    margin_mm: float


def find_margin(spacing_mm: Spacing, *, mass_effect: bool) -> float:
    """Tell how far from a tumor densities may change.

    Args:
        spacing_mm: Voxel size.
        mass_effect: Whether the tumor pushes aside what surrounds it.

    Returns:
        Distance from the nearest voxel center of the tumor, mm.
    """
    border = float(np.linalg.norm([_count_border(BORDER_MM, mm) * mm for mm in spacing_mm]))
    return max(border, PUSH_MARGIN_MM) if mass_effect else border


def composite(
    patch: Patch,
    shape: Shape,
    painted: npt.NDArray[np.float32],
    request: TumorRequest,
    rng: np.random.Generator,
) -> Composite:
    """Put a painted tumor into its patch.

    The border is a Gaussian's of 0.75 to 1.5 mm, narrower for tumors below 25 mm, never below 0.6
    voxels. Noise with the strength and the covariance of the scan's, measured in the organ (of a
    hollow organ: in all soft tissue nearby), is added to what was painted, less what it has
    already.

    Args:
        patch: The scan around the tumor; not changed.
        shape: Which of its voxels the tumor fills.
        painted: HU inside the shape, (I, J, K).
        request: Says whether there is a capsule and a mass effect.
        rng: Source of randomness.

    Returns:
        The patch as it is then.

    Raises:
        InputError: If the shape is empty, a painted density is no number, or a capsule leaves
            nothing of the tumor.
        PlacementError: If the organ has no tissue around it.
    """
    _check(shape.mask, painted)
    organ = find_organ(request.organ)
    bordering, noising, rimming = rng.spawn(3)
    softness_mm = float(bordering.uniform(*_SOFTNESS_MM))
    box = _grow(shape.mask, patch.spacing_mm, _REGION_MM)
    mask, before, inside = shape.mask[box], patch.hu[box], painted[box]
    noise = _match_grain(patch, organ, box, inside, mask, noising)
    if request.capsule:
        inside = _add_capsule(inside, mask, patch, organ, rimming)
    inside = _extend(inside, mask, patch.spacing_mm)
    labels, background, changed = patch.labels[box], before, np.zeros_like(mask)
    if request.mass_effect:
        pushed = push_aside(before, labels, mask, patch.spacing_mm)
        labels, background, changed = pushed.labels, pushed.hu, pushed.moved
    share = _soften(mask, patch.spacing_mm, softness_mm)
    # Both noises are independent: these weights keep their common strength.
    kept: Floats = np.sqrt(share * (2.0 - share)).astype(np.float32)
    mixed = background + share * (inside - background) + kept * noise
    labels = np.where(mask, np.uint8(organ.tumor_label), labels)
    margin_mm = find_margin(patch.spacing_mm, mass_effect=request.mass_effect)
    return _write(patch, box, mixed, labels, changed | (share > 0), margin_mm)


def _check(mask: Mask, painted: Floats) -> None:
    if not mask.any():
        msg = "The tumor's shape is empty; choose another place, shape or size."
        raise InputError(msg)
    if not np.isfinite(painted[mask]).all():
        msg = "The method painted densities that are no numbers; choose another method or seed."
        raise InputError(msg)


def _write(
    patch: Patch,
    box: Box,
    mixed: Floats,
    labels: npt.NDArray[np.uint8],
    changed: Mask,
    margin_mm: float,
) -> Composite:
    """Write what changed in a box into copies of the patch."""
    hu, new_labels, all_changed = patch.hu.copy(), patch.labels.copy(), np.zeros(patch.shape, bool)
    hu[box][changed] = mixed[changed]
    new_labels[box] = labels
    all_changed[box] = changed
    return Composite(hu, new_labels, all_changed, margin_mm)


def _grow(mask: Mask, spacing_mm: Spacing, margin_mm: float) -> Box:
    """The box of a mask and its margin, inside the patch."""
    found = ndimage.find_objects(mask.astype(np.uint8))[0]
    reach = (int(np.ceil(margin_mm / mm)) + 1 for mm in spacing_mm)
    return grow_box(found, reach, mask.shape)


def _match_grain(
    patch: Patch,
    organ: Organ,
    box: Box,
    inside: Floats,
    mask: Mask,
    rng: np.random.Generator,
) -> Floats:
    """Noise that what was painted lacks of the scan's, (box)."""
    region = select_soft_tissue(patch) if organ.hollow else select_tissue(patch, organ)
    if not region[box].any():
        region = select_soft_tissue(patch)
    grain = measure_grain(patch.hu[box], region[box], patch.spacing_mm)
    noise = grain.draw(rng)
    own = measure_spread(find_detail(inside, mask, patch.spacing_mm)[mask])
    missing = 1.0 - (own / grain.spread_hu) ** 2 if grain.spread_hu > 0 else 0.0
    return noise * np.float32(np.sqrt(max(missing, 0.0)))


def _add_capsule(
    inside: Floats, mask: Mask, patch: Patch, organ: Organ, rng: np.random.Generator
) -> Floats:
    """Brighten the outermost part of a tumor here more and there less, (box)."""
    thickness = max(CAPSULE_MM, 1.01 * min(patch.spacing_mm))
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), patch.spacing_mm)[1:-1, 1:-1, 1:-1]
    rim = mask & (depth <= thickness)
    if np.count_nonzero(mask & ~rim) < _LEAST_CORE * np.count_nonzero(mask):
        msg = (
            f"A capsule of {thickness:.1f} mm would fill most of this tumor. "
            "Ask for a larger tumor or for none with a capsule."
        )
        raise InputError(msg)
    texture = draw_texture(mask.shape, patch.spacing_mm, rng)
    uneven = texture / max(float(texture[rim].mean()), 1e-6)
    core = float(inside[mask & ~rim].mean())
    bright = max(measure_density(patch, organ) + CAPSULE_HU, core + CAPSULE_HU / 2.0)
    shell = bright + CAPSULE_HU * (uneven - 1.0)
    sharp = [1.0 / _CUT] * 3  # voxels: no edge in a scan is sharper
    share = ndimage.gaussian_filter(rim.astype(np.float32), sharp)
    share /= np.maximum(ndimage.gaussian_filter(mask.astype(np.float32), sharp), 1e-6)
    result: Floats = inside + np.clip(share, 0.0, 1.0) * (shell - inside)
    return result


def _extend(inside: Floats, mask: Mask, spacing_mm: Spacing) -> Floats:
    """Continue the tumor's densities beyond it with those of its nearest voxel."""
    nearest = ndimage.distance_transform_edt(
        ~mask, spacing_mm, return_distances=False, return_indices=True
    )
    result: Floats = inside[tuple(nearest)]
    return result


def _soften(mask: Mask, spacing_mm: Spacing, softness_mm: float) -> Floats:
    """How much of each voxel is tumor, (I, J, K) in [0, 1]; 0 beyond the border."""
    diameter = float(np.cbrt(6.0 / np.pi * np.count_nonzero(mask) * np.prod(spacing_mm)))
    softness_mm = min(softness_mm, _SHARE_OF_DIAMETER * diameter)
    sigma = [max(softness_mm / mm, _SHARPEST) for mm in spacing_mm]
    radius = [_count_border(_CUT * softness_mm, mm) for mm in spacing_mm]
    blurred: Floats = ndimage.gaussian_filter(
        mask.astype(np.float32), sigma, radius=radius, mode="nearest"
    )
    return np.clip(blurred, 0.0, 1.0)


def _count_border(reach_mm: float, mm: float) -> int:
    """How many voxels of a size a border reaches."""
    return max(int(reach_mm / mm), 1)
