"""The chart as a widget: shows a curve and its current point, and lets people choose another."""

import qt
from slicer.i18n import tr as _

from AtlasTumorSlicer.Signal import Signal

from .ChartDrawing import Axes, Colors, axesFor, drawChart, nearestRow
from .Curves import OrganCurve
from .Painting import paint
from .Shapes import Shape, Text

__all__ = ["Chart"]

_HEIGHT = 260


class Chart(qt.QWidget):
    """A FROC curve that can be clicked, dragged along, and walked with the arrow keys.

    Attributes:
        rowChosen: Emits the row of the curve that the user chose.
    """

    def __init__(self, parent: "qt.QWidget | None" = None) -> None:
        """Start empty."""
        qt.QWidget.__init__(self, *([parent] if parent else []))
        self.rowChosen = Signal()
        self.target: float | None = None
        self._curve: OrganCurve | None = None
        self.setMinimumHeight(_HEIGHT)
        self.setFocusPolicy(qt.Qt.StrongFocus)
        self.setCursor(qt.QCursor(qt.Qt.CrossCursor))
        self.toolTip = _(
            "Lesions found against false positives per scan, a point for every threshold. Click "
            "for the nearest one; the arrow keys go to its neighbors. The band is the 95 % "
            "confidence interval from resampled cases."
        )

    def showCurve(self, curve: OrganCurve | None) -> None:
        """Show a curve with its current threshold, or nothing."""
        self._curve = curve
        self.update()

    def shapes(self, size: tuple[int, int], colors: Colors) -> list[Shape]:
        """Draw what is shown.

        Args:
            size: Width and height, pixels.
            colors: To draw with.

        Returns:
            The shapes, from back to front.
        """
        if self._curve is None:
            middle = (size[0] / 2, size[1] / 2)
            return [Text(_("Measure a cohort to see its curve."), middle, colors.text)]
        return drawChart(
            self._curve.curve,
            axesFor(self._curve.curve, size),
            row=self._curve.row,
            bands=self._curve.bands,
            target=self.target,
            colors=colors,
        )

    def paintEvent(self, _event: "qt.QPaintEvent") -> None:
        """Paint in the colors of Slicer's style."""
        colors = self._colors()
        painter = qt.QPainter()
        painter.begin(self)
        painter.fillRect(self.rect, qt.QColor(colors.background))
        paint(painter, self.shapes((self.width, self.height), colors))
        painter.end()

    def mousePressEvent(self, event: "qt.QMouseEvent") -> None:
        """Choose the threshold nearest to the click."""
        self._choose(event)

    def mouseMoveEvent(self, event: "qt.QMouseEvent") -> None:
        """Follow the mouse while its button is down."""
        self._choose(event)

    def keyPressEvent(self, event: "qt.QKeyEvent") -> None:
        """Go to the next or the previous evaluated threshold."""
        steps = {qt.Qt.Key_Left: -1, qt.Qt.Key_Right: 1}
        step = steps.get(event.key())
        if step is None or self._curve is None:
            qt.QWidget.keyPressEvent(self, event)
            return
        row = self._curve.row + step
        if 0 <= row < self._curve.curve.thresholds.size:
            self.rowChosen.emit(row)

    def _choose(self, event: "qt.QMouseEvent") -> None:
        if self._curve is None:
            return
        # Qt 6 has `position` and frowns on `pos`, which is all that Qt 5 has.
        at = event.position() if hasattr(event, "position") else event.pos()
        row = nearestRow(self._curve.curve, self._axes(), (at.x(), at.y()))
        if row >= 0 and row != self._curve.row:
            self.rowChosen.emit(row)

    def _axes(self) -> Axes:
        return axesFor(self._curve.curve, (self.width, self.height))

    def _colors(self) -> Colors:
        palette = self.palette
        background, text = palette.color(qt.QPalette.Base), palette.color(qt.QPalette.Text)
        isDark = background.lightness() < text.lightness()
        return Colors(
            background=background.name(),
            text=text.name(),
            grid="#505050" if isDark else Colors.grid,
            curve="#5fb0f0" if isDark else Colors.curve,
            point="#ff7060" if isDark else Colors.point,
        )
