"""What the lesions of a training patch weigh: small and faint ones more than they fill.

Lesions are weighted by their size after Kofler et al., blob loss, IPMI 2023: else a few large ones
decide the loss, and small ones are never learned. Where it is known how well they can be seen, what
is neither plain nor invisible counts most: there a network still has something to learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..organs import ORGANS
from ..phantom.tumors import NEIGHBORS
from .recipe import FIRST_TUMOR

__all__ = ["Lesions", "balance_lesions", "find_lesions", "measure_snr", "weigh_snr"]

_FULL_ML = 11.0  # a lesion of this size or larger has weight 1
_HEAVIEST = 3.0  # 12 taught the network to be sure of lesions that are not there
_INVISIBLE_SNR, _PLAIN_SNR = 2.5, 25.0
_WEIGHTS = (0.4, 2.5, 1.0)  # of voxels of invisible, faint and plain lesions
_ODDS = (0.2, 3.0, 0.6)  # of being chosen, within an organ
_BORDER = 0.4  # of other voxels at a border of two channels: what organs end at costs less
_RIM, _PAD = 3, 4  # voxels
_SOFT_HU, _LEAST_NOISE_HU = -50.0, 4.0
Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lesions:
    """Every lesion of a label volume.

    Args:
        parts: Number of each voxel's lesion from 1, (I, J, K); 0 outside.
        organs: Row of each lesion's organ in the organ table, (N,).
    """

    parts: npt.NDArray[np.int32]
    organs: Longs

    @cached_property
    def centers(self) -> npt.NDArray[np.float64]:
        """Centers of mass, voxels, (N, 3)."""
        numbers = range(1, len(self.organs) + 1)
        found = ndimage.center_of_mass(self.parts > 0, self.parts, numbers)
        return np.array(found, np.float64).reshape(-1, 3)


def find_lesions(channels: Bytes) -> Lesions:
    """Tell the lesions of each organ apart.

    Args:
        channels: Reference channel of each voxel, (I, J, K).

    Returns:
        Them, in the order of the organ table.
    """
    every = np.zeros(channels.shape, np.int32)
    rows: list[int] = []
    for row in range(len(ORGANS)):
        parts, n = ndimage.label(channels == FIRST_TUMOR + row, NEIGHBORS)
        np.add(parts, len(rows), out=every, where=parts > 0, casting="unsafe")
        rows += [row] * n
    return Lesions(every, np.array(rows, np.int64))


def measure_snr(lesions: Lesions, hu: Floats, channels: Bytes) -> Floats:
    """Measure how far each lesion stands out from what is around it.

    That is Rose's signal-to-noise ratio (Rose, J Opt Soc Am 38, 1948): contrast over the
    noise's deviation, times the root of the lesion's extent, here in voxels of the network's grid.

    Args:
        lesions: Of `channels`.
        hu: As the network sees it, (I, J, K).
        channels: Reference channel of each voxel, (I, J, K).

    Returns:
        (N,); around a lesion its own organ is compared, or soft tissue where there is none.
    """
    found = []
    for number, box in enumerate(ndimage.find_objects(lesions.parts), start=1):
        i, j, k = (slice(max(part.start - _PAD, 0), part.stop + _PAD) for part in box)
        own = lesions.parts[i, j, k] == number
        density, channel = hu[i, j, k], channels[i, j, k]
        rim = ndimage.binary_dilation(own, iterations=_RIM) & ~ndimage.binary_dilation(
            own, NEIGHBORS
        )
        rim &= (density > _SOFT_HU) & (channel < FIRST_TUMOR)
        organ = rim & (channel == 1 + lesions.organs[number - 1])
        around = density[organ if organ.sum() >= 10 else rim]
        found.append(_rate(density[own], around))
    return np.array(found, np.float32)


def _rate(own: Floats, around: Floats) -> float:
    """Rose's ratio from medians; 0 where nothing can be compared."""
    if around.size < 4:
        return 0.0
    middle = np.median(around)
    noise = max(1.4826 * float(np.median(np.abs(around - middle))), _LEAST_NOISE_HU)
    return float(abs(np.median(own) - middle) / noise * np.sqrt(own.size))


def weigh_snr(snr: Floats) -> tuple[Floats, Floats]:
    """Decide what lesions weigh by how far they stand out.

    Args:
        snr: From `measure_snr`, (N,).

    Returns:
        Weights of their voxels, and the odds of each to be chosen among its organ's, both (N,).
    """
    level = np.digitize(snr, (_INVISIBLE_SNR, _PLAIN_SNR))
    return np.array(_WEIGHTS, np.float32)[level], np.array(_ODDS, np.float32)[level]


def balance_lesions(
    channels: Bytes,
    spacing_mm: float,
    lesions: Lesions | None = None,
    weights: Floats | None = None,
) -> Floats:
    """Weight the voxels of small lesions by (full volume / volume)^(2/3).

    Args:
        channels: Reference channel of each voxel, (I, J, K).
        spacing_mm: Of the voxels, isotropic.
        lesions: Of `channels`, where they were found already.
        weights: A further factor for each lesion, (N,); then borders elsewhere count less, too.

    Returns:
        Weights, (I, J, K); 1 outside lesions, but at borders where there are `weights`.
    """
    parts = (lesions or find_lesions(channels)).parts
    ml = np.maximum(np.bincount(parts.ravel()), 1) * spacing_mm**3 / 1000
    factors = np.clip((_FULL_ML / ml) ** (2 / 3), 1.0, _HEAVIEST).astype(np.float32)
    factors[0] = 1.0
    if weights is not None:
        factors[1:] *= weights
    balance: Floats = factors[parts]
    if weights is not None:
        balance[_find_borders(channels) & (parts == 0)] = _BORDER
    return balance


def _find_borders(channels: Bytes) -> npt.NDArray[np.bool_]:
    """Find voxels one of whose six neighbors is of another channel, (I, J, K)."""
    borders = np.zeros(channels.shape, bool)
    for axis in range(3):
        at, differs = np.moveaxis(borders, axis, 0), np.moveaxis(channels, axis, 0)
        step = differs[1:] != differs[:-1]
        at[1:] |= step
        at[:-1] |= step
    return borders
