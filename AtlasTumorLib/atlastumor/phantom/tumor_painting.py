"""Tumors painted into a canvas: drawn by size class, shaped, cut to the organ and kept apart.

Ellipsoids with semi-axes +-25 % and a wavy boundary, as in DiffTumor (Chen et al., CVPR 2024, mask
generator), small : medium : large = 4 : 2 : 1 as its paper mixes them. Differs: a
smooth random field instead of elastic deformation; tumors keep a distance and stay in view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial.transform import Rotation

from .canvas import Box, Canvas, Floats, smooth_noise
from .tissues import ORGAN_TISSUES, TUMOR_TISSUES, Tissue
from .tumors import NEIGHBORS, SIZE_CLASSES, TumorOptions

__all__ = ["paint_tumors"]

_MIX = {"tiny": 1 / 7, "small": 3 / 7, "medium": 2 / 7, "large": 1 / 7}
_SMALLEST_MM = SIZE_CLASSES["tiny"][0]

# Largest equivalent radius that an organ's tumors are drawn with, mm.
_LARGEST = {"esophagus": 22.0, "uterus": 30.0, "colon": 30.0, "pancreas": 30.0}

# Depth of the center below the organ's surface relative to the radius; near 0: at the surface.
_DEPTHS = {
    "liver": (0.3, 1.2),
    "pancreas": (0.1, 0.8),
    "kidney": (0.0, 0.9),
    "colon": (0.0, 0.3),
    "esophagus": (0.1, 0.5),
    "uterus": (0.1, 0.8),
}


def paint_tumors(rng: np.random.Generator, canvas: Canvas, options: TumorOptions) -> None:
    """Draw tumors and paint them into a canvas; one that fits nowhere is made smaller or left out.

    Args:
        rng: Source of randomness.
        canvas: With every organ painted.
        options: How many, and where.
    """
    if rng.random() < options.clear_probability:
        return
    taken = _Taken(np.zeros(canvas.shape, bool), options.gap_mm)
    taken.mask[:, :, [0, -1]] = True  # a tumor at the first or last slice would be cut
    for key in options.organs:
        if rng.random() >= options.per_organ_probability:
            continue
        n = int(rng.integers(options.count_range[0], options.count_range[1] + 1))
        radii = sorted((_draw_radius(rng, key) for _ in range(n)), reverse=True)
        space = _Space.of(canvas, key)
        for radius in radii:
            if space is not None:
                _place(rng, canvas, key, space, radius, taken)


def _draw_radius(rng: np.random.Generator, organ: str) -> float:
    name = str(rng.choice(list(_MIX), p=list(_MIX.values())))
    low, high = SIZE_CLASSES[name]
    return float(min(rng.uniform(low, high), _LARGEST.get(organ, 35.0)))


@dataclass(frozen=True, eq=False)
class _Space:
    """Where an organ's tumors may sit: voxels (N, 3) of the organ and their depth in mm (N,)."""

    voxels: npt.NDArray[np.int64]
    depth_mm: npt.NDArray[np.float32]

    @staticmethod
    def of(canvas: Canvas, organ: str) -> _Space | None:
        table = np.zeros(256, bool)
        table[list(ORGAN_TISSUES[organ])] = True
        mask = table[canvas.tissues]
        boxes = ndimage.find_objects(mask.astype(np.uint8))
        if not boxes:
            return None
        box = boxes[0]
        low = np.array([s.start for s in box])
        part = np.pad(mask[box], 1)
        depth = ndimage.distance_transform_edt(part, canvas.spacing_mm)[1:-1, 1:-1, 1:-1]
        voxels = np.argwhere(mask[box])
        if len(voxels) < 30:
            return None
        return _Space(voxels + low, depth[tuple(voxels.T)].astype(np.float32))


@dataclass(frozen=True, eq=False)
class _Taken:
    """Voxels (I, J, K) that new tumors keep `gap_mm` away from."""

    mask: npt.NDArray[np.bool_]
    gap_mm: float

    def has_room(
        self, tumor: npt.NDArray[np.bool_], box: Box, spacing: npt.NDArray[np.float64]
    ) -> bool:
        """Tell whether a tumor in a box stays away from the others and off the box's faces."""
        edge = any(np.take(tumor, index, axis).any() for axis in range(3) for index in (0, -1))
        if edge or not tumor.any():
            return False
        taken = self.mask[box]
        if not taken.any():
            return True
        away = ndimage.distance_transform_edt(~taken, spacing)
        return bool(away[tumor].min() > max(self.gap_mm, 2.1 * float(np.max(spacing))))


