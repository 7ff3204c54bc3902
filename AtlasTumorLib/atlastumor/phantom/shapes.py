"""Signed-distance shapes in body coordinates: ellipsoids and spheres swept along a curve.

Distances are in mm and negative inside; they are exact for spheres and good near the surface of an
ellipsoid (Quilez' bound), which is where walls and shells need them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator, make_interp_spline
from scipy.spatial.transform import Rotation

from .canvas import Canvas, Floats, Region, Vector

__all__ = ["balls", "curve", "ellipsoid", "ellipsoid_distance", "smooth_union", "tube"]


def ellipsoid_distance(
    x: Floats,
    y: Floats,
    z: Floats,
    center: Vector,
    radii: Vector,
    tilt_deg: Vector = (0.0, 0.0, 0.0),
) -> Floats:
    """Measure how far points are from an ellipsoid.

    Args:
        x: R of each point in mm, any shape.
        y: A of each point.
        z: S of each point.
        center: Center in mm.
        radii: Semi-axes in mm.
        tilt_deg: Rotations about R, A and S, in this order.

    Returns:
        About the signed distance in mm, the shape of x.
    """
    turn = Rotation.from_euler("xyz", tilt_deg, degrees=True).as_matrix().T.astype(np.float32)
    dx, dy, dz = x - np.float32(center[0]), y - np.float32(center[1]), z - np.float32(center[2])
    first = np.zeros_like(dx)
    second = np.zeros_like(dx)
    for row, radius in zip(turn, radii, strict=True):
        u = row[0] * dx + row[1] * dy + row[2] * dz
        u *= np.float32(1 / radius)
        u *= u
        first += u
        second += u * np.float32(1 / radius**2)
    length = np.sqrt(first)
    result: Floats = length * (length - 1) / np.maximum(np.sqrt(second), np.float32(1e-6))
    return result


def ellipsoid(
    canvas: Canvas, center: Vector, radii: Vector, tilt_deg: Vector = (0.0, 0.0, 0.0)
) -> Region:
    """Evaluate an ellipsoid on a canvas.

    Args:
        canvas: Where.
        center: Center in mm.
        radii: Semi-axes in mm.
        tilt_deg: Rotations about R, A and S, in this order.

    Returns:
        Its region.
    """
    turn = np.abs(Rotation.from_euler("xyz", tilt_deg, degrees=True).as_matrix())
    half = np.sqrt((turn**2) @ (np.array(radii) ** 2))
    box = canvas.box(np.array(center) - half, np.array(center) + half)
    return Region(box, ellipsoid_distance(*canvas.at(box), center, radii, tilt_deg))


def smooth_union(a: Floats, b: Floats, blend_mm: float) -> Floats:
    """Join two shapes with a fillet.

    Args:
        a: Signed distance to one, mm.
        b: To the other, the same shape.
        blend_mm: Size of the fillet.

    Returns:
        Signed distance to both.
    """
    h = np.clip(0.5 + 0.5 * (b - a) / blend_mm, 0, 1)
    result: Floats = (b + (a - b) * h - blend_mm * h * (1 - h)).astype(np.float32)
    return result


def curve(
    control: npt.ArrayLike, values: npt.ArrayLike, *, step_mm: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sample a smooth curve through control points.

    Args:
        control: Points in mm, (N, 3), N at least 2.
        values: A number that goes with each (a radius), (N,).
        step_mm: Distance of the samples.

    Returns:
        Samples (M, 3) and the value at each (M,).
    """
    points = np.asarray(control, float)
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    fine = np.linspace(0, s[-1], max(int(s[-1] / step_mm), 1) + 1)
    degree = min(3, len(points) - 1)
    path = make_interp_spline(s, points, k=degree)(fine)
    return np.asarray(path), np.asarray(PchipInterpolator(s, np.asarray(values, float))(fine))


def balls(
    canvas: Canvas,
    points: npt.ArrayLike,
    radii: npt.ArrayLike,
    *,
    margin_mm: float = 0.0,
) -> Region:
    """Evaluate the union of spheres.

    Args:
        canvas: Where.
        points: Centers in mm, (N, 3).
        radii: Radii in mm, (N,).
        margin_mm: How far outside the surface the distance must still be right.

    Returns:
        The union with the index of the nearest sphere at each voxel.
    """
    centers = np.asarray(points, float).reshape(-1, 3)
    sizes = np.broadcast_to(np.asarray(radii, float), (len(centers),))
    places = canvas.locate(centers)
    reach = (sizes[:, None] + margin_mm) * 1.3 * canvas.growth * np.array(canvas.scale) + 1.0
    reach = reach / np.array(canvas.spacing_mm) + 1
    limits = np.array(canvas.shape)
    starts = np.clip(np.floor(places - reach), 0, limits).astype(int)
    stops = np.clip(np.ceil(places + reach) + 1, starts, limits).astype(int)
    low, high = starts.min(axis=0), np.maximum(stops.max(axis=0), starts.min(axis=0))
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    x, y, z = canvas.at((i, j, k))
    sdf = np.full(x.shape, 1e3, np.float32)
    nearest = np.zeros(x.shape, np.int16)
    for n in range(len(centers)):
        a, b = starts[n] - low, stops[n] - low
        part = (slice(a[0], b[0]), slice(a[1], b[1]), slice(a[2], b[2]))
        cx, cy, cz = (np.float32(c) for c in centers[n])
        distance = np.sqrt((x[part] - cx) ** 2 + (y[part] - cy) ** 2 + (z[part] - cz) ** 2)
        distance -= np.float32(sizes[n])
        closer = distance < sdf[part]
        sdf[part][closer] = distance[closer]
        nearest[part][closer] = n
    return Region((i, j, k), sdf, nearest)


def tube(
    canvas: Canvas,
    control: Sequence[Sequence[float]] | npt.NDArray[np.float64],
    radii: Sequence[float] | npt.NDArray[np.float64],
    *,
    margin_mm: float = 0.0,
) -> Region:
    """Evaluate a tube of varying radius.

    Args:
        canvas: Where.
        control: Points in mm that its middle runs through, (N, 3).
        radii: Radius in mm at each, (N,).
        margin_mm: How far outside the surface the distance must still be right.

    Returns:
        Its region; `nearest` counts samples along the tube.
    """
    step = max(0.45 * float(np.min(radii)), 1.0)
    points, sizes = curve(control, radii, step_mm=step)
    return balls(canvas, points, sizes, margin_mm=margin_mm)
