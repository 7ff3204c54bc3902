"""Liver, spleen, pancreas, gallbladder, uterus and prostate.

Volumes aim at those of healthy adults: liver 1200-1900 ml, spleen 130-300, pancreas 60-110, uterus
40-110 (radiological reference ranges; see also the organ statistics of
TotalSegmentator, Wasserthal et al., Radiology: AI 2023).
"""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Region, bumps, smooth_noise
from .person import jitter
from .shapes import balls, ellipsoid, ellipsoid_distance, smooth_union, tube
from .tissues import Tissue

__all__ = [
    "paint_gallbladder",
    "paint_liver",
    "paint_pancreas",
    "paint_spleen",
    "paint_womb_or_prostate",
]

_FAT = (Tissue.VISCERAL_FAT,)
_BOWEL = (
    Tissue.BOWEL_WALL,
    Tissue.BOWEL_CONTENTS,
    Tissue.BOWEL_GAS,
    Tissue.ORAL_CONTRAST,
    Tissue.COLON_WALL,
    Tissue.COLON_GAS,
    Tissue.COLON_STOOL,
    Tissue.COLON_FLUID,
    Tissue.COLON_CONTRAST,
)


def paint_liver(rng: np.random.Generator, canvas: Canvas, shift_mm: float) -> None:
    """Paint both lobes under the right dome, then the vessels within.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        shift_mm: How far breathing lifts the diaphragm.
    """
    k = float(rng.normal(1.0, 0.05))
    lobe = float(rng.uniform(0.85, 1.3))
    box = canvas.box((-120, -110, -60), (150, 140, 200))
    x, y, z = canvas.at(box)
    z = z - np.float32(shift_mm)
    right = ellipsoid_distance(x, y, z, (68, 14, 82), (82 * k, 100 * k, 102 * k), (8, 0, 0))
    tail = ellipsoid_distance(x, y, z, (95, 10, 20 - 15 * k), (38, 55, 55), (0, 10, 0))
    left = ellipsoid_distance(x, y, z, (0, 55, 128), (78 * lobe, 42, 38), (0, -8, 10))
    whole = smooth_union(smooth_union(right, left, 22.0), tail, 18.0)
    # The visceral surface: an oblique plane that rises toward the left and toward the back.
    slope = float(rng.uniform(0.75, 0.95))
    under = (22.0 + slope * (62 - x) - 0.5 * (y - 32) - z) * 0.72
    under = np.maximum(under, np.float32(-48.0) - z)
    back = np.hypot(x * 0.85, y + 32) - 36
    whole = np.maximum(np.maximum(whole, under), -back).astype(np.float32)
    region = Region(box, whole + 2.0 * smooth_noise(rng, whole.shape, canvas.spacing_mm, 28.0))
    canvas.paint(region, Tissue.LIVER, over=_FAT)
    _paint_liver_vessels(rng, canvas, shift_mm)


def _paint_liver_vessels(rng: np.random.Generator, canvas: Canvas, shift_mm: float) -> None:
    lift = np.array([0, 0, shift_mm])
    veins = (
        ([[20, 14, 146], [55, 5, 120], [85, 0, 80], [100, 10, 35]], [5.5, 4.5, 3, 1.6]),
        ([[22, 18, 146], [42, 45, 115], [60, 65, 75], [70, 75, 40]], [5, 4, 3, 1.6]),
        ([[18, 20, 146], [5, 45, 132], [-15, 65, 120], [-35, 72, 118]], [5, 4, 2.5, 1.4]),
        ([[70, 3, 100], [105, 25, 95], [122, 45, 90]], [3, 2.2, 1.3]),
        ([[45, 48, 110], [75, 75, 105], [90, 85, 110]], [2.8, 2, 1.3]),
    )
    portal = (
        ([[34, 46, 62], [52, 36, 80], [80, 36, 82], [110, 45, 95]], [6.5, 6, 4, 1.8]),
        ([[75, 36, 82], [90, 5, 60], [105, -15, 40]], [4, 3, 1.5]),
        ([[80, 36, 82], [100, 60, 55], [112, 70, 35]], [3.5, 2.5, 1.4]),
        ([[45, 42, 76], [25, 58, 100], [5, 70, 112], [-25, 68, 125]], [5, 4.5, 3, 1.5]),
        ([[82, 36, 84], [100, 0, 110], [105, -10, 130]], [3.5, 2.5, 1.4]),
    )
    over = (Tissue.LIVER,)
    for tissue, vessels in ((Tissue.HEPATIC_VEIN, veins), (Tissue.HEPATIC_PORTAL, portal)):
        for path, radii in vessels:
            moved = np.array(path, float) + lift
            moved[1:] += rng.normal(0, 5, moved[1:].shape)
            canvas.paint(tube(canvas, moved, radii), tissue, over=over)


