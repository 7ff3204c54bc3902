"""Spine, ribs, pelvis and hips, and the large muscles that lie along them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .canvas import Canvas, Region, Vector
from .person import Person
from .shapes import balls, curve, ellipsoid, tube
from .tissues import Tissue

__all__ = ["paint_muscles", "paint_skeleton", "spine_front"]

_SPINE_S = np.array([-95.0, -69, -36, 0, 34, 68, 99, 127, 154, 180, 206, 231, 256, 280, 304, 327])
_SPINE_A = np.array([-24.0, -8, 0, 0, -7, -17, -27, -36, -44, -51, -56, -59, -60, -58, -54, -48])
_RIBS = range(6, 16)
_OVER_SOFT = (Tissue.MUSCLE, Tissue.FAT, Tissue.VISCERAL_FAT, Tissue.LUNG, Tissue.MEDIASTINUM)


def spine_front(height_mm: float) -> float:
    """Give the A coordinate (mm) of the anterior face of the spine at a height S."""
    return float(np.interp(height_mm, _SPINE_S, _SPINE_A)) + 17.0


def _paint_bone(canvas: Canvas, region: Region, cortex_mm: float) -> None:
    canvas.paint(region, Tissue.CORTICAL_BONE, over=(*_OVER_SOFT, Tissue.MARROW))
    over = (Tissue.CORTICAL_BONE,)
    canvas.paint(region, Tissue.MARROW, over=over, depth_mm=cortex_mm)


def paint_skeleton(rng: np.random.Generator, canvas: Canvas, person: Person) -> None:
    """Paint the spine, ribs, sacrum, hip bones and femora.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        person: Whose body it is.
    """
    cortex = 2.4 - 0.9 * person.age
    _paint_spine(canvas, cortex)
    for level in _RIBS:
        if _SPINE_S[level] * canvas.scale[2] < canvas.top_mm + 110:
            _paint_rib_pair(rng, canvas, level, cortex)
    _paint_sacrum(canvas, cortex)
    for side in (-1.0, 1.0):
        _paint_hip(canvas, side, cortex + 0.6)
        _paint_femur(canvas, side, cortex + 1.0)


def _paint_spine(canvas: Canvas, cortex: float) -> None:
    for n in range(1, len(_SPINE_S)):
        s, a = float(_SPINE_S[n]), float(_SPINE_A[n])
        width = 24 - 0.6 * n
        low, high = (-40, a - 60, s - 22), (40, a + 26, s + 22)
        box = canvas.box(low, high)
        x, y, z = canvas.at(box)
        oval = (np.hypot(x / width, (y - a) / (width * 0.72)) - 1) * np.float32(width * 0.85)
        waist = 1.5 * (1 - ((z - s) / 12) ** 2)
        half = np.float32(0.5 * (np.diff(_SPINE_S)[n - 1]) - 3.5)
        canvas.fill(box, (oval < 0) & (np.abs(z - s) < half + 8), Tissue.DISC, over=_OVER_SOFT)
        body = np.maximum(oval + waist, np.abs(z - s) - half)
        region = Region(box, body.astype(np.float32))
        canvas.paint(region, Tissue.CORTICAL_BONE, over=(*_OVER_SOFT, Tissue.DISC))
        canvas.paint(region, Tissue.MARROW, over=(Tissue.CORTICAL_BONE,), depth_mm=cortex * 0.7)
        _paint_arch(canvas, s, a, width, cortex)
    path = np.stack([0 * _SPINE_S, _SPINE_A - 25, _SPINE_S], axis=1)
    canvas.paint(tube(canvas, path, np.full(len(path), 8.5)), Tissue.SPINAL_CANAL)


def _paint_arch(canvas: Canvas, s: float, a: float, width: float, cortex: float) -> None:
    """Paint pedicles, laminae, spinous and transverse processes of one vertebra."""
    back = a - 0.72 * width
    spinous = [[0, back - 18, s - 4], [0, back - 40, s - 14]]
    _paint_bone(canvas, tube(canvas, spinous, [5, 4.5]), cortex)
    for side in (-1.0, 1.0):
        pedicle = [[side * 13, back + 4, s + 4], [side * 15, back - 14, s]]
        lamina = [[side * 15, back - 14, s], [0, back - 20, s - 6]]
        transverse = [[side * 14, back - 10, s + 2], [side * 40, back - 16, s + 2]]
        _paint_bone(canvas, tube(canvas, pedicle, [5.5, 5]), cortex)
        _paint_bone(canvas, tube(canvas, lamina, [4.5, 4]), cortex)
        _paint_bone(canvas, tube(canvas, transverse, [4, 3]), cortex)


def _paint_rib_pair(rng: np.random.Generator, canvas: Canvas, level: int, cortex: float) -> None:
    """Paint one rib on each side along the chest's oval, falling toward the front."""
    s, a = float(_SPINE_S[level]), float(_SPINE_A[level])
    end = {6: 0.35, 7: 0.5}.get(level, 0.86 if level < 10 else 0.92)
    turn = np.linspace(0, end, 12) * np.pi
    wide = 131.0 - max(s - 230, 0) * 0.22
    deep = np.where(turn < np.pi / 2, 97.0, 103.0)
    fall = 55 + 20 * (level < 10)
    for side in (-1.0, 1.0):
        x = side * (10 + (wide - 10) * np.sin(turn) ** 0.8)
        y = 5 - deep * np.cos(turn)
        y[0] = a - 25
        z = s + 4 - fall * (turn / np.pi) ** 1.2 + rng.normal(0, 1.0)
        path = np.stack([x, y, z], axis=1)
        _paint_bone(canvas, tube(canvas, path, np.full(len(path), 5.0)), cortex * 0.8)


