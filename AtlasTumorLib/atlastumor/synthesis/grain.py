"""The scan's own noise, measured in tissue around a tumor and drawn anew inside it.

Noise of CT is correlated (by the kernel in a slice, by slice thickness across), so that white noise
of the right strength would still look painted. Its covariance is measured at every lag over an
irregular region, and Gaussian noise of that covariance is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from ..components import Mask

__all__ = ["Grain", "find_detail", "measure_grain", "measure_spread"]

Floats = npt.NDArray[np.float32]
Spacing = tuple[float, float, float]

_SMOOTH_MM = 3.0  # coarser than this is anatomy or texture, finer is noise
_SMOOTH_VOXELS = 0.8
_LAG_MM = 4.0
_OUTLIER = 2.5  # standard deviations; vessels and edges lie beyond
_FEWEST = 20


@dataclass(frozen=True, eq=False)
class Grain:
    """Noise of a region.

    Args:
        spread_hu: Its standard deviation.
        spectrum: Power by frequency as `scipy.fft.rfftn` orders it, of a grid of `size`.
        size: Voxels along (i, j, k) of that grid.
    """

    spread_hu: float
    spectrum: Floats
    size: tuple[int, int, int]

    def draw(self, rng: np.random.Generator) -> Floats:
        """Draw noise like it, `size` and HU, mean 0."""
        white = rng.standard_normal(self.size, dtype=np.float32)
        colored = fft.irfftn(fft.rfftn(white) * np.sqrt(self.spectrum), self.size)
        scale = self.spread_hu / max(float(colored.std()), 1e-12)
        noise: Floats = (colored * scale).astype(np.float32)
        return noise


def measure_spread(values: npt.NDArray[np.floating]) -> float:
    """Measure the standard deviation of what most values do, blind to outliers.

    Args:
        values: Any number of them, any shape.

    Returns:
        1.4826 times the median distance from the median; 0 for none.
    """
    if values.size == 0:
        return 0.0
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def find_detail(hu: Floats, region: Mask, spacing_mm: Spacing) -> Floats:
    """Take from an image what is coarser than noise, looking at one region only.

    Args:
        hu: Image, (I, J, K).
        region: Its voxels that count, (I, J, K).
        spacing_mm: Voxel size.

    Returns:
        Image minus its average over about 3 mm of the region, (I, J, K); 0 outside the region.
    """
    sigma = [max(_SMOOTH_MM / mm, _SMOOTH_VOXELS) for mm in spacing_mm]
    weight = region.astype(np.float32)
    share = ndimage.gaussian_filter(weight, sigma, truncate=3.0)
    middle = float(np.median(hu[region])) if region.any() else 0.0
    smooth = ndimage.gaussian_filter((hu - middle) * weight, sigma, truncate=3.0)
    detail = hu - middle - smooth / np.maximum(share, 1e-6)
    return np.where(region, detail, 0.0).astype(np.float32)


def measure_grain(hu: Floats, region: Mask, spacing_mm: Spacing) -> Grain:
    """Measure the strength and the covariance of the noise in a region.

    Args:
        hu: Image, (I, J, K).
        region: Tissue that is even but for noise, (I, J, K); vessels in it are cut off at 2.5
            spreads.
        spacing_mm: Voxel size.

    Returns:
        Its noise, to be drawn on the grid of the image; no noise if the region has fewer than 20
        voxels.

    Source:
        Blackman and Tukey, The Measurement of Power Spectra (1958): the spectrum is the transform
        of the windowed covariance. Differs: covariance over an irregular region, by dividing the
        correlation of the masked image by that of the mask.
    """
    detail = find_detail(hu, region, spacing_mm)
    inside = detail[region]
    spread = measure_spread(inside) if inside.size >= _FEWEST else 0.0
    i, j, k = hu.shape
    if spread == 0.0:
        return Grain(0.0, np.ones((i, j, k // 2 + 1), np.float32), (i, j, k))
    detail = np.clip(detail, -_OUTLIER * spread, _OUTLIER * spread)
    # Noise has longer tails than a normal law: the median alone makes it a fifth too weak.
    strength = float(np.sqrt(np.mean(detail[region].astype(np.float64) ** 2)))
    pairs = _correlate(region.astype(np.float32))
    covariance = _correlate(detail) / np.maximum(pairs, 1.0)
    covariance[pairs < _FEWEST] = 0.0
    covariance *= _lag_window((i, j, k), spacing_mm)
    spectrum = np.maximum(fft.rfftn(covariance).real, 0.0).astype(np.float32)
    return Grain(strength, spectrum, (i, j, k))


def _correlate(image: Floats) -> Floats:
    """Sum of products at every lag, circular, (I, J, K)."""
    power = np.abs(fft.rfftn(image)) ** 2
    result: Floats = fft.irfftn(power, image.shape).astype(np.float32)
    return result


def _lag_window(shape: tuple[int, int, int], spacing_mm: Spacing) -> Floats:
    """Gaussian that falls with the distance of the lag, (I, J, K)."""
    window = np.ones(shape, np.float32)
    for axis, (n, mm) in enumerate(zip(shape, spacing_mm, strict=True)):
        lag_mm = fft.fftfreq(n, 1.0 / n) * mm
        width = max(_LAG_MM, 1.5 * mm)
        fall = np.exp(-0.5 * (lag_mm / width) ** 2).astype(np.float32)
        window *= fall.reshape([-1 if a == axis else 1 for a in range(3)])
    return window
