"""Esophagus, stomach, duodenum, small bowel, colon and bladder: walls around contents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .canvas import Canvas, Region
from .person import jitter
from .shapes import balls, curve, ellipsoid
from .skeleton import spine_front
from .tissues import Tissue
from .variety import MUCH_STOOL, vary_colon

__all__ = [
    "paint_bladder",
    "paint_colon",
    "paint_duodenum",
    "paint_esophagus",
    "paint_small_bowel",
    "paint_stomach",
]

_FAT = (Tissue.VISCERAL_FAT,)
_SMALL_BOWEL = (
    Tissue.BOWEL_WALL,
    Tissue.BOWEL_CONTENTS,
    Tissue.BOWEL_GAS,
    Tissue.ORAL_CONTRAST,
)
_COLON_MM = np.array(
    [27.0, 25, 23, 22, 20, 18, 18, 17, 17, 16, 15, 14, 13, 14, 14, 14, 14, 17, 20, 17, 9]
)
"""Radius of the colon at the control points of its course."""
_STOMACH = (Tissue.STOMACH_WALL, Tissue.STOMACH_CONTENTS, *_SMALL_BOWEL)


def _gas_above(
    canvas: Canvas, region: Region, level_mm: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Tell where the patient lying on the back has gas: above a level A given per sphere."""
    _, y, _ = canvas.at(region.box)
    result: npt.NDArray[np.bool_] = y > level_mm.astype(np.float32)[region.nearest]
    return result


def paint_esophagus(rng: np.random.Generator, canvas: Canvas) -> None:
    """Paint the esophagus in front of the spine down to the stomach; mostly collapsed."""
    heights = np.array([400.0, 330, 290, 250, 215, 185, 160])
    aside = np.array([-2.0, -3, -3, -2, -3, -7, -11]) + rng.normal(0, 1.5)
    gap = np.array([9.0, 10, 11, 12, 17, 24, 30])
    path = [[x, spine_front(s) + g, s] for x, s, g in zip(aside, heights, gap, strict=True)]
    path += [[-18, 24, 140], [-30, 26, 130]]
    path = jitter(rng, path, 1.0)
    thick = float(rng.uniform(0.74, 1.02))
    radii = np.array([8.5, 8.5, 8.5, 9, 9, 9.5, 9.5, 9.5, 9]) * thick
    points, sizes = curve(path, radii, step_mm=3.0)
    region = balls(canvas, points, sizes)
    over = (
        *_FAT,
        *_STOMACH,
        Tissue.MEDIASTINUM,
        Tissue.LUNG,
        Tissue.MUSCLE,
        Tissue.LIVER,
        Tissue.MYOCARDIUM,
        Tissue.HEART_BLOOD,
        Tissue.DISC,
    )
    canvas.paint(region, Tissue.ESOPHAGUS_WALL, over=over)
    waves = np.sin(np.arange(len(points)) * rng.uniform(0.08, 0.2) + rng.uniform(0, 6))
    open_mm = np.where(waves > rng.uniform(0.0, 0.9), rng.uniform(2.0, 5.0), 0.0)
    inside = np.flatnonzero(open_mm)
    if inside.size:
        lumen = balls(canvas, points[inside], np.minimum(open_mm[inside], sizes[inside] - 3))
        canvas.paint(lumen, Tissue.ESOPHAGUS_GAS, over=(Tissue.ESOPHAGUS_WALL,))


def paint_stomach(rng: np.random.Generator, canvas: Canvas, shift_mm: float) -> None:
    """Paint the stomach from fundus to pylorus with fluid, gas and sometimes oral contrast.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        shift_mm: How far breathing lifts the diaphragm.
    """
    full = float(rng.uniform(0.75, 1.35))
    path = jitter(
        rng,
        [
            [-58, -6, 138 + shift_mm],
            [-66, 18, 125 + 0.7 * shift_mm],
            [-66, 48, 98],
            [-46, 74, 68],
            [-10, 82, 50],
            [22, 72, 48],
        ],
        4,
    )
    radii = np.array([24.0, 31, 29, 24, 17, 10]) * full
    points, sizes = curve(path, radii, step_mm=3.0)
    region = balls(canvas, points, sizes)
    # Rugae: the inside of the wall is folded, so its thickness varies.
    folds = 1.2 * np.sin(canvas.at(region.box)[2] * 0.55 + canvas.at(region.box)[0] * 0.4)
    canvas.paint(region, Tissue.STOMACH_WALL, over=(*_FAT, Tissue.SPLEEN, Tissue.LIVER))
    inner = region.sdf < folds - 4.5
    wall = (Tissue.STOMACH_WALL,)
    contents = Tissue.ORAL_CONTRAST if rng.random() < 0.3 else Tissue.STOMACH_CONTENTS
    canvas.fill(region.box, inner, contents, over=wall)
    level = np.full(len(points), rng.uniform(45, 95))
    gas = inner & _gas_above(canvas, region, level)
    canvas.fill(region.box, gas, Tissue.BOWEL_GAS, over=(contents,))


