"""Random textures: what tissues look like inside, and the grain that a CT scanner adds.

The noise of filtered back-projection has a power spectrum that rises with spatial frequency and is
cut off by the kernel's apodization, about f exp(-(f / f0)^2) within a slice (Riederer, Pelc and
Chesler, Phys Med Biol 1978), and is nearly white across slices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from .canvas import Floats, Vector

__all__ = ["blurred_noise", "grain_power", "scanner_noise", "texture_power", "tissue_texture"]

_ACROSS = 0.25  # share of a neighboring slice in a slice's noise


def scanner_noise(
    rng: np.random.Generator, shape: tuple[int, int, int], in_plane_mm: float, cutoff_per_mm: float
) -> Floats:
    """Draw CT noise.

    Args:
        rng: Source of randomness.
        shape: (I, J, K), slices along K.
        in_plane_mm: Size of a pixel.
        cutoff_per_mm: f0 of the kernel: 0.2 is smooth, 0.5 sharp.

    Returns:
        Noise of mean 0 and standard deviation 1, (I, J, K).
    """
    i, j, k = shape
    u = fft.fftfreq(i, in_plane_mm)[:, None]
    v = fft.rfftfreq(j, in_plane_mm)[None]
    amplitude = np.sqrt(_ramp(np.hypot(u, v), cutoff_per_mm)).astype(np.float32)
    noise = np.empty(shape, np.float32)
    for n in range(k):
        white = rng.standard_normal((i, j), dtype=np.float32)
        noise[:, :, n] = fft.irfft2(fft.rfft2(white) * amplitude, (i, j))
    noise[:, :, 1:] += _ACROSS * noise[:, :, :-1].copy()
    noise /= noise.std() + 1e-12
    return noise


def tissue_texture(
    rng: np.random.Generator, shape: tuple[int, int, int], spacing_mm: Vector, blob_mm: float
) -> Floats:
    """Draw smooth blobs.

    Args:
        rng: Source of randomness.
        shape: (I, J, K).
        spacing_mm: Voxel size.
        blob_mm: Standard deviation of the Gaussian that shapes the blobs.

    Returns:
        Texture of mean 0 and standard deviation 1, (I, J, K).
    """
    return blurred_noise(rng, shape, [blob_mm / s for s in spacing_mm])


def blurred_noise(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    sigma: Sequence[float] | npt.NDArray[np.float64],
) -> Floats:
    """Draw noise that neighbors share.

    Args:
        rng: Source of randomness.
        shape: (I, J, K).
        sigma: Standard deviation of the Gaussian that white noise is filtered with, voxels, (3,).

    Returns:
        Noise of mean 0 and standard deviation 1, (I, J, K), float32.
    """
    white = rng.standard_normal(shape, dtype=np.float32)
    noise: Floats = ndimage.gaussian_filter(white, sigma, mode="wrap", truncate=3.0)
    noise /= noise.std() + 1e-12
    return noise


def grain_power(shape: tuple[int, int, int], spacing_mm: Vector, cutoff_per_mm: float) -> Floats:
    """Give the power spectrum of `scanner_noise`.

    Args:
        shape: (I, J, K), slices along K.
        spacing_mm: Voxel size.
        cutoff_per_mm: As for `scanner_noise`.

    Returns:
        Power at `fft.fftfreq` of each axis, (I, J, K), of mean 1.
    """
    u, v, w = _frequencies(shape, spacing_mm)
    within = _ramp(np.hypot(u, v), cutoff_per_mm)
    across = 1 + _ACROSS**2 + 2 * _ACROSS * np.cos(2 * np.pi * w * spacing_mm[2])
    return _of_mean_1(within * across)


def texture_power(shape: tuple[int, int, int], spacing_mm: Vector, blob_mm: float) -> Floats:
    """Give the power spectrum of `tissue_texture`.

    Args:
        shape: (I, J, K).
        spacing_mm: Voxel size.
        blob_mm: As for `tissue_texture`.

    Returns:
        Power at `fft.fftfreq` of each axis, (I, J, K), of mean 1.
    """
    u, v, w = _frequencies(shape, spacing_mm)
    return _of_mean_1(np.exp(-((2 * np.pi * blob_mm) ** 2) * (u**2 + v**2 + w**2)))


def _ramp(f: Floats, cutoff_per_mm: float) -> Floats:
    """Power within a slice, up to a factor."""
    power: Floats = f * np.exp(-((f / cutoff_per_mm) ** 2))
    return power


def _frequencies(shape: tuple[int, int, int], spacing_mm: Vector) -> tuple[Floats, ...]:
    """Frequencies of each axis per mm, ready to be combined."""
    axes = (fft.fftfreq(n, step) for n, step in zip(shape, spacing_mm, strict=True))
    return tuple(np.ix_(*axes))


def _of_mean_1(power: Floats) -> Floats:
    result: Floats = power / power.mean()
    return result
