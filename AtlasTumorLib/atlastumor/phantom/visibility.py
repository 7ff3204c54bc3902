"""How well the tumors of a phantom can be seen: known exactly, since everything in it was drawn.

Source:
    Wagner and Brown, "Unified SNR analysis of medical imaging systems", Phys Med Biol 30, 1985: the
    detectability index d' of an observer who knows the signal and weighs the voxels by it, but
    takes the noise as it comes. By Rose's rule what has less than 5 is missed.
"""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage

from ..components import Box, Mask
from ..organs import KEYS, find_organ
from .canvas import Floats, Vector
from .making import PhantomOptions, Scene, make_scene
from .noise import grain_power, texture_power
from .scanner import average, measure_grain, stored_grid
from .tissues import ORGAN_TISSUES, TUMOR_TISSUES
from .tumors import NEIGHBORS

__all__ = ["measure_visibility"]

_MARGIN_MM = 12.0  # around a tumor's box, lest its ends meet in the Fourier transform
_SMEARED = 2  # voxels by which blur carries a tumor's density beyond its label


def measure_visibility(seed: int, options: PhantomOptions) -> dict[str, tuple[float, ...]]:
    """Measure the detectability of every tumor of a phantom.

    Args:
        seed: As for `make_phantom`.
        options: The same.

    Returns:
        By organ key, d' of each tumor, in the order in which they lie in the phantom's labels. Its
        signal is what it adds to its organ's first tissue (parenchyma or wall) through blur and
        slices; its noise is the scanner's grain and that tissue's texture, both taken as
        stationary. Vessels and other anatomy, which can hide it, do not count.

    Raises:
        InputError: If the seed is negative.
    """
    scene = make_scene(seed, options=options)
    _, flip = stored_grid(scene.target, scene.acquisition)
    labels, signal = scene.find_labels()[flip], _find_signal(scene)[flip]
    grain = measure_grain(scene.target, scene.acquisition)[flip[:2]]
    found = {}
    for key in KEYS:
        parts, _ = ndimage.label(labels == find_organ(key).tumor_label, NEIGHBORS)
        indices = []
        for number, box in enumerate(ndimage.find_objects(parts), start=1):
            i, j, k = _widen(box, scene.target.spacing_mm)
            tumor = parts[i, j, k] == number
            indices.append(_measure(scene, key, tumor, signal[i, j, k], grain[i, j]))
        found[key] = tuple(indices)
    return found


def _find_signal(scene: Scene) -> Floats:
    """What tumors add to the densities of their organs, HU on the target."""
    mean = scene.appearance.mean_hu
    added = np.zeros(256, np.float32)
    for key, tissues in TUMOR_TISSUES.items():
        added[list(tissues.all)] = mean[list(tissues.all)] - mean[ORGAN_TISSUES[key][0]]
    body = scene.anatomy.tissues, added, scene.anatomy.grid
    return average(*body, scene.target, scene.acquisition.blur_mm)


def _widen(box: Box, spacing_mm: Vector) -> Box:
    """Add the margin to a box, as far as the image goes."""
    pads = [int(np.ceil(_MARGIN_MM / step)) for step in spacing_mm]
    i, j, k = (
        slice(max(part.start - pad, 0), part.stop + pad)
        for part, pad in zip(box, pads, strict=True)
    )
    return i, j, k


def _measure(scene: Scene, key: str, tumor: Mask, around: Floats, grain_hu: Floats) -> float:
    """Give d' of one tumor: its signal's energy over the noise that passes the signal as filter."""
    spacing = scene.target.spacing_mm
    signal = np.where(ndimage.binary_dilation(tumor, iterations=_SMEARED), around, 0.0)
    grain = float(grain_hu[tumor.any(axis=2)].mean())
    looks, cutoff = scene.appearance, scene.acquisition.cutoff_per_mm
    texture = float(looks.texture_hu[ORGAN_TISSUES[key][0]])
    power = grain**2 * grain_power(signal.shape, spacing, cutoff)
    power += texture**2 * texture_power(signal.shape, spacing, looks.blob_mm)
    passed = (np.abs(fft.fftn(signal)) ** 2 * power).sum() / signal.size
    return float((signal**2).sum() / np.sqrt(passed))