def _paint_sacrum(canvas: Canvas, cortex: float) -> None:
    middle, widths = curve(
        [[0, -22, -88], [0, -42, -115], [0, -62, -145], [0, -66, -172], [0, -55, -190]],
        [44, 36, 24, 13, 6],
        step_mm=5,
    )
    points, radii = [], []
    for center, width in zip(middle, widths, strict=True):
        for t in np.linspace(-1, 1, 9):
            points.append(center + np.array([t * width, -8 * t * t, 0]))
            radii.append(5 + 8 * width / 44 * (1 - 0.4 * t * t))
    _paint_bone(canvas, balls(canvas, points, radii), cortex)


def _sheet(rows: list[list[Vector]], radius_mm: float) -> tuple[list[np.ndarray], float]:
    """Fill the patch between curves given by their control points with sphere centers."""
    curves = [np.array(curve(row, [1.0] * len(row), step_mm=4)[0]) for row in rows]
    n = max(len(c) for c in curves)
    even = [c[np.linspace(0, len(c) - 1, n).round().astype(int)] for c in curves]
    points = []
    for first, second in pairwise(even):
        for t in np.linspace(0, 1, 12):
            points.extend(first * (1 - t) + second * t)
    return points, radius_mm


def _paint_hip(canvas: Canvas, side: float, cortex: float) -> None:
    """Paint the wing, the socket, the pubis and the ischium of one side."""
    crest = [(48, -62, -75), (92, -40, -48), (120, 10, -52), (118, 48, -85)]
    belt = [(52, -50, -110), (80, -28, -105), (98, 8, -110), (104, 34, -120)]
    neck = [(70, -25, -150), (80, -12, -152), (86, 5, -150), (90, 18, -150)]
    rows = [[(side * x, float(y), float(z)) for x, y, z in row] for row in (crest, belt, neck)]
    points, radius = _sheet(rows, 5.0)
    _paint_bone(canvas, balls(canvas, points, radius), cortex)
    _paint_bone(canvas, ellipsoid(canvas, (side * 86, 2, -178), (31, 31, 33)), cortex)
    ramus = [[side * 72, 25, -182], [side * 38, 48, -192], [side * 9, 50, -205]]
    ischium = [[side * 80, -18, -190], [side * 66, -24, -222], [side * 45, 5, -232]]
    lower = [[side * 45, 5, -232], [side * 12, 44, -215]]
    for path, radii in ((ramus, [12, 8, 10]), (ischium, [14, 14, 8]), (lower, [8, 8])):
        _paint_bone(canvas, tube(canvas, path, radii), cortex)


