"""Aorta, vena cava, their branches and the portal system outside the liver."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .person import Person, jitter
from .shapes import balls, curve, tube
from .skeleton import spine_front
from .tissues import Tissue

__all__ = ["paint_mesentery", "paint_vessels"]

_OVER = tuple(
    t
    for t in Tissue
    if t
    in {
        Tissue.VISCERAL_FAT,
        Tissue.MEDIASTINUM,
        Tissue.LUNG,
        Tissue.MUSCLE,
        Tissue.LIVER,
        Tissue.DISC,
        Tissue.BOWEL_WALL,
        Tissue.BOWEL_CONTENTS,
        Tissue.BOWEL_GAS,
        Tissue.ORAL_CONTRAST,
        Tissue.PANCREAS,
        Tissue.HEPATIC_VEIN,
        Tissue.RENAL_PELVIS,
    }
)


def paint_vessels(rng: np.random.Generator, canvas: Canvas, person: Person) -> None:
    """Paint the great vessels, their branches and, in the old, calcified walls.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        person: Whose body it is.
    """
    width = float(rng.normal(1.0, 0.08) + 0.15 * person.age)
    heights = np.array([330.0, 260, 200, 150, 100, 50, 0, -28])
    aside = np.array([-22.0, -22, -19, -14, -11, -10, -8, -4])
    path = [[x, spine_front(s) + 7, s] for x, s in zip(aside, heights, strict=True)]
    radii = np.array([12.5, 12, 11.5, 11.5, 10.5, 9.5, 8.8, 8.5]) * width
    aorta = tube(canvas, path, radii)
    canvas.paint(aorta, Tissue.AORTA, over=_OVER)
    _paint_cava(rng, canvas)
    _paint_iliacs(rng, canvas, width)
    _paint_branches(rng, canvas)
    _paint_calcifications(rng, canvas, person, np.array(path), radii)


def _paint_cava(rng: np.random.Generator, canvas: Canvas) -> None:
    k = float(rng.uniform(0.75, 1.15))
    path = jitter(
        rng,
        [[12, 18, -38], [20, 20, 0], [22, 24, 50], [22, 16, 100], [22, 14, 145], [14, 22, 175]],
        1.5,
    )
    region = tube(canvas, path, np.array([9.0, 10, 11, 12, 13, 13]) * k)
    canvas.paint(region, Tissue.VEIN, over=_OVER)


def _paint_iliacs(rng: np.random.Generator, canvas: Canvas, width: float) -> None:
    for side in (-1.0, 1.0):
        line = [
            [side * 4 - 2, 22, -28],
            [side * 26, 8, -75],
            [side * 52, 14, -115],
            [side * 68, 50, -160],
            [side * 84, 62, -195],
            [side * 92, 58, -250],
        ]
        artery = jitter(rng, line, 1.5)
        region = tube(canvas, artery, np.array([6.0, 5.5, 5, 4.8, 4.5, 4.2]) * width)
        canvas.paint(region, Tissue.ARTERY, over=_OVER)
        vein = np.array(artery) + np.array([-side * 3, -12, -3])
        vein[0] = [12, 17, -36]
        canvas.paint(tube(canvas, vein, [8, 7.5, 7, 6.5, 6, 5.5]), Tissue.VEIN, over=_OVER)


def _paint_branches(rng: np.random.Generator, canvas: Canvas) -> None:
    """Paint celiac and mesenteric trunks, renal vessels, and the splenic and portal veins."""
    arteries = (
        ([[-11, 12, 78], [-9, 34, 76], [20, 46, 72]], [4, 3.5, 2.5]),
        ([[-9, 34, 76], [-45, 34, 78], [-80, 4, 88]], [3.5, 3, 2.2]),
        ([[-10, 16, 60], [-8, 38, 48], [-6, 42, 0], [10, 50, -60]], [4, 3.8, 3.2, 2]),
        ([[-9, 20, 36], [-30, 5, 32], [-45, -4, 32]], [3, 2.8, 2.4]),
        ([[-8, 20, 34], [25, 6, 28], [45, -4, 22]], [3, 2.8, 2.4]),
        ([[-8, 26, -5], [-20, 30, -40], [-45, 30, -80]], [2, 1.8, 1.5]),
    )
    veins = (
        ([[20, 24, 34], [-10, 34, 36], [-45, 0, 36]], [5, 5, 4]),
        ([[22, 22, 28], [45, 2, 24]], [5, 4]),
    )
    portal = (
        ([[10, 55, -60], [12, 48, 0], [16, 48, 32], [34, 46, 62]], [3.5, 5.5, 6.5, 6.8]),
        ([[16, 46, 38], [-20, 44, 52], [-60, 16, 70], [-84, -4, 84]], [5.5, 5, 4.5, 3.5]),
    )
    groups = ((Tissue.ARTERY, arteries), (Tissue.VEIN, veins), (Tissue.PORTAL_VEIN, portal))
    for tissue, group in groups:
        for path, radii in group:
            canvas.paint(tube(canvas, jitter(rng, path, 1.5), radii), tissue, over=_OVER)


def _paint_calcifications(
    rng: np.random.Generator,
    canvas: Canvas,
    person: Person,
    path: np.ndarray,
    radii: np.ndarray,
) -> None:
    n = rng.poisson(max(person.age - 0.35, 0) * 40)
    if not n:
        return
    points, sizes = curve(path, radii, step_mm=3.0)
    low = rng.beta(2.5, 1.2, n) * (len(points) - 1)
    index = low.astype(int)
    turn = rng.uniform(0, 2 * np.pi, n)
    around = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1) * sizes[index, None]
    plaques = balls(canvas, points[index] + around, rng.uniform(1.2, 2.6, n))
    canvas.paint(plaques, Tissue.CALCIFICATION, over=(Tissue.AORTA, Tissue.VISCERAL_FAT))


def paint_mesentery(rng: np.random.Generator, canvas: Canvas) -> None:
    """Paint small vessels that fan out in the fat between the loops of bowel."""
    root = np.array([4.0, 42, 0])
    for n in range(int(rng.integers(14, 26))):
        end = np.array([rng.uniform(-85, 85), rng.uniform(40, 92), rng.uniform(-130, 20)])
        middle = 0.5 * (root + end) + rng.normal(0, 10, 3)
        tissue = Tissue.ARTERY if n % 2 else Tissue.PORTAL_VEIN
        region = tube(canvas, [root.tolist(), middle.tolist(), end.tolist()], [2.4, 1.9, 1.3])
        canvas.paint(region, tissue, over=(Tissue.VISCERAL_FAT,))
