"""A small made-up scan with all six organs, on any grid.

Everything is a formula in RAS mm, so the same body can be put on turned, mirrored and anisotropic
grids. Fat everywhere in an elliptic cylinder; solid organs with one density each, the liver with a
vessel; hollow organs as tubes of wall around gas; a spine of bone. Noise of 8 HU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atlastumor.organs import label_names
from atlastumor.volume import Grid, LabelMap, Scan

Floats = npt.NDArray[np.float64]

SPACING_MM = (2.0, 1.6, 4.0)
LOW_MM, HIGH_MM = np.array([-120.0, -90.0, -76.0]), np.array([120.0, 90.0, 76.0])
AIR_HU, FAT_HU, WALL_HU, BONE_HU, VESSEL_HU = -1000, -100, 50, 500, 190
DENSITY_HU = {
    "liver": 110,
    "pancreas": 90,
    "kidney": 160,
    "uterus": 85,
    "colon": 50,
    "esophagus": 50,
}
CENTERS_RAS = {
    "liver": (50.0, 10.0, 25.0),
    "pancreas": (-30.0, 5.0, -20.0),
    "kidney": (62.0, -45.0, -38.0),
    "uterus": (0.0, -8.0, -54.0),
    "colon": (0.0, 50.0, -45.0),
    "esophagus": (-16.0, -20.0, 45.0),
}
COLON_MM, ESOPHAGUS_MM = (20.0, 16.0), (11.0, 4.0)  # outer and inner radius


@dataclass(frozen=True)
class Case:
    """A scan with the labels of its organs."""

    scan: Scan
    labels: LabelMap

    def voxel_at(self, ras: tuple[float, float, float]) -> tuple[int, int, int]:
        """The voxel nearest a point."""
        i, j, k = (int(x) for x in np.rint(self.scan.grid.to_ijk(ras)))
        return i, j, k


def make_grid(spacing_mm: tuple[float, float, float], turn: Floats) -> Grid:
    """A grid over the body whose axes are the columns of `turn` (3, 3), an orthonormal matrix."""
    corners = np.array(np.meshgrid(*zip(LOW_MM, HIGH_MM, strict=True))).reshape(3, -1)
    along = turn.T @ corners
    low, size = along.min(axis=1), np.ptp(along, axis=1)
    affine = np.eye(4)
    affine[:3, :3] = turn * np.array(spacing_mm)
    affine[:3, 3] = turn @ low
    i, j, k = (int(n) for n in np.floor(size / spacing_mm) + 1)
    return Grid((i, j, k), affine)


def turn_by(degrees: float, axes: tuple[int, int] = (0, 1)) -> Floats:
    """A rotation about the third axis."""
    a, b = axes
    turn = np.eye(3)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn[[a, a, b, b], [a, b, a, b]] = cosine, -sine, sine, cosine
    return turn


def _ball(ras: Floats, center: tuple[float, float, float], semi_mm: tuple[float, ...]) -> Floats:
    return np.sqrt((((ras - center) / semi_mm) ** 2).sum(axis=-1))


def _bar(ras: Floats, center: tuple[float, float, float], axis: int, half_mm: float) -> Floats:
    """Distance from a straight line along a world axis, infinite beyond its ends."""
    away = ras - np.array(center)
    across = np.linalg.norm(np.delete(away, axis, axis=-1), axis=-1)
    return np.where(np.abs(away[..., axis]) <= half_mm, across, np.inf)


def make_case(
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    turn: Floats | None = None,
    seed: int = 0,
    dtype: npt.DTypeLike = np.int16,
) -> Case:
    """The body on a grid."""
    grid = make_grid(spacing_mm, np.eye(3) if turn is None else turn)
    ras = grid.to_ras(np.stack(np.indices(grid.shape), axis=-1))
    body = (ras[..., 0] / 110) ** 2 + (ras[..., 1] / 80) ** 2 < 1
    inside = np.all((ras >= LOW_MM - 1) & (ras <= HIGH_MM + 1), axis=-1)
    hu = np.where(body & inside, FAT_HU, AIR_HU).astype(np.float32)
    labels = np.zeros(grid.shape, np.uint8)
    _paint_organs(ras, hu, labels)
    hu[_bar(ras, (0.0, -62.0, 0.0), 2, 200.0) <= 15] = BONE_HU
    hu += np.random.default_rng(seed).normal(0, 8, hu.shape)
    array = np.rint(hu).astype(np.int16) if np.dtype(dtype) == np.int16 else hu.astype(np.float32)
    return Case(Scan(array, grid), LabelMap(labels, grid, label_names()))


def _paint_organs(ras: Floats, hu: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]) -> None:
    right = CENTERS_RAS["kidney"]
    solid: list[tuple[str, int, tuple[float, float, float], tuple[float, ...]]] = [
        ("liver", 5, CENTERS_RAS["liver"], (46.0, 48.0, 40.0)),
        ("pancreas", 6, CENTERS_RAS["pancreas"], (42.0, 13.0, 11.0)),
        ("kidney", 4, right, (22.0, 20.0, 30.0)),
        ("kidney", 3, (-right[0], right[1], right[2]), (22.0, 20.0, 30.0)),
        ("uterus", 26, CENTERS_RAS["uterus"], (30.0, 22.0, 16.0)),
    ]
    for key, label, center, semi_mm in solid:
        _paint(hu, labels, _ball(ras, center, semi_mm) <= 1, label, DENSITY_HU[key])
    hu[(labels == 5) & (_bar(ras, (50.0, 10.0, 25.0), 0, 60.0) <= 5)] = VESSEL_HU
    tubes: list[tuple[str, int, int, float, tuple[float, float]]] = [
        ("colon", 14, 0, 75.0, COLON_MM),
        ("esophagus", 16, 2, 31.0, ESOPHAGUS_MM),
    ]
    for key, label, axis, half_mm, (outer_mm, inner_mm) in tubes:
        away = _bar(ras, CENTERS_RAS[key], axis, half_mm)
        _paint(hu, labels, away <= outer_mm, label, WALL_HU)
        hu[(labels == label) & (away <= inner_mm)] = -900


def _paint(
    hu: npt.NDArray[np.float32],
    labels: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    label: int,
    density_hu: float,
) -> None:
    free = mask & (labels == 0)
    labels[free] = label
    hu[free] = density_hu
