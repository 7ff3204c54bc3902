"""A tumor as a small picture: the axial slice through it, in the window for soft tissue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from ...components import Mask
from ...lesions import Position
from ...organs import RGB
from ...results.drawing import BACKGROUND, draw_labels, draw_text
from ...volume import Grid, Scan

__all__ = ["WINDOW_HU", "Picture", "arrange", "cut_picture", "draw_picture"]

WINDOW_HU = (-160.0, 240.0)
"""Shown black and white."""

_GAP, _LINE = 4, 22


@dataclass(frozen=True, eq=False)
class Picture:
    """A square piece of an axial slice, in radiological convention.

    Args:
        gray: 0 black to 255 white, (N, N), uint8.
        tumor: Which pixels are tumor, (N, N).
    """

    gray: npt.NDArray[np.uint8]
    tumor: Mask


def cut_picture(
    scan: Scan, tumor: Mask, center_ras: Position, *, extent_mm: float, n_pixels: int
) -> Picture:
    """Cut the slice through a point out of a scan.

    Args:
        scan: CT in HU, (I, J, K).
        tumor: Voxels to outline, (I, J, K).
        center_ras: Middle of the picture, RAS mm; best a voxel's center, as pixels between slices
            mix both.
        extent_mm: Width of the picture.
        n_pixels: Width of the picture.

    Returns:
        The picture; what lies outside the scan is black.
    """
    offsets = (np.arange(n_pixels) - (n_pixels - 1) / 2.0) * extent_mm / n_pixels
    ras = np.empty((n_pixels, n_pixels, 3))
    ras[..., 0] = center_ras[0] - offsets[None, :]  # the patient's right on the left
    ras[..., 1] = center_ras[1] - offsets[:, None]
    ras[..., 2] = center_ras[2]
    ijk = scan.grid.to_ijk(ras)
    start, stop = _find_box(ijk, scan.grid)
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    at = np.moveaxis(ijk - start, -1, 0)
    hu = ndimage.map_coordinates(
        scan.array[box].astype(np.float32), at, order=1, mode="constant", cval=-1024.0
    )
    share = ndimage.map_coordinates(tumor[box].astype(np.float32), at, order=1, mode="constant")
    low, high = WINDOW_HU
    gray = np.rint(np.clip((hu - low) / (high - low), 0.0, 1.0) * 255.0).astype(np.uint8)
    return Picture(gray, share >= 0.5)


def draw_picture(picture: Picture, size: int, *, color: RGB | None = None) -> Image.Image:
    """Draw a picture, its tumor outlined or not.

    Args:
        picture: What to draw.
        size: Width in pixels.
        color: Of the outline; None for none.

    Returns:
        An RGB picture.
    """
    image = Image.fromarray(picture.gray).resize((size, size), Image.Resampling.BICUBIC)
    image = image.convert("RGB")
    if color is not None:
        draw_labels(image, [(picture.tumor, color, 0.0)], line=1)
    return image


def arrange(rows: Sequence[Sequence[Image.Image]], captions: Sequence[str]) -> Image.Image:
    """Put pictures of one size into rows, a line of text above each.

    Args:
        rows: At least one picture each; shorter rows end early.
        captions: A line for each row.

    Returns:
        An RGB picture.
    """
    width, height = rows[0][0].size
    n = max(len(row) for row in rows)
    step = height + _LINE + _GAP
    sheet = Image.new("RGB", (n * (width + _GAP) + _GAP, len(rows) * step + _GAP), BACKGROUND)
    for number, (row, caption) in enumerate(zip(rows, captions, strict=True)):
        top = number * step + _GAP
        draw_text(sheet, caption, (_GAP + 2, top + _LINE // 2), size=13)
        for column, image in enumerate(row):
            sheet.paste(image, (_GAP + column * (width + _GAP), top + _LINE))
    return sheet


def _find_box(
    ijk: npt.NDArray[np.float64], grid: Grid
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First and last + 1 voxel that a picture touches, inside the grid."""
    flat = ijk.reshape(-1, 3)
    most = np.array(grid.shape) - 1
    start = np.clip(np.floor(flat.min(axis=0)) - 1, 0, most).astype(np.intp)
    stop = np.clip(np.ceil(flat.max(axis=0)) + 1, 0, most).astype(np.intp) + 1
    return start, stop
