"""The body's shell: skin, fat, the muscular wall, the cavity, lungs, mediastinum and diaphragm."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .canvas import Canvas, Floats, Region, enlarge, smooth_noise
from .person import Person
from .shapes import ellipsoid, tube
from .tissues import Tissue

__all__ = ["diaphragm_height", "paint_arms", "paint_body", "paint_table", "paint_thorax"]

# Height S (mm) and, there, the muscular frame: half width, front and back extent from A = 5 mm,
# then the same of the peritoneal cavity (back: to the anterior face of the spine's muscles).
_FRAME = np.array(
    [
        # S     half  front back  cavity: half front back
        [-260, 160, 78, 95, 36, 38, 36],
        [-205, 158, 82, 100, 46, 50, 48],
        [-160, 156, 90, 100, 64, 72, 55],
        [-110, 150, 102, 98, 96, 92, 58],
        [-70, 140, 108, 92, 114, 99, 56],
        [-20, 132, 110, 88, 117, 100, 56],
        [40, 133, 112, 88, 119, 102, 64],
        [100, 138, 114, 98, 126, 103, 80],
        [160, 141, 108, 110, 128, 97, 93],
        [230, 139, 96, 118, 124, 82, 100],
        [300, 130, 80, 115, 110, 62, 96],
        [380, 118, 58, 100, 78, 38, 78],
    ]
)
_CENTER_A = 5.0
_BIN_MM = 2.0
_BINS = np.arange(-300.0, 440.0, _BIN_MM)


def _lookup(z: Floats, values: npt.NDArray[np.float64]) -> Floats:
    """Interpolate a frame column at heights z by table, which is faster than np.interp."""
    table = np.interp(_BINS, _FRAME[:, 0], values).astype(np.float32)
    index = np.clip((z - np.float32(_BINS[0])) * np.float32(1 / _BIN_MM), 0, len(_BINS) - 1)
    result: Floats = table[index.astype(np.int16)]
    return result


def _oval(
    x: Floats, y: Floats, z: Floats, columns: tuple[int, int, int], belly_mm: float
) -> tuple[Floats, Floats]:
    """Distance to one oval of the frame in mm and the front-back share of the direction, 0..1."""
    belly = belly_mm * np.exp(-(((_FRAME[:, 0] - 0) / 110.0) ** 2))
    half = _lookup(z, _FRAME[:, columns[0]] + 0.35 * belly)
    front = _lookup(z, _FRAME[:, columns[1]] + belly)
    back = _lookup(z, _FRAME[:, columns[2]])
    dy = y - np.float32(_CENTER_A)
    u = np.abs(x) / half
    v = np.abs(dy) / np.where(dy > 0, front, back)
    u2, v2 = u * u, v * v
    ratio = np.sqrt(np.sqrt(u2 * u2 + v2 * v2 + np.float32(1.4) * u2 * v2)) + np.float32(1e-4)
    radius = np.hypot(x, dy) / ratio
    return (ratio - 1) * radius, v2 / (u2 + v2 + np.float32(1e-6))


def paint_body(rng: np.random.Generator, canvas: Canvas, person: Person) -> None:
    """Paint skin, subcutaneous fat, the muscular wall and the cavity filled with fat.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        person: Whose body it is.
    """
    # The shell is smooth, so half the resolution along each axis is exact enough and 8x faster.
    second = (slice(None, None, 2), slice(None, None, 2), slice(None, None, 2))
    x, y, z = canvas.at(second)
    frame, upright = _oval(x, y, z, (1, 2, 3), person.visceral_mm)
    front_share = float(rng.uniform(0.0, 0.5))
    fat = np.float32(person.fat_mm) * (np.float32(0.8) + np.float32(front_share) * upright)
    hips = np.float32(0.5) * np.exp(-(((z + 120) / 90) ** 2)) if person.sex == "female" else 0
    fat *= 1 + hips
    cavity, _ = _oval(x, y, z, (4, 5, 6), person.visceral_mm)
    frame, fat, cavity = (enlarge(field, canvas.shape) for field in (frame, fat, cavity))
    tissues = canvas.tissues
    tissues[frame < fat + 2] = Tissue.SKIN
    tissues[frame < fat] = Tissue.FAT
    tissues[frame < 0] = Tissue.MUSCLE
    thin = np.float32(14 * (1 - person.muscle))
    tissues[(cavity < thin) & (frame < -5)] = Tissue.VISCERAL_FAT
    _paint_wall_fat(rng, canvas, cavity)


def _paint_wall_fat(rng: np.random.Generator, canvas: Canvas, cavity: Floats) -> None:
    """Split the wall into layers with thin planes of fat between its muscles."""
    gap = float(rng.uniform(3.0, 5.0))
    planes = smooth_noise(rng, canvas.shape, canvas.spacing_mm, 48.0)
    seams = (np.abs(planes) < 0.022) & (cavity > 12)
    layers = (np.abs(cavity - gap) < 0.7) | seams
    canvas.tissues[layers & (canvas.tissues == Tissue.MUSCLE)] = Tissue.FAT


def diaphragm_height(x: Floats, y: Floats, shift_mm: float) -> Floats:
    """Give the height S (mm) of the diaphragm above points (R, A): two domes, lower at the rim.

    Args:
        x: R of each point in mm, any shape.
        y: A of each point.
        shift_mm: How far breathing lifts the diaphragm.

    Returns:
        S of the diaphragm in mm, the shape of x.
    """
    right = 172 * np.exp(-(((x - 62) / 105) ** 2))
    left = 158 * np.exp(-(((x + 62) / 105) ** 2))
    # Toward the ribs the domes fall steeply, behind deeper than in front.
    rim = np.abs(x / 128) ** 3 + np.abs((y - 12) / 100) ** 3
    drop = (65 - 20 * np.tanh((y - 12) / 35)) * np.minimum(rim, np.float32(1.6))
    height: Floats = (np.maximum(right, left) - drop + shift_mm).astype(np.float32)
    return height


def paint_thorax(canvas: Canvas, shift_mm: float, rng: np.random.Generator) -> None:
    """Paint lungs, diaphragm, mediastinum and heart above the domes.

    Args:
        canvas: What to paint on.
        shift_mm: How far breathing lifts the diaphragm.
        rng: Source of randomness.
    """
    box = canvas.box((-160, -130, 20), (160, 130, 420))
    x, y, z = canvas.at(box)
    above = z - diaphragm_height(x, y, shift_mm)
    canvas.fill(box, above > -2.5, Tissue.MUSCLE, over=(Tissue.VISCERAL_FAT,))
    inside = (above > 0.5) & (z > 30)
    lung_over = (Tissue.VISCERAL_FAT, Tissue.MUSCLE)
    cavity, _ = _oval(x, y, z, (4, 5, 6), 0.0)
    canvas.fill(box, inside & (cavity < -3), Tissue.LUNG, over=lung_over)
    middle = (np.abs(x + 4) < 25 - 0.12 * (y + 10)) & (y > -62) & (above > 0) & (z > 120)
    canvas.fill(box, middle, Tissue.MEDIASTINUM, over=(Tissue.LUNG,))
    _paint_heart(canvas, rng, shift_mm)


def _paint_heart(canvas: Canvas, rng: np.random.Generator, shift_mm: float) -> None:
    """Paint pericardial fat, myocardium and the four chambers."""
    dx, dy, dz = rng.normal(0, 4, 3)
    center = (-22 + dx, 40 + dy, 205 + dz + 0.7 * shift_mm)
    over = (Tissue.LUNG, Tissue.MEDIASTINUM)
    tilt = (0.0, -30.0, 25.0)
    canvas.paint(ellipsoid(canvas, center, (66, 48, 58), tilt), Tissue.MEDIASTINUM, over=over)
    canvas.paint(ellipsoid(canvas, center, (58, 42, 50), tilt), Tissue.MYOCARDIUM, over=over)
    heart = (Tissue.MYOCARDIUM,)
    for offset, radii in (
        ((-22, -2, -6), (26, 18, 24)),
        ((8, 18, -8), (30, 14, 26)),
        ((32, -4, 4), (20, 20, 26)),
        ((0, -26, 16), (26, 14, 20)),
    ):
        place = (center[0] + offset[0], center[1] + offset[1], center[2] + offset[2])
        canvas.paint(ellipsoid(canvas, place, radii, tilt), Tissue.HEART_BLOOD, over=heart)


def paint_arms(rng: np.random.Generator, canvas: Canvas, person: Person) -> None:
    """Paint the arms beside the body, as in scans of patients who cannot raise them.

    Args:
        rng: Source of randomness.
        canvas: What to paint on.
        person: Whose body it is.
    """
    side = 138 + person.fat_mm * 1.2 + 45
    for sign in (-1.0, 1.0):
        drift = rng.normal(0, 10, 4)
        path = [
            [sign * (side - 5), -20 + drift[0], 330],
            [sign * side, -20 + drift[1], 120],
            [sign * (side + 5), 10 + drift[2], -120],
            [sign * side, 25 + drift[3], -240],
        ]
        radii = np.array([46.0, 40, 34, 30])
        for shrink, tissue in ((0, Tissue.SKIN), (2, Tissue.FAT), (9, Tissue.MUSCLE)):
            region: Region = tube(canvas, path, radii - shrink)
            canvas.paint(region, tissue, over=(Tissue.AIR, Tissue.SKIN, Tissue.FAT))
        canvas.paint(tube(canvas, path, [12, 12, 9, 9]), Tissue.CORTICAL_BONE)
        canvas.paint(tube(canvas, path, [8, 8, 5, 5]), Tissue.MARROW)


def paint_table(canvas: Canvas) -> None:
    """Paint a curved table under the body; it does not follow the body's warp."""
    i, j = np.ogrid[: canvas.shape[0], : canvas.shape[1]]
    x = canvas.first_mm[0] + canvas.spacing_mm[0] * i
    y = canvas.first_mm[1] + canvas.spacing_mm[1] * j
    lowest = np.flatnonzero((canvas.tissues > 0).any(axis=(0, 2)))
    back = canvas.first_mm[1] + canvas.spacing_mm[1] * (lowest[0] if lowest.size else 0)
    depth = back - 3 + (x / 260) ** 2 * 40 - y
    inside = np.abs(x) < 210
    air = canvas.tissues == Tissue.AIR
    foam = (depth > 0) & (depth < 14) & inside
    shell = (((depth > 0) & (depth < 2)) | ((depth > 14) & (depth < 17))) & inside
    canvas.tissues[air & foam[..., None]] = Tissue.TABLE_FOAM
    canvas.tissues[air & shell[..., None]] = Tissue.TABLE
