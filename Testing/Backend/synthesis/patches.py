"""Blocks of tissue and balls in them, for what works on patches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from atlastumor.organs import find_organ
from atlastumor.synthesis import Patch, Shape, TumorRequest

SPACING_MM = (1.0, 0.8, 2.5)
DENSITY_HU, NOISE_HU, FAT_HU = 110.0, 14.0, -100.0
LIVER = find_organ("liver")

Floats = npt.NDArray[np.float32]


def make_noise(shape: tuple[int, ...], seed: int = 0) -> Floats:
    """Noise that is correlated within slices, as a scanner's is; NOISE_HU strong."""
    white = np.random.default_rng(seed).standard_normal(shape)
    noise = ndimage.gaussian_filter(white, (0.8, 0.8, 0.0), mode="wrap")
    return (noise * NOISE_HU / noise.std()).astype(np.float32)


def make_patch(
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    half_mm: float = 34.0,
    noise_hu: float = NOISE_HU,
) -> Patch:
    """A cube of liver in fat: within 8 mm of the faces there is fat."""
    i, j, k = (2 * round(half_mm / mm) + 1 for mm in spacing_mm)
    organ = np.zeros((i, j, k), bool)
    rim = [int(np.ceil(8.0 / mm)) for mm in spacing_mm]
    organ[tuple(slice(n, -n) for n in rim)] = True
    hu = np.where(organ, DENSITY_HU, FAT_HU) + make_noise((i, j, k)) * noise_hu / NOISE_HU
    return Patch(
        hu=hu.astype(np.float32),
        organ=organ,
        labels=np.where(organ, LIVER.label, 0).astype(np.uint8),
        spacing_mm=spacing_mm,
        center=(i // 2, j // 2, k // 2),
        box=(slice(0, i), slice(0, j), slice(0, k)),
    )


def find_distance(patch: Patch) -> Floats:
    """Distance of each voxel from the center, mm."""
    return np.sqrt(sum(side**2 for side in patch.offsets_mm()))


def make_ball(patch: Patch, diameter_mm: float) -> Shape:
    """A ball around the center."""
    return Shape(find_distance(patch) <= diameter_mm / 2)


def make_request(**more: object) -> TumorRequest:
    """A tumor of 20 mm that is 50 HU darker than the liver."""
    return TumorRequest(
        **({"organ": "liver", "diameter_mm": 20.0, "seed": 1, "contrast_hu": -50.0} | more)
    )
