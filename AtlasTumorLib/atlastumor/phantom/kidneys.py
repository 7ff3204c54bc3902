"""Kidneys with their capsule of fat, pyramids, calyces, ureters and stones, and the adrenals.

Each kidney has 120-200 ml, as healthy adults' have (radiological reference ranges).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from .canvas import Canvas, Floats, Region, Vector, bumps
from .person import jitter
from .shapes import balls, ellipsoid, ellipsoid_distance, smooth_union, tube
from .tissues import Tissue
from .variety import KIDNEY, paint_moved

__all__ = ["paint_kidneys"]

_FAT = (Tissue.VISCERAL_FAT,)


def paint_kidneys(rng: np.random.Generator, canvas: Canvas, *, varied: bool) -> None:
    """Paint both kidneys with their capsule of fat, adrenals, ureters and sometimes stones.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        varied: Whether each lies and turns otherwise than in most bodies.
    """
    lift = rng.normal(0, 8)
    for side, tissues in (
        (1.0, (Tissue.KIDNEY_RIGHT_CORTEX, Tissue.KIDNEY_RIGHT_MEDULLA)),
        (-1.0, (Tissue.KIDNEY_LEFT_CORTEX, Tissue.KIDNEY_LEFT_MEDULLA)),
    ):
        (x, y, z) = jitter(rng, (side * 65, -14, 26 - 6 * side + lift), 3.5)[0]
        paint = partial(_paint_kidney, canvas, (x, y, z), side, tissues)
        if varied:
            paint_moved(rng, canvas, replace(KIDNEY, about=(x, y, z)), paint)
        else:
            paint(rng)
        _paint_adrenal(rng, canvas, (x, y, z), side)


def _paint_kidney(
    canvas: Canvas,
    center: Vector,
    side: float,
    tissues: tuple[Tissue, Tissue],
    rng: np.random.Generator,
) -> None:
    k = rng.normal(1.0, 0.05, 3)
    radii = (29.5 * k[0], 27 * k[1], 55 * k[2])
    tilt = (12 + rng.normal(0, 4), side * 12 + rng.normal(0, 4), side * 28.0)
    capsule = float(rng.uniform(5, 12))
    around = (radii[0] + capsule, radii[1] + capsule, radii[2] + capsule)
    organs = (Tissue.LIVER, Tissue.SPLEEN, Tissue.STOMACH_WALL, Tissue.STOMACH_CONTENTS)
    shell = ellipsoid(canvas, center, around, tilt)
    canvas.paint(shell, Tissue.VISCERAL_FAT, over=(*organs, Tissue.HEPATIC_PORTAL))
    bean = ellipsoid(canvas, center, radii, tilt)
    x, y, z = canvas.at(bean.box)
    hilum = (center[0] - side * 27, center[1] + 15, center[2])
    sinus = ellipsoid_distance(x, y, z, hilum, (23, 13, 25), tilt)
    shape = np.maximum(smooth_union(bean.sdf, bean.sdf, 0.1), -sinus) + 0.8 * bumps(
        rng, canvas, bean, 18
    )
    over = (*_FAT, *organs, Tissue.MUSCLE, Tissue.FAT)
    canvas.paint(Region(bean.box, shape), tissues[0], over=over)
    core = 0.8 * np.array(center) + 0.2 * np.array(hilum)
    rays = np.stack(
        np.broadcast_arrays(*((v - c) / r for v, c, r in zip((x, y, z), core, radii, strict=True))),
        -1,
    )
    pyramids = _pyramids(rng, rays) & (bean.sdf < -rng.uniform(5.5, 8.5)) & (sinus > 1.5)
    canvas.fill(bean.box, pyramids, tissues[1], over=(tissues[0],))
    _paint_collecting_system(rng, canvas, center, hilum, side)


def _pyramids(rng: np.random.Generator, rays: Floats) -> npt.NDArray[np.bool_]:
    """Part a kidney into medullary pyramids and the cortical columns between them, (I, J, K).

    Pyramids are cones around evenly spread axes: a regular pattern, which a tumor's is not.

    Args:
        rng: Source of randomness.
        rays: From the renal sinus to each point, scaled by the kidney's semi-axes, (I, J, K, 3).
    """
    n = int(rng.integers(14, 23))
    golden = np.pi * (3 - np.sqrt(5.0))
    height = 1 - (2 * np.arange(n) + 1) / n
    around = np.sqrt(1 - height**2)
    turns = golden * np.arange(n)
    axes = np.stack([around * np.cos(turns), around * np.sin(turns), height], -1)
    axes = Rotation.random(rng=rng).apply(axes) + rng.normal(0, 0.05, (n, 3))
    length = np.maximum(np.linalg.norm(rays, axis=-1, keepdims=True), 1e-6)
    nearest, _ = cKDTree(axes).query(rays / length, k=2)
    pyramids: npt.NDArray[np.bool_] = nearest[..., 1] - nearest[..., 0] > rng.uniform(0.1, 0.2)
    return pyramids


def _paint_collecting_system(
    rng: np.random.Generator, canvas: Canvas, center: Vector, hilum: Vector, side: float
) -> None:
    """Paint calyces, pelvis and the ureter; a stone in one kidney of ten."""
    dilated = 1.0 + 1.2 * (rng.random() < 0.08)
    hx, hy, hz = hilum
    mid = (0.6 * hx + 0.4 * center[0], 0.6 * hy + 0.4 * center[1], hz)
    over = (*_FAT, Tissue.KIDNEY_LEFT_MEDULLA, Tissue.KIDNEY_RIGHT_MEDULLA)
    for up in (-16.0, 0.0, 16.0):
        calyx = [list(mid), [mid[0] + side * 5, mid[1] - 3, hz + up]]
        canvas.paint(
            tube(canvas, calyx, [3.5 * dilated, 3 * dilated]), Tissue.RENAL_PELVIS, over=over
        )
    ureter = [
        list(mid),
        [hx - side * 4, hy + 6, hz - 8],
        [side * 38, 20, -40],
        [side * 45, 15, -100],
        [side * 35, 10, -165],
    ]
    canvas.paint(tube(canvas, ureter, [5 * dilated, 5, 2.2, 2, 2]), Tissue.RENAL_PELVIS, over=_FAT)
    if rng.random() < 0.1:
        place = jitter(rng, [mid[0] + side * 4, mid[1], hz], 8)
        stone = balls(canvas, place, [rng.uniform(1.5, 4.5)])
        kidney = (*over, Tissue.RENAL_PELVIS)
        canvas.paint(stone, Tissue.STONE, over=kidney)


def _paint_adrenal(rng: np.random.Generator, canvas: Canvas, center: Vector, side: float) -> None:
    x, y, z = center[0] - side * 26, center[1] + 14, center[2] + 50
    limbs = (
        [[x, y + 6, z], [x + side * 3, y - 12, z + 4]],
        [[x, y + 6, z], [x - side * 6, y - 12, z + 4]],
    )
    for limb in limbs:
        region = tube(canvas, jitter(rng, limb, 1.5), [3.0, 2.4])
        canvas.paint(region, Tissue.ADRENAL, over=(*_FAT, Tissue.LIVER))
