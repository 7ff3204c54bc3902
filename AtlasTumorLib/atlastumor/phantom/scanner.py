"""How a scanner sees an anatomy: pixels, slices, sharpness, grain, and how the file is laid out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ..volume import Grid
from .canvas import Floats, Vector
from .noise import scanner_noise, tissue_texture
from .tissues import sample_hu

__all__ = [
    "Acquisition",
    "Appearance",
    "average",
    "draw_acquisition",
    "draw_appearance",
    "measure_grain",
    "render",
    "sample_tissues",
    "scan_grid",
    "stored_grid",
]

_AIR_HU, _PADDING_HU = -1000.0, -1024
_MATRIX = 256
_SLICES_MM = (2.0, 2.5, 3.0, 4.0, 5.0)
_LAYOUTS = {"LPS": (-1, -1, 1), "RAS": (1, 1, 1), "LAS": (-1, 1, 1)}
"""Directions of the stored axes as they come out of DICOM conversion, along R, A, S."""


@dataclass(frozen=True)
class Acquisition:
    """One way of scanning.

    Args:
        slice_mm: Thickness and distance of slices.
        in_plane_mm: Size of a pixel; None lets the field of view give it at a matrix of 256.
        phase: Contrast phase.
        noise_hu: Standard deviation of the grain at the center of the body.
        blur_mm: Standard deviation of the in-plane blur.
        cutoff_per_mm: Sharpness of the grain; see `scanner_noise`.
        zoom: Field of view relative to the body's box.
        layout: Key of the stored orientation.
        padded: Whether the corners outside the circle of reconstruction are padded.
        table_mm: Position of the table along S, which shifts the world.
    """

    slice_mm: float
    in_plane_mm: float | None
    phase: str
    noise_hu: float
    blur_mm: float
    cutoff_per_mm: float
    zoom: float
    layout: str
    padded: bool
    table_mm: float


@dataclass(frozen=True, eq=False)
class Appearance:
    """How the tissues of one scan look.

    Args:
        mean_hu: Mean density by tissue id, (256,) float32.
        texture_hu: Standard deviation of the texture by tissue id, (256,) float32.
        blob_mm: Size of the texture's blobs; see `tissue_texture`.
    """

    mean_hu: Floats
    texture_hu: Floats
    blob_mm: float


def draw_acquisition(
    rng: np.random.Generator,
    *,
    phase: str,
    slice_mm: float | None,
    in_plane_mm: float | None,
    noise_hu: float | None,
) -> Acquisition:
    """Draw how to scan.

    Args:
        rng: Source of randomness.
        phase: Contrast phase.
        slice_mm: Thickness of slices; None draws one from 2 to 5 mm.
        in_plane_mm: Pixel size; None follows from the field of view.
        noise_hu: Grain; None draws 6 to 18 HU, less for thick slices.

    Returns:
        The settings.
    """
    thickness = float(rng.choice(_SLICES_MM))
    chosen = slice_mm if slice_mm is not None else thickness
    grain = float(rng.uniform(8, 20)) * (2.0 / max(chosen, 1.0)) ** 0.35
    return Acquisition(
        slice_mm=chosen,
        in_plane_mm=in_plane_mm,
        phase=phase,
        noise_hu=noise_hu if noise_hu is not None else grain,
        blur_mm=float(rng.uniform(0.4, 0.9)),
        cutoff_per_mm=float(rng.uniform(0.18, 0.4)),
        zoom=float(rng.uniform(0.99, 1.06)),
        layout=str(rng.choice(list(_LAYOUTS), p=(0.55, 0.3, 0.15))),
        padded=bool(rng.random() < 0.35),
        table_mm=round(float(rng.uniform(-700, 300)), 1),
    )


def draw_appearance(
    rng: np.random.Generator, *, phase: str, randomize: float = 0.0, bright: float = 0.0
) -> Appearance:
    """Draw how the tissues look.

    Args:
        rng: Source of randomness.
        phase: Contrast phase.
        randomize: Of densities, as `sample_hu` takes it.
        bright: The same.

    Returns:
        The appearance.
    """
    mean, texture = sample_hu(rng, phase=phase, randomize=randomize, bright=bright)
    return Appearance(mean, texture, float(rng.uniform(1.2, 2.5)))


def scan_grid(source: Grid, acquisition: Acquisition) -> Grid:
    """Lay the scan's grid over an anatomy's: square pixels, whole slices, axes along R, A, S."""
    low = np.array(source.affine[:3, 3]) - 0.5 * np.array(source.spacing_mm)
    size = np.array(source.shape) * np.array(source.spacing_mm)
    view = float(size[:2].max()) * acquisition.zoom
    pixel = acquisition.in_plane_mm or round(view / _MATRIX, 4)
    n = max(int(np.ceil(view / pixel)), 8) if acquisition.in_plane_mm else _MATRIX
    slices = max(int(size[2] / acquisition.slice_mm), 1)
    spacing = np.array([pixel, pixel, acquisition.slice_mm])
    middle = low + size / 2
    first = middle - spacing * (np.array([n, n, slices]) - 1) / 2
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = first
    return Grid((n, n, slices), affine)


def _weights(source: Grid, target: Grid, axis: int, blur_mm: float, *, air: bool) -> Floats:
    """Share of each source voxel in each target voxel along an axis, (n target, n source)."""
    step, width = source.spacing_mm[axis], target.spacing_mm[axis]
    p = source.affine[axis, 3] + step * np.arange(source.shape[axis])
    c = target.affine[axis, 3] + width * np.arange(target.shape[axis])
    offset = p[None] - c[:, None]
    sigma = np.hypot(blur_mm, 0.29 * step)  # a source voxel is itself a box of this deviation
    share = ndtr((offset + width / 2) / sigma) - ndtr((offset - width / 2) / sigma)
    # What lies beside the anatomy is air; above and below it the body goes on.
    total = np.full((len(c), 1), width / step) if air else share.sum(axis=1, keepdims=True)
    result: Floats = (share / np.maximum(total, 1e-9)).astype(np.float32)
    return result


def sample_tissues(
    tissues: npt.NDArray[np.uint8], source: Grid, target: Grid
) -> npt.NDArray[np.uint8]:
    """Look up the tissue at the center of every voxel of a scan.

    Args:
        tissues: Of the anatomy.
        source: Its grid.
        target: The scan's, its axes along R, A, S.

    Returns:
        Tissue ids on the target; air outside the source.
    """
    index, inside = [], []
    for axis in range(3):
        place = target.affine[axis, 3] + target.spacing_mm[axis] * np.arange(target.shape[axis])
        near = np.round((place - source.affine[axis, 3]) / source.spacing_mm[axis]).astype(int)
        inside.append((near >= 0) & (near < source.shape[axis]))
        index.append(np.clip(near, 0, source.shape[axis] - 1))
    found = tissues[np.ix_(*index)]
    found[~np.logical_and.outer(np.logical_and.outer(inside[0], inside[1]), inside[2])] = 0
    return found


def render(
    rng: np.random.Generator,
    tissues: npt.NDArray[np.uint8],
    source: Grid,
    target: Grid,
    acquisition: Acquisition,
    appearance: Appearance,
) -> npt.NDArray[np.int16]:
    """Scan an anatomy.

    Densities are averaged over each voxel's extent (partial volume) and blurred by the kernel;
    tissues then get their texture and the image its grain.

    Args:
        rng: Source of randomness.
        tissues: Of the anatomy, finer than the scan.
        source: Its grid.
        target: The scan's grid, its axes along R, A, S.
        acquisition: How to scan.
        appearance: How the tissues look.

    Returns:
        HU on the target, int16, at least -1024.
    """
    above_air = appearance.mean_hu - np.float32(_AIR_HU)
    hu = average(tissues, above_air, source, target, acquisition.blur_mm)
    hu += np.float32(_AIR_HU)
    nearest = sample_tissues(tissues, source, target)
    spacing: Vector = target.spacing_mm
    blobs = tissue_texture(rng, target.shape, spacing, appearance.blob_mm)
    blobs *= appearance.texture_hu[nearest]
    hu += blobs
    grain = scanner_noise(rng, target.shape, spacing[0], acquisition.cutoff_per_mm)
    grain *= measure_grain(target, acquisition)[..., None]
    hu += grain
    if acquisition.padded:
        hu[_radius(target) > 1] = _PADDING_HU
    return np.clip(np.rint(hu), _PADDING_HU, 3071).astype(np.int16)


def measure_grain(target: Grid, acquisition: Acquisition) -> Floats:
    """Give the standard deviation of the grain, which is coarsest in the middle, (I, J) HU.

    Args:
        target: The scan's grid, its axes along R, A, S.
        acquisition: How it is scanned.

    Returns:
        float32, the same in every slice.
    """
    inner = np.minimum(_radius(target), 1)
    return (np.float32(acquisition.noise_hu) * (1.1 - 0.35 * inner**2)).astype(np.float32)


def _radius(target: Grid) -> Floats:
    """Distance from the middle of the image relative to its half width, (I, J)."""
    x, y = (np.linspace(-1, 1, n, dtype=np.float32) for n in target.shape[:2])
    result: Floats = np.hypot(x[:, None], y[None])
    return result


def average(
    tissues: npt.NDArray[np.uint8], values: Floats, source: Grid, target: Grid, blur_mm: float
) -> Floats:
    """Average a value per tissue over each voxel of a scan, as its densities are.

    Args:
        tissues: Of the anatomy.
        values: By tissue id, (256,); of air they are 0.
        source: The anatomy's grid.
        target: The scan's, its axes along R, A, S.
        blur_mm: Standard deviation of the in-plane blur.

    Returns:
        float32 on the target.
    """
    across = _weights(source, target, 0, blur_mm, air=True)
    along = _weights(source, target, 1, blur_mm, air=True)
    up = _weights(source, target, 2, 0.3, air=False)
    result: Floats = np.zeros(target.shape, np.float32)
    for start in range(0, source.shape[0], 16):
        part = values[tissues[start : start + 16]]  # (16, J, K)
        small = np.matmul(along, part @ up.T)
        result += np.tensordot(across[:, start : start + 16], small, axes=1)
    return result


def stored_grid(grid: Grid, acquisition: Acquisition) -> tuple[Grid, tuple[slice, slice, slice]]:
    """Turn a grid along R, A, S into the stored layout.

    Args:
        grid: Axes along R, A, S.
        acquisition: Names the layout and the table's position.

    Returns:
        The grid as stored, exact in float32 as files hold it, and the slices that flip an array.
    """
    signs = _LAYOUTS[acquisition.layout]
    last = np.array(grid.shape) - 1
    affine = np.array(grid.affine)
    for axis, sign in enumerate(signs):
        if sign < 0:
            affine[:3, 3] += affine[:3, axis] * last[axis]
            affine[:3, axis] *= -1
    affine[2, 3] += acquisition.table_mm
    affine = affine.astype(np.float32).astype(np.float64)
    i, j, k = (slice(None, None, sign) for sign in signs)
    return Grid(grid.shape, affine), (i, j, k)
