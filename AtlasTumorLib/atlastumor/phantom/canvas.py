"""A voxel grid that is painted in the coordinates of one standard body.

Standard ("body") coordinates are RAS mm from the middle of the third lumbar vertebra of an average
adult. Each voxel knows its body coordinates, which a scale and a smooth random warp bend away from
its place in the scanner; whatever is painted is bent with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

__all__ = ["Box", "Canvas", "Floats", "Region", "Vector", "bumps", "enlarge", "smooth_noise"]

Floats = npt.NDArray[np.float32]
Vector = tuple[float, float, float]
Box = tuple[slice, slice, slice]


_STEPS = 3  # of `locate`
_FARTHEST_MM = 120.0  # of what is turned, from the point about which it is


@dataclass(frozen=True, eq=False)
class Region:
    """A shape evaluated in the box around it.

    Args:
        box: Where the box lies in the canvas.
        sdf: About the distance to the surface in mm, negative inside, shape of the box.
        nearest: For a swept shape the index of the nearest sphere, shape of the box.
    """

    box: Box
    sdf: Floats
    nearest: npt.NDArray[np.int16] | None = None


def _spline_matrix(n: int, n_control: int) -> Floats:
    """Weights (n, n_control) of a uniform cubic B-spline at n even steps."""
    t = np.linspace(0, n_control - 3 - 1e-6, n)
    cell = t.astype(int)
    u = t - cell
    weights = np.stack(
        [(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3]
    )
    matrix = np.zeros((n, n_control), np.float32)
    for k in range(4):
        matrix[np.arange(n), cell + k] = weights[k] / 6
    return matrix


def smooth_noise(
    rng: np.random.Generator, shape: Iterable[int], spacing_mm: Vector, wavelength_mm: float
) -> Floats:
    """Draw smooth noise of unit-order amplitude.

    Args:
        rng: Source of randomness.
        shape: (I, J, K).
        spacing_mm: Voxel size.
        wavelength_mm: Distance between the spline's control points.

    Returns:
        Noise of mean 0 and standard deviation about 0.6, (I, J, K).
    """
    sizes = tuple(shape)
    n_control = [
        int(np.ceil(n * s / wavelength_mm)) + 4 for n, s in zip(sizes, spacing_mm, strict=True)
    ]
    noise = rng.standard_normal(n_control).astype(np.float32) * 1.5
    a, b, c = (_spline_matrix(n, m) for n, m in zip(sizes, n_control, strict=True))
    small = np.einsum("ia,abc,jb->ijc", a, noise, b, optimize=True)
    result: Floats = np.matmul(small, c.T)
    return result


def enlarge(coarse: Floats, shape: tuple[int, int, int]) -> Floats:
    """Interpolate every-second-voxel samples (ceil(I/2), ...) to all voxels (I, J, K)."""
    matrices = []
    for n, m in zip(shape, coarse.shape, strict=True):
        place = np.minimum(np.arange(n) / 2, m - 1)
        low = np.minimum(place.astype(int), max(m - 2, 0))
        matrix = np.zeros((n, m), np.float32)
        matrix[np.arange(n), low] = 1 - (place - low)
        matrix[np.arange(n), np.minimum(low + 1, m - 1)] += (place - low).astype(np.float32)
        matrices.append(matrix)
    a, b, c = matrices
    small = np.einsum("ia,abc,jb->ijc", a, coarse, b, optimize=True)
    result: Floats = np.matmul(small, c.T)
    return result


class Canvas:
    """Tissues on a grid, and the body coordinates of its voxels."""

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int, int],
        spacing_mm: Vector,
        first_mm: Vector,
        scale: Vector,
        warp_mm: float,
    ) -> None:
        """Lay out the grid and bend it.

        Args:
            rng: Source of randomness for the warp.
            shape: (I, J, K).
            spacing_mm: Voxel size.
            first_mm: RAS mm of voxel (0, 0, 0).
            scale: Size of this body relative to the standard one along R, A, S.
            warp_mm: Amplitude of the slow part of the warp.
        """
        self.shape, self.spacing_mm, self.first_mm, self.scale = shape, spacing_mm, first_mm, scale
        self.tissues: npt.NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self.coordinates: list[Floats] = []
        for axis in range(3):
            line = (first_mm[axis] + spacing_mm[axis] * np.arange(shape[axis])) / scale[axis]
            along = np.expand_dims(line.astype(np.float32), [a for a in range(3) if a != axis])
            field = smooth_noise(rng, shape, spacing_mm, 85.0)
            field *= warp_mm
            fine = smooth_noise(rng, shape, spacing_mm, 30.0)
            fine *= 0.22 * warp_mm
            field += fine
            field += along
            self.coordinates.append(field)
        self.reach_mm = 3.2 * warp_mm + 2.0
        self.growth, self._n_steps = 1.0, _STEPS

    @property
    def top_mm(self) -> float:
        """RAS height of the last slice."""
        return self.first_mm[2] + self.spacing_mm[2] * (self.shape[2] - 1)

    def box(self, low: npt.ArrayLike, high: npt.ArrayLike) -> Box:
        """Enclose the voxels whose body coordinates may lie between two corners, in mm."""
        scale, spacing = np.array(self.scale), np.array(self.spacing_mm)
        first = np.array(self.first_mm)
        start = ((np.asarray(low) - self.reach_mm) * scale - first) / spacing
        stop = ((np.asarray(high) + self.reach_mm) * scale - first) / spacing + 2
        limits = np.array(self.shape)
        start = np.clip(start, 0, limits).astype(int)
        stop = np.clip(stop, start, limits).astype(int)
        i, j, k = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
        return i, j, k

    def at(self, box: Box) -> tuple[Floats, Floats, Floats]:
        """Give the body coordinates (x, y, z) in mm of a box's voxels."""
        x, y, z = (field[box] for field in self.coordinates)
        return x, y, z

    @contextmanager
    def moved(
        self,
        by_mm: Vector,
        *,
        about: Vector = (0.0, 0.0, 0.0),
        turn_deg: Vector = (0.0, 0.0, 0.0),
        scale: float = 1.0,
    ) -> Iterator[None]:
        """Bend body coordinates, so that what is painted meanwhile lies otherwise than usual.

        Args:
            by_mm: How far it is shifted along R, A, S.
            about: Point about which it is turned and scaled, mm.
            turn_deg: Rotations about R, A and S, in this order; up to about 30 degrees, as else
                `locate` does not converge.
            scale: How much larger it is.
        """
        usual, reach = self.coordinates, self.reach_mm
        turn = Rotation.from_euler("xyz", turn_deg, degrees=True)
        rows = turn.as_matrix().T.astype(np.float32) / np.float32(scale)
        from_there = [f - np.float32(a + b) for f, a, b in zip(usual, about, by_mm, strict=True)]
        x, y, z = from_there
        self.coordinates = [
            row[0] * x + row[1] * y + row[2] * z + np.float32(a)
            for row, a in zip(rows, about, strict=True)
        ]
        bent = np.sin(min(turn.magnitude(), np.pi / 2)) + abs(scale - 1)
        self.reach_mm += max(abs(step) for step in by_mm) + _FARTHEST_MM * float(bent)
        self.growth, self._n_steps = max(scale, 1.0), 3 * _STEPS
        try:
            yield
        finally:
            self.coordinates, self.reach_mm = usual, reach
            self.growth, self._n_steps = 1.0, _STEPS

    def locate(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Find the fractional voxel positions (N, 3) of body coordinates (N, 3).

        Fixed-point iteration; the warp is gentle, so few steps come within a millimeter.
        """
        scale, spacing = np.array(self.scale), np.array(self.spacing_mm)
        index = (points * scale - np.array(self.first_mm)) / spacing
        for _ in range(self._n_steps):
            inside = np.clip(index.round().astype(int), 0, np.array(self.shape) - 1)
            here = np.stack([f[tuple(inside.T)] for f in self.coordinates], axis=1)
            index = inside + (points - here) * scale / spacing
        return np.asarray(index)

    def paint(
        self,
        region: Region,
        tissue: int,
        *,
        over: Iterable[int] | None = None,
        depth_mm: float = 0.0,
    ) -> None:
        """Fill a region with a tissue.

        Args:
            region: The shape.
            tissue: What to fill it with.
            over: Tissues that may be painted over; None for all.
            depth_mm: How far below the surface the filling starts.
        """
        self.fill(region.box, region.sdf < -depth_mm, tissue, over=over)

    def fill(
        self,
        box: Box,
        mask: npt.NDArray[np.bool_],
        tissue: int,
        *,
        over: Iterable[int] | None = None,
    ) -> None:
        """Fill the voxels of a box where a mask is true.

        Args:
            box: Where.
            mask: Which of its voxels, shape of the box.
            tissue: What to fill them with.
            over: Tissues that may be painted over; None for all.
        """
        view = self.tissues[box]
        if over is not None:
            allowed = np.zeros(256, bool)
            allowed[list(over)] = True
            mask = mask & allowed[view]
        view[mask] = tissue


def bumps(rng: np.random.Generator, canvas: Canvas, region: Region, size_mm: float) -> Floats:
    """Draw noise over a region's box, to make a surface uneven.

    Args:
        rng: Source of randomness.
        canvas: The region's.
        region: Where.
        size_mm: Distance between the spline's control points.

    Returns:
        Noise of mean 0 and standard deviation about 0.6, shape of the box.
    """
    if 0 in region.sdf.shape:
        return np.zeros(region.sdf.shape, np.float32)
    return smooth_noise(rng, region.sdf.shape, canvas.spacing_mm, size_mm)