def _place(
    rng: np.random.Generator,
    canvas: Canvas,
    organ: str,
    space: _Space,
    radius_mm: float,
    taken: _Taken,
) -> bool:
    """Try places for one tumor, then for a smaller one; tell whether one was found."""
    spacing = np.array(canvas.spacing_mm)
    while radius_mm >= _SMALLEST_MM:
        for _ in range(6):
            depth = rng.uniform(*_DEPTHS[organ]) * radius_mm
            deep = min(depth, 0.9 * float(space.depth_mm.max()))
            good = np.flatnonzero(space.depth_mm >= deep)
            center = space.voxels[good[rng.integers(len(good))]]
            box = _box_around(canvas, center, 1.9 * radius_mm + taken.gap_mm)
            mask = _shape_tumor(rng, canvas, organ, box, center, radius_mm)
            if mask is None or not taken.has_room(mask, box, spacing):
                continue
            if _equivalent_radius(mask, spacing) < max(0.62 * radius_mm, _SMALLEST_MM):
                continue
            _paint_one(rng, canvas, organ, box, mask)
            taken.mask[box] |= mask
            return True
        radius_mm *= 0.8
    return False


def _box_around(canvas: Canvas, center: npt.NDArray[np.int64], reach_mm: float) -> Box:
    half = np.ceil(reach_mm / np.array(canvas.spacing_mm)).astype(int)
    low = np.maximum(center - half, 0)
    high = np.minimum(center + half + 1, canvas.shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return i, j, k


def _equivalent_radius(mask: npt.NDArray[np.bool_], spacing: npt.NDArray[np.float64]) -> float:
    return float((mask.sum() * spacing.prod() * 3 / (4 * np.pi)) ** (1 / 3))


def _shape_tumor(
    rng: np.random.Generator,
    canvas: Canvas,
    organ: str,
    box: Box,
    center: npt.NDArray[np.int64],
    radius_mm: float,
) -> npt.NDArray[np.bool_] | None:
    """Shape an ellipsoid with a wavy boundary and cut it to where it may be, (box) or None."""
    offsets = np.meshgrid(
        *(
            (np.arange(s.start, s.stop) - c) * mm
            for s, c, mm in zip(box, center, canvas.spacing_mm, strict=True)
        ),
        indexing="ij",
    )
    axes = rng.uniform(0.75, 1.25, 3)
    axes *= radius_mm / np.cbrt(axes.prod())
    points = np.stack(offsets, axis=-1) @ Rotation.random(rng=rng).as_matrix()
    ratio = np.sqrt(((points / axes) ** 2).sum(axis=-1))
    shape = ratio.shape
    wave = smooth_noise(rng, shape, canvas.spacing_mm, max(1.1 * radius_mm, 5.0))
    mask = (ratio + rng.uniform(0.05, 0.2) * wave < 1) & _allowed(rng, canvas, organ, box)
    parts, n = ndimage.label(mask, NEIGHBORS)
    if n == 0:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    result: npt.NDArray[np.bool_] = parts == 1 + int(sizes.argmax())
    return result


def _allowed(
    rng: np.random.Generator, canvas: Canvas, organ: str, box: Box
) -> npt.NDArray[np.bool_]:
    """Tell where a tumor of an organ may grow: the organ, and at times a little beyond it."""
    tissues = canvas.tissues[box]
    table = np.zeros(256, bool)
    table[list(ORGAN_TISSUES[organ])] = True
    inside = table[tissues]
    reach = {
        "kidney": 14.0 * (rng.random() < 0.5),
        "pancreas": 3.0,
        "uterus": 8.0 * (rng.random() < 0.4),
    }
    reach_mm = {"colon": 4.0, "esophagus": 7.0}.get(organ, reach.get(organ, 0.0))
    if reach_mm == 0.0 or not inside.any():
        return inside
    near = ndimage.distance_transform_edt(~inside, canvas.spacing_mm) <= reach_mm
    soft = np.zeros(256, bool)
    soft[[Tissue.VISCERAL_FAT, Tissue.MEDIASTINUM]] = True
    if organ == "esophagus":
        soft[[Tissue.LUNG, Tissue.STOMACH_WALL, Tissue.MUSCLE]] = True
    grown: npt.NDArray[np.bool_] = inside | (near & soft[tissues])
    return grown


def _paint_one(
    rng: np.random.Generator,
    canvas: Canvas,
    organ: str,
    box: Box,
    mask: npt.NDArray[np.bool_],
) -> None:
    """Paint a tumor: even, with a rim, or with a necrotic middle when it is big enough."""
    tissues = TUMOR_TISSUES[organ]
    view = canvas.tissues[box]
    view[mask] = tissues.core if rng.random() < 0.6 else tissues.other
    depth: Floats = ndimage.distance_transform_edt(mask, canvas.spacing_mm)
    deepest = float(depth.max())
    if rng.random() < 0.35:
        view[mask & (depth < min(0.3 * deepest, 4.0))] = tissues.rim
    if deepest > 6 and rng.random() < 0.45:
        noise = smooth_noise(rng, mask.shape, canvas.spacing_mm, max(deepest, 6.0))
        inner = depth > deepest * (rng.uniform(0.35, 0.6) + 0.15 * noise)
        view[mask & inner] = tissues.necrosis
