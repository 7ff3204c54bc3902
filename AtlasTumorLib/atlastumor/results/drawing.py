"""Pixels: gray CT, tinted and outlined labels, letters at the edges. Knows no anatomy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

__all__ = ["BACKGROUND", "INK", "draw_edges", "draw_gray", "draw_labels", "draw_text"]

RGB = tuple[int, int, int]
Size = tuple[int, int]
BACKGROUND: RGB = (16, 18, 22)
INK: RGB = (235, 235, 235)


def draw_gray(pixels: npt.NDArray[Any], size: Size, *, low: float, high: float) -> Image.Image:
    """Draw values as gray.

    Args:
        pixels: Rows and columns, (H, W).
        size: Width and height of the picture; it makes pixels square that are not.
        low: Value shown black.
        high: Value shown white.

    Returns:
        An RGB picture.
    """
    gray = np.clip((pixels.astype(np.float32) - low) / (high - low), 0.0, 1.0) * 255.0
    image = Image.fromarray(np.rint(gray).astype(np.uint8))
    return image.resize(size, Image.Resampling.BICUBIC).convert("RGB")


def draw_labels(
    image: Image.Image, masks: Iterable[tuple[npt.NDArray[np.bool_], RGB, float]], *, line: int = 2
) -> None:
    """Tint and outline regions, one upon the other.

    Args:
        image: RGB picture to draw into.
        masks: Region (H, W) of any resolution, color, and how strongly to tint it, in [0, 1].
        line: Width of outlines, pixels.
    """
    for mask, color, strength in masks:
        if not mask.any():
            continue
        region = _enlarge(mask, image.size)
        inner = region.filter(ImageFilter.MinFilter(2 * line + 1))
        tint = region.point(lambda value, a=strength: int(value * a))
        image.paste(color, (0, 0), tint)
        image.paste(color, (0, 0), Image.fromarray(np.asarray(region) & ~np.asarray(inner)))


def _enlarge(mask: npt.NDArray[np.bool_], size: Size) -> Image.Image:
    """Bring a region to the picture's size with smooth edges; even one voxel stays visible."""
    soft = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
    pixels_per_voxel = max(size[0] / mask.shape[1], size[1] / mask.shape[0])
    values = np.asarray(soft.filter(ImageFilter.GaussianBlur(pixels_per_voxel / 2)))
    limit = min(128, max(int(values.max()) // 2, 1))
    return Image.fromarray((values >= limit).astype(np.uint8) * 255)


def draw_edges(image: Image.Image, letters: str) -> None:
    """Write what is at the left, right, top and bottom.

    Args:
        image: Picture to write into.
        letters: One for each edge, in this order.
    """
    width, height = image.size
    places = [
        (10, height // 2),
        (width - 10, height // 2),
        (width // 2, 12),
        (width // 2, height - 12),
    ]
    n = 4 if height > 80 else 2
    for letter, place in list(zip(letters, places, strict=True))[:n]:
        draw_text(image, letter, place, size=16, anchor="mm", bold=True)


def draw_text(
    image: Image.Image,
    text: str,
    place: tuple[int, int],
    *,
    size: int = 14,
    anchor: str = "lm",
    bold: bool = False,
    color: RGB = INK,
) -> None:
    """Write a line of text that stands out on any background.

    Args:
        image: Picture to write into.
        text: What to write.
        place: Column and row of the anchor.
        size: Height of the letters, pixels.
        anchor: Pillow's two-letter anchor.
        bold: Whether to draw a dark rim around the letters.
        color: Of the letters.
    """
    ImageDraw.Draw(image).text(
        place,
        text,
        fill=color,
        font=ImageFont.load_default(size),
        anchor=anchor,
        stroke_width=2 if bold else 0,
        stroke_fill=(0, 0, 0),
    )