def _paint_femur(canvas: Canvas, side: float, cortex: float) -> None:
    head = (side * 91, 2.0, -178.0)
    joint = ellipsoid(canvas, head, (26, 26, 26))
    canvas.paint(joint, Tissue.DISC)
    _paint_bone_over(canvas, ellipsoid(canvas, head, (24, 24, 24)), 1.5)
    path = [
        [side * 95, 0, -182],
        [side * 132, -8, -205],
        [side * 140, -8, -235],
        [side * 138, 0, -290],
    ]
    _paint_bone_over(canvas, tube(canvas, path, [17, 20, 18, 15]), cortex)


def _paint_bone_over(canvas: Canvas, region: Region, cortex_mm: float) -> None:
    """Paint a bone over everything, marrow of what is there already kept."""
    over = (*_OVER_SOFT, Tissue.DISC, Tissue.CORTICAL_BONE, Tissue.SKIN)
    canvas.paint(region, Tissue.CORTICAL_BONE, over=over)
    canvas.paint(region, Tissue.MARROW, over=(Tissue.CORTICAL_BONE,), depth_mm=cortex_mm)


def paint_muscles(canvas: Canvas, person: Person) -> None:
    """Paint psoas and iliacus in the cavity, and fat between the gluteal muscles."""
    size = np.sqrt(person.muscle)
    _paint_back(canvas)
    for side in (-1.0, 1.0):
        crus = [[side * 15 - 4, 16, 34], [side * 18 - 6, 6, 80], [side * 22 - 8, 4, 125]]
        over = (Tissue.VISCERAL_FAT, Tissue.LUNG)
        canvas.paint(tube(canvas, crus, [4, 5.5, 5]), Tissue.MUSCLE, over=over)
    for side in (-1.0, 1.0):
        psoas = [
            [side * 24, -12, 75],
            [side * 38, -6, 10],
            [side * 48, 2, -40],
            [side * 66, 20, -95],
            [side * 84, 38, -150],
            [side * 104, 26, -215],
        ]
        region = tube(canvas, psoas, np.array([8.0, 15, 20, 21, 17, 15]) * size)
        canvas.paint(region, Tissue.MUSCLE, over=(Tissue.VISCERAL_FAT, Tissue.FAT))
        back = [
            [side * 36, -56, -110],
            [side * 37, -52, 0],
            [side * 36, -72, 120],
            [side * 30, -92, 260],
        ]
        canvas.paint(
            tube(canvas, back, np.array([22.0, 26, 24, 20]) * size),
            Tissue.MUSCLE,
            over=(Tissue.VISCERAL_FAT, Tissue.LUNG, Tissue.FAT),
        )
        seam = [[side * 60, -75, -100], [side * 110, -55, -150], [side * 125, -50, -210]]
        canvas.paint(tube(canvas, seam, [3, 4, 6]), Tissue.FAT, over=(Tissue.MUSCLE,))


def _paint_back(canvas: Canvas) -> None:
    """Paint the muscle beside and behind the lumbar spine, where no cavity is."""
    box = canvas.box((-85, -110, -110), (85, -5, 125))
    x, y, z = canvas.at(box)
    spine = np.interp(z[z.shape[0] // 2, z.shape[1] // 2], _SPINE_S, _SPINE_A).astype(np.float32)
    behind = y < spine - 24 - 0.85 * np.maximum(np.abs(x) - 42, 0)
    canvas.fill(box, behind, Tissue.MUSCLE, over=(Tissue.VISCERAL_FAT,))