def paint_duodenum(rng: np.random.Generator, canvas: Canvas) -> None:
    """Paint the loop around the head of the pancreas."""
    path = jitter(
        rng,
        [
            [22, 72, 48],
            [44, 60, 46],
            [54, 42, 30],
            [54, 36, 0],
            [38, 36, -22],
            [0, 38, -24],
            [-28, 44, 8],
        ],
        2.5,
    )
    points, sizes = curve(path, [10, 12, 12, 12, 11, 10, 10], step_mm=3.0)
    _paint_gut(rng, canvas, points, sizes, over=_FAT, wall_mm=2.2)


def paint_small_bowel(rng: np.random.Generator, canvas: Canvas) -> None:
    """Paint loops that wander through the middle of the belly."""
    n = int(rng.integers(100, 150))
    low, high = np.array([-85.0, 26, -155]), np.array([85.0, 98, 20])
    path = np.empty((n, 3))
    path[0] = (-30, 45, 5)
    heading = np.array([-1.0, 0.5, -0.3])
    for i in range(1, n):
        heading = 0.45 * heading + rng.normal(0, 1, 3) * (1.2, 0.8, 1.0)
        goal = path[i - 1] + 30 * heading / np.linalg.norm(heading)
        path[i] = np.where(goal < low, 2 * low - goal, np.where(goal > high, 2 * high - goal, goal))
        path[i, 2] = 0.85 * path[i, 2] + 0.15 * (5 - 165 * i / n)
    radii = rng.uniform(8, 13.5, n)
    points, sizes = curve(path, radii, step_mm=4.0)
    _paint_gut(rng, canvas, points, sizes, over=_FAT, wall_mm=2.0)


def _paint_gut(
    rng: np.random.Generator,
    canvas: Canvas,
    points: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.float64],
    *,
    over: tuple[Tissue, ...],
    wall_mm: float,
) -> None:
    """Paint small bowel: folded wall, mostly fluid, some gas, some oral contrast."""
    region = balls(canvas, points, sizes)
    canvas.paint(region, Tissue.BOWEL_WALL, over=over)
    folds = np.sin(np.arange(len(points)) * 1.6).astype(np.float32)[region.nearest]
    inner = region.sdf < -wall_mm - 0.8 * folds
    contrast = rng.random() < 0.3
    contents = Tissue.ORAL_CONTRAST if contrast else Tissue.BOWEL_CONTENTS
    filled = _segments(rng, len(points), 18, (0.25, 0.75 - 0.2 * contrast, 0.2 * contrast))
    canvas.fill(region.box, inner, Tissue.BOWEL_CONTENTS, over=(Tissue.BOWEL_WALL,))
    part = filled[region.nearest]
    canvas.fill(region.box, inner & (part == 1), contents, over=(Tissue.BOWEL_CONTENTS,))
    collapsed = inner & (part == 0) & (region.sdf > -7)
    canvas.fill(region.box, collapsed, Tissue.BOWEL_WALL, over=_SMALL_BOWEL)
    level = points[:, 1] + rng.uniform(0.1, 1.2) * sizes
    gas = inner & _gas_above(canvas, region, level) & (part == 1)
    canvas.fill(region.box, gas, Tissue.BOWEL_GAS, over=(contents,))


