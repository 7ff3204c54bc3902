"""Shapes onto a widget or into an image, by Qt's painter."""

from collections.abc import Sequence
from pathlib import Path

import qt
from slicer.i18n import tr as _

from atlastumor.errors import OutputError

from .Shapes import Area, Dot, Line, Shape, Text

__all__ = ["paint", "writePng"]

_SCALE = 2
"""Pixels of a written picture for each one on the screen, so that it can be printed."""
_ROOM = 400.0
"""Width and height of the box in which a text is aligned."""


def paint(painter: "qt.QPainter", shapes: Sequence[Shape]) -> None:
    """Paint shapes, from back to front.

    Args:
        painter: Begun on its device.
        shapes: What to paint.
    """
    painter.setRenderHint(qt.QPainter.Antialiasing, True)
    for shape in shapes:
        if isinstance(shape, Line):
            _paintLine(painter, shape)
        elif isinstance(shape, Area):
            color = qt.QColor(shape.color)
            color.setAlphaF(shape.opacity)
            painter.setPen(qt.QPen(qt.Qt.NoPen))
            painter.setBrush(qt.QBrush(color))
            painter.drawPath(_path(shape.points))
        elif isinstance(shape, Dot):
            painter.setPen(_pen(shape.rim, 1.5))
            painter.setBrush(qt.QBrush(qt.QColor(shape.color)))
            painter.drawEllipse(qt.QPointF(*shape.center), shape.radius, shape.radius)
        else:
            _paintText(painter, shape)


def writePng(path: Path, shapes: Sequence[Shape], size: tuple[int, int], background: str) -> None:
    """Write a drawing into a file, at twice the screen's resolution.

    Args:
        path: The file to make.
        shapes: From back to front.
        size: Width and height on the screen, pixels.
        background: Color behind it, as "#rrggbb".

    Raises:
        OutputError: If the file cannot be written.
    """
    width, height = size
    image = qt.QImage(width * _SCALE, height * _SCALE, qt.QImage.Format_RGB32)
    image.fill(qt.QColor(background))
    painter = qt.QPainter()
    painter.begin(image)
    painter.scale(_SCALE, _SCALE)
    paint(painter, shapes)
    painter.end()
    if not image.save(str(path), "PNG"):
        raise OutputError(_("The picture cannot be written to {file}.").format(file=path.name))


def _paintLine(painter: "qt.QPainter", line: Line) -> None:
    painter.setBrush(qt.QBrush(qt.Qt.NoBrush))
    painter.setPen(_pen(line.color, line.width, isDashed=line.isDashed))
    painter.drawPath(_path(line.points))


def _paintText(painter: "qt.QPainter", text: Text) -> None:
    font = qt.QFont(painter.font())
    font.setPixelSize(text.size)
    painter.setFont(font)
    painter.setPen(_pen(text.color, 1.0))
    painter.save()
    painter.translate(*text.at)
    if text.isUpward:
        painter.rotate(-90)
    sides = {"left": (0.0, qt.Qt.AlignLeft), "right": (-_ROOM, qt.Qt.AlignRight)}
    left, side = sides.get(text.anchor, (-_ROOM / 2, qt.Qt.AlignHCenter))
    box = qt.QRectF(left, -_ROOM / 2, _ROOM, _ROOM)
    painter.drawText(box, int(side) | int(qt.Qt.AlignVCenter), text.text)
    painter.restore()


def _pen(color: str, width: float, *, isDashed: bool = False) -> "qt.QPen":
    pen = qt.QPen(qt.QColor(color))
    pen.setWidthF(width)
    pen.setStyle(qt.Qt.DashLine if isDashed else qt.Qt.SolidLine)
    return pen


def _path(points: Sequence[tuple[float, float]]) -> "qt.QPainterPath":
    path = qt.QPainterPath()
    path.setFillRule(qt.Qt.WindingFill)
    for number, (x, y) in enumerate(points):
        if number:
            path.lineTo(x, y)
        else:
            path.moveTo(x, y)
    return path
