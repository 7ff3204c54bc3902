"""A drawing as a list of shapes, so that screen, PNG and SVG show the very same one.

Coordinates are pixels from the top left. Knows no Qt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

__all__ = ["Area", "Dot", "Line", "Shape", "Text", "toSvg", "writeSvg"]

FONT_FAMILY = "sans-serif"
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """An open line through points.

    Args:
        points: Where it goes.
        color: As "#rrggbb".
        width: In pixels.
        isDashed: Whether it is broken into dashes.
    """

    points: Points
    color: str
    width: float = 1.0
    isDashed: bool = False


@dataclass(frozen=True)
class Area:
    """A filled polygon without outline; `opacity` in [0, 1]."""

    points: Points
    color: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Dot:
    """A filled circle with a rim; `radius` in pixels."""

    center: tuple[float, float]
    radius: float
    color: str
    rim: str


@dataclass(frozen=True)
class Text:
    """One line of text.

    Args:
        text: What it says.
        at: Its anchor: left end, center or right end of its vertical middle.
        color: As "#rrggbb".
        anchor: "left", "center" or "right".
        size: Height of the font in pixels.
        isUpward: Turned by 90 degrees, read from below.
    """

    text: str
    at: tuple[float, float]
    color: str
    anchor: str = "center"
    size: int = 12
    isUpward: bool = False


Shape = Line | Area | Dot | Text


def toSvg(shapes: Sequence[Shape], size: tuple[int, int], background: str) -> str:
    """Write a drawing as SVG.

    Args:
        shapes: From back to front.
        size: Width and height, pixels.
        background: Color behind it, as "#rrggbb".

    Returns:
        The text of the file.
    """
    width, height = size
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONT_FAMILY}">',
        f'<rect width="{width}" height="{height}" fill="{background}"/>',
        *(_element(shape) for shape in shapes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def writeSvg(path: Path, shapes: Sequence[Shape], size: tuple[int, int], background: str) -> None:
    """Write a drawing into a file.

    Args:
        path: The file to make.
        shapes: From back to front.
        size: Width and height, pixels.
        background: Color behind it.
    """
    path.write_text(toSvg(shapes, size, background), encoding="utf-8")


def _element(shape: Shape) -> str:
    if isinstance(shape, Line):
        dash = ' stroke-dasharray="4 3"' if shape.isDashed else ""
        return (
            f'<polyline points="{_list(shape.points)}" fill="none" stroke="{shape.color}" '
            f'stroke-width="{shape.width:g}" stroke-linejoin="round"{dash}/>'
        )
    if isinstance(shape, Area):
        return (
            f'<polygon points="{_list(shape.points)}" fill="{shape.color}" '
            f'fill-opacity="{shape.opacity:g}"/>'
        )
    if isinstance(shape, Dot):
        x, y = shape.center
        return (
            f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{shape.radius:g}" fill="{shape.color}" '
            f'stroke="{shape.rim}" stroke-width="1.5"/>'
        )
    x, y = shape.at
    turn = f' transform="rotate(-90 {x:.2f} {y:.2f})"' if shape.isUpward else ""
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" dominant-baseline="central" font-size="{shape.size}" '
        f'text-anchor="{_ANCHORS[shape.anchor]}" fill="{shape.color}"{turn}>'
        f"{escape(shape.text)}</text>"
    )


def _list(points: Points) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