def _segments(
    rng: np.random.Generator, n: int, mean_length: float, shares: tuple[float, ...]
) -> npt.NDArray[np.int8]:
    """Cut n samples into runs and draw a kind for each by its share."""
    p = np.array(shares) / np.sum(shares)
    starts = rng.random(n) < 1 / mean_length
    kinds = rng.choice(len(p), size=n + 1, p=p)
    result: npt.NDArray[np.int8] = kinds[np.cumsum(starts)].astype(np.int8)
    return result


def paint_colon(rng: np.random.Generator, canvas: Canvas, *, varied: bool) -> None:
    """Paint cecum to rectum with haustra, wall, stool, gas, fluid or contrast.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        varied: Whether its course and width differ more than in most bodies.
    """
    sag = float(rng.uniform(-45, 15))
    path = jitter(
        rng,
        [
            [82, 48, -108],
            [90, 38, -70],
            [100, 14, -25],
            [98, 12, 12],
            [84, 48, 20],
            [46, 84, 0.4 * sag],
            [0, 96, sag],
            [-46, 86, 10 + 0.4 * sag],
            [-88, 48, 56],
            [-102, 8, 62],
            [-106, -12, 22],
            [-102, 0, -40],
            [-92, 30, -88],
            [-66, 42, -118],
            [-22, 52, -112],
            [20, 30, -118],
            [16, -2, -134],
            [-4, -26, -142],
            [0, -38, -165],
            [0, -32, -190],
            [0, -16, -214],
        ],
        4.5,
    )
    course, widths = np.array(path), _COLON_MM * float(rng.normal(0.93, 0.09))
    if varied:
        course, widths = vary_colon(rng, course, widths)
    points, sizes = curve(course, widths, step_mm=3.0)
    period = rng.uniform(22, 34) / 3.0
    steps = np.arange(len(points))
    haustra = 1 + 0.13 * np.abs(np.sin(steps * np.pi / period)) - 0.07
    slack = np.interp(steps, steps[::12], rng.uniform(0.72, 1.18, len(steps[::12])))
    sizes = np.maximum(sizes * haustra * slack, 8.0)
    region = balls(canvas, points, sizes)
    over = (*_FAT, *_STOMACH, Tissue.GALLBLADDER, Tissue.RENAL_PELVIS)
    canvas.paint(region, Tissue.COLON_WALL, over=over)
    _fill_colon(rng, canvas, region, points, sizes, stool=MUCH_STOOL if varied else 2.5)


def _fill_colon(
    rng: np.random.Generator,
    canvas: Canvas,
    region: Region,
    points: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.float64],
    *,
    stool: float,
) -> None:
    wall_mm = float(rng.uniform(2.0, 3.2))
    inner = region.sdf < -wall_mm
    wall = (Tissue.COLON_WALL,)
    fluid = Tissue.COLON_CONTRAST if rng.random() < 0.2 else Tissue.COLON_FLUID
    shares = rng.dirichlet([stool, 2.5, 0.8, 0.9])
    kind = _segments(rng, len(points), 16, tuple(float(s) for s in shares))[region.nearest]
    canvas.fill(region.box, inner, fluid, over=wall)
    canvas.fill(region.box, inner & (kind == 0), Tissue.COLON_STOOL, over=(fluid,))
    collapsed = inner & (kind == 3) & (region.sdf > -7)
    canvas.fill(region.box, collapsed, Tissue.COLON_WALL, over=(fluid,))
    level = points[:, 1] + rng.uniform(-0.6, 0.6) * sizes
    gas = inner & ((kind == 1) | ((kind == 2) & _gas_above(canvas, region, level)))
    canvas.fill(region.box, gas, Tissue.COLON_GAS, over=(fluid,))


def paint_bladder(rng: np.random.Generator, canvas: Canvas, sex: str) -> None:
    """Paint the bladder behind the pubis, from nearly empty to full.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        sex: "female" or "male".
    """
    k = float(rng.uniform(0.65, 1.45))
    low = -198.0 if sex == "female" else -192.0
    center = (float(rng.normal(0, 3)), 34.0, low + 27 * k)
    region = ellipsoid(canvas, center, (40 * k, 28 * k, 30 * k), (8, 0, 0))
    over = (*_FAT, *_SMALL_BOWEL, Tissue.MUSCLE)
    canvas.paint(region, Tissue.BLADDER_WALL, over=over)
    canvas.paint(region, Tissue.URINE, over=(Tissue.BLADDER_WALL,), depth_mm=3.0)