def paint_spleen(rng: np.random.Generator, canvas: Canvas, shift_mm: float) -> None:
    """Paint a crescent under the left dome.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        shift_mm: How far breathing lifts the diaphragm.
    """
    k = float(rng.normal(1.0, 0.09))
    (x, y, z) = jitter(rng, (-90, -22, 94 + 0.8 * shift_mm), 4)[0]
    region = ellipsoid(canvas, (x, y, z), (40 * k, 65 * k, 65 * k), (18, 8, 22))
    px, py, pz = canvas.at(region.box)
    hollow = ellipsoid_distance(px, py, pz, (x + 52, y + 36, z), (34, 48, 55))
    shape = np.maximum(region.sdf, -hollow) + 1.5 * bumps(rng, canvas, region, 25)
    canvas.paint(Region(region.box, shape), Tissue.SPLEEN, over=_FAT)


def paint_pancreas(rng: np.random.Generator, canvas: Canvas) -> None:
    """Paint the head in the duodenal loop, the body over the aorta, the tail to the spleen."""
    k = float(rng.normal(1.0, 0.08))
    path = jitter(
        rng,
        [
            [30, 36, 2],
            [32, 44, 22],
            [22, 52, 38],
            [-4, 57, 46],
            [-34, 46, 56],
            [-62, 22, 68],
            [-82, 0, 76],
        ],
        3.0,
    )
    radii = np.array([11.0, 17, 13, 11, 12, 12.5, 9.5]) * k
    region = tube(canvas, path, radii, margin_mm=4)
    lobules = 1.8 * bumps(rng, canvas, region, 9) + 1.0 * bumps(rng, canvas, region, 22)
    over = (*_FAT, Tissue.STOMACH_WALL, Tissue.STOMACH_CONTENTS, *_BOWEL, Tissue.LIVER)
    canvas.paint(Region(region.box, region.sdf + lobules), Tissue.PANCREAS, over=over)
    duct = tube(canvas, path[1:], np.full(6, rng.uniform(0.7, 1.8)))
    canvas.paint(duct, Tissue.PANCREATIC_DUCT, over=(Tissue.PANCREAS,))


def paint_gallbladder(rng: np.random.Generator, canvas: Canvas, shift_mm: float) -> None:
    """Paint a pear under the liver; one person in eight has none, but clips.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        shift_mm: How far breathing lifts the diaphragm.
    """
    neck, fundus = jitter(rng, [[42, 50, 58], [66, 82, 24]], 4)
    neck[2] += 0.8 * shift_mm
    fundus[2] += 0.8 * shift_mm
    if rng.random() < 0.12:
        canvas.paint(balls(canvas, [neck], [1.6]), Tissue.METAL)
        return
    size = rng.uniform(0.7, 1.3)
    middle = [(a + b) / 2 for a, b in zip(neck, fundus, strict=True)]
    pear = tube(canvas, [neck, middle, fundus], np.array([5.0, 11, 13]) * size)
    canvas.paint(pear, Tissue.GALLBLADDER, over=(*_FAT, Tissue.LIVER, *_BOWEL))


def paint_womb_or_prostate(rng: np.random.Generator, canvas: Canvas, sex: str) -> None:
    """Paint the uterus tilted over the bladder, or the prostate below it.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        sex: "female" or "male".
    """
    if sex == "male":
        k = rng.uniform(0.8, 1.35)
        gland = ellipsoid(canvas, (0, 12, -207), (22 * k, 16 * k, 17 * k))
        canvas.paint(gland, Tissue.PROSTATE, over=(*_FAT, Tissue.MUSCLE, Tissue.URINE))
        return
    k = float(rng.normal(1.0, 0.09))
    lean = float(rng.uniform(5, 45))
    turn = np.deg2rad(lean)
    aside = float(rng.normal(0, 6))
    cervix = np.array([aside * 0.3, -2.0, -178.0])
    fundus = cervix + 62 * k * np.array([aside / 62, np.sin(turn), np.cos(turn)])
    path = np.array([cervix, 0.6 * cervix + 0.4 * fundus, fundus])
    body = tube(canvas, path, np.array([13.0, 15.5, 23]) * k, margin_mm=3)
    shape = body.sdf + 1.2 * bumps(rng, canvas, body, 20)
    over = (*_FAT, *_BOWEL, Tissue.BLADDER_WALL, Tissue.URINE, Tissue.MUSCLE)
    canvas.paint(Region(body.box, shape), Tissue.UTERUS, over=over)
    cavity = tube(canvas, path, [1.2, 2.0, rng.uniform(3.0, 5.5)])
    canvas.paint(cavity, Tissue.ENDOMETRIUM, over=(Tissue.UTERUS,))
