"""Tumors of the six organs: drawn by size class, shaped, placed, painted and measured.

Sizes follow the taxonomy of DiffTumor (Chen et al., CVPR 2024, mask generator: radii 4, 8, 16 and
32 mm, semi-axes +-25 %) and the mix small : medium : large = 4 : 2 : 1 of its ICCV successor.
Differs: tumors keep a distance, stay in view, and what was painted is what is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ..errors import InputError
from ..organs import KEYS, find_organ
from ..volume import Grid
from .canvas import Canvas, Floats, smooth_noise
from .tissues import ORGAN_TISSUES, TISSUE_LABEL, TUMOR_TISSUES, Tissue

__all__ = [
    "SIZE_CLASSES",
    "PhantomLesion",
    "TumorOptions",
    "measure_tumors",
    "paint_tumors",
    "size_class",
]

SIZE_CLASSES: dict[str, tuple[float, float]] = {
    "tiny": (3.5, 5.0),
    "small": (5.0, 10.0),
    "medium": (10.0, 20.0),
    "large": (20.0, 35.0),
}
"""Equivalent radius in mm, (from, below)."""

_MIX = {"tiny": 1 / 7, "small": 3 / 7, "medium": 2 / 7, "large": 1 / 7}
_SMALLEST_MM = SIZE_CLASSES["tiny"][0]
_GAP_MM = 5.0
_EVERYTHING = 27  # 26-neighborhood and the voxel itself
_FULL = np.ones((3, 3, 3), bool)

# Largest equivalent radius that an organ's tumors are drawn with, mm.
_LARGEST = {"esophagus": 22.0, "uterus": 30.0, "colon": 30.0, "pancreas": 30.0}

_KEEP = frozenset(
    (
        Tissue.AIR,
        Tissue.SKIN,
        Tissue.CORTICAL_BONE,
        Tissue.MARROW,
        Tissue.DISC,
        Tissue.SPINAL_CANAL,
        Tissue.AORTA,
        Tissue.HEART_BLOOD,
        Tissue.TABLE,
        Tissue.TABLE_FOAM,
    )
)


@dataclass(frozen=True)
class TumorOptions:
    """How many tumors to draw, and where.

    Args:
        per_organ_probability: Chance that an organ has tumors, in [0, 1].
        count_range: Fewest and most tumors of an organ that has any.
        organs: Keys of the organs that may have tumors.
        clear_probability: Chance that the whole scan is free of tumors.

    Raises:
        InputError: If a number is out of range.
        UnknownKeyError: If a key names no organ.
    """

    per_organ_probability: float = 0.5
    count_range: tuple[int, int] = (1, 2)
    organs: tuple[str, ...] = KEYS
    clear_probability: float = 0.07

    def __post_init__(self) -> None:
        """Check every field."""
        for name in ("per_organ_probability", "clear_probability"):
            if not 0 <= getattr(self, name) <= 1:
                msg = f"{name} is a chance from 0 to 1; got {getattr(self, name)}."
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


def paint_tumors(rng: np.random.Generator, canvas: Canvas, options: TumorOptions) -> None:
    """Draw tumors and paint them into a canvas; one that fits nowhere is made smaller or left out.

    Args:
        rng: Source of randomness.
        canvas: With every organ painted.
        options: How many, and where.
    """
    if rng.random() < options.clear_probability:
        return
    occupied = np.zeros(canvas.shape, bool)
    for key in options.organs:
        if rng.random() >= options.per_organ_probability:
            continue
        n = int(rng.integers(options.count_range[0], options.count_range[1] + 1))
        radii = sorted((_draw_radius(rng, key) for _ in range(n)), reverse=True)
        space = _Space.of(canvas, key)
        for radius in radii:
            if space is not None:
                _place(rng, canvas, key, space, radius, occupied)


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


def _place(
    rng: np.random.Generator,
    canvas: Canvas,
    organ: str,
    space: _Space,
    radius_mm: float,
    occupied: npt.NDArray[np.bool_],
) -> bool:
    """Try places for one tumor, each few failures with a smaller one; tell whether one was found."""
    spacing = np.array(canvas.spacing_mm)
    limits = np.array(canvas.shape)
    while radius_mm >= _SMALLEST_MM:
        for _ in range(6):
            depth = rng.uniform(*_DEPTHS[organ]) * radius_mm
            deep = min(depth, 0.9 * float(space.depth_mm.max()))
            good = np.flatnonzero(space.depth_mm >= deep)
            center = space.voxels[good[rng.integers(len(good))]]
            half = np.ceil((1.9 * radius_mm + _GAP_MM) / spacing).astype(int)
            low, high = center - half, center + half + 1
            if (low < 0).any() or (high > limits).any():
                low, high = np.maximum(low, 0), np.minimum(high, limits)
            box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
            mask = _shape_tumor(rng, canvas, organ, box, center, radius_mm)
            if mask is None or not _has_room(mask, occupied[box], spacing):
                continue
            if _equivalent_radius(mask, spacing) < max(0.62 * radius_mm, _SMALLEST_MM):
                continue
            _paint_one(rng, canvas, organ, box, mask)
            occupied[box] |= mask
            return True
        radius_mm *= 0.8
    return False


# Depth of the center below the organ's surface relative to the radius; near 0: at the surface.
_DEPTHS = {
    "liver": (0.3, 1.2),
    "pancreas": (0.1, 0.8),
    "kidney": (0.0, 0.9),
    "colon": (0.0, 0.3),
    "esophagus": (0.1, 0.5),
    "uterus": (0.1, 0.8),
}


def _equivalent_radius(mask: npt.NDArray[np.bool_], spacing: npt.NDArray[np.float64]) -> float:
    return float((mask.sum() * spacing.prod() * 3 / (4 * np.pi)) ** (1 / 3))


def _has_room(
    mask: npt.NDArray[np.bool_],
    occupied: npt.NDArray[np.bool_],
    spacing: npt.NDArray[np.float64],
) -> bool:
    """Tell whether a tumor stays off the others and off the border of the view."""
    edge = any(np.take(mask, index, axis).any() for axis in range(3) for index in (0, -1))
    if edge or not mask.any():
        return False
    if not occupied.any():
        return True
    away = ndimage.distance_transform_edt(~occupied, spacing)
    return bool(away[mask].min() > max(_GAP_MM, 2.1 * float(np.max(spacing))))


def _shape_tumor(
    rng: np.random.Generator,
    canvas: Canvas,
    organ: str,
    box: tuple[slice, ...],
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
    parts, n = ndimage.label(mask, _FULL)
    if n == 0:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    result: npt.NDArray[np.bool_] = parts == 1 + int(sizes.argmax())
    return result


def _allowed(
    rng: np.random.Generator, canvas: Canvas, organ: str, box: tuple[slice, ...]
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
    box: tuple[slice, ...],
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
        parts, n = ndimage.label(labels[boxes[0]] == label, _FULL)
        counts = np.bincount(parts.ravel(), minlength=n + 1)[1:]
        centers = ndimage.center_of_mass(parts > 0, parts, range(1, n + 1))
        for count, center in sorted(zip(counts, centers, strict=True), key=lambda c: -c[0]):
            x, y, z = (float(v) for v in grid.to_ras(np.array(center) + low))
            volume = float(count) * grid.voxel_ml
            radius = (3 * volume * 1000 / (4 * np.pi)) ** (1 / 3)
            name = size_class(radius)
            lesions.append(PhantomLesion(key, label, (x, y, z), 2 * radius, volume, name))
    return tuple(lesions)
