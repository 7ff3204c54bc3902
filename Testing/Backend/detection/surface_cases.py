"""Pairs of masks that any version of numpy makes alike: balls, and speckle without chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class SurfaceCase:
    name: str
    prediction: np.ndarray
    reference: np.ndarray
    spacing_mm: tuple[float, float, float]
    tolerance_mm: float


def ball(
    shape: tuple[int, int, int],
    center: tuple[float, float, float],
    radius_mm: float,
    spacing_mm: tuple[float, float, float],
) -> np.ndarray:
    ijk = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return (((ijk - center) * spacing_mm) ** 2).sum(axis=-1) <= radius_mm**2


def speckle(shape: tuple[int, int, int], seed: int, percent: int) -> np.ndarray:
    """About so many percent of the voxels, by mixing the bits of their numbers."""
    n = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(seed * 1_000_003)
    for shift in (33, 29, 32):
        n = (n ^ (n >> np.uint64(shift))) * np.uint64(0xD6E8FEB86659FD93)
    return ((n >> np.uint64(11)) % np.uint64(100) < percent).reshape(shape)


def surface_cases() -> Iterator[SurfaceCase]:
    spacings = ((1.0, 1.0, 1.0), (0.8, 0.8, 2.5), (3.0, 0.7, 1.3))
    shape = (22, 24, 18)
    for n, spacing in enumerate(spacings):
        middle = (10.0, 11.0, 8.0)
        shifted = (10.0 + 2.0 / spacing[0], 11.0, 8.5)
        reference = ball(shape, middle, 7.0, spacing)
        for tolerance in (0.0, 1.0, 2.0):
            yield SurfaceCase(
                f"balls {n}, {tolerance:g} mm",
                ball(shape, shifted, 6.0, spacing),
                reference,
                spacing,
                tolerance,
            )
        rough = reference ^ speckle(shape, n, 4)
        yield SurfaceCase(f"rough ball {n}", rough, reference, spacing, 2.0)
        for percent in (3, 50, 92):
            yield SurfaceCase(
                f"speckle {n}, {percent} %",
                speckle(shape, 7 + n, percent),
                speckle(shape, 70 + n, percent),
                spacing,
                1.0,
            )
