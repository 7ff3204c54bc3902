"""The buttons that write files: operating point, figure, table."""

from collections.abc import Callable
from pathlib import Path

import qt
from slicer.i18n import tr as _

from atlastumor.errors import OutputError
from AtlasTumorSlicer.Errors import showError

from .ChartDrawing import Colors
from .Exports import makeOperatingPoint, saveOperatingPoint, writeTable
from .Logic import AtlasFROCLogic
from .OperatingPanel import OperatingPanel
from .Painting import writePng
from .Shapes import writeSvg

__all__ = ["ExportPanel"]

_FIGURE_SIZE = (560, 400)


class ExportPanel:
    """Asks for a file and writes it.

    Args:
        ui: The widgets of the .ui file.
        logic: Whose curve and threshold are written.
        operating: Whose chart is drawn.
    """

    def __init__(self, ui: object, logic: AtlasFROCLogic, operating: OperatingPanel) -> None:
        """Connect the buttons."""
        self._logic, self._operating = logic, operating
        ui.saveButton.connect("clicked(bool)", lambda _on: self.savePoint())
        ui.figureButton.connect("clicked(bool)", lambda _on: self.exportFigure())
        ui.tableButton.connect("clicked(bool)", lambda _on: self.exportTable())

    def savePoint(self) -> None:
        """Write the current organ's operating point."""
        self._write(
            _("Save operating point"), "operating-points.json", _("JSON (*.json)"), self._savePoint
        )

    def exportFigure(self) -> None:
        """Write the chart."""
        name = f"froc-{self._logic.organ}.png"
        self._write(_("Export figure"), name, _("Pictures (*.png *.svg)"), self._writeFigure)

    def exportTable(self) -> None:
        """Write the current organ's curve."""
        name = f"froc-{self._logic.organ}.csv"
        curve = self._logic.curve
        self._write(
            _("Export table"), name, _("Tables (*.csv)"), lambda path: writeTable(path, curve)
        )

    def _savePoint(self, path: Path) -> None:
        curve = self._logic.curve
        target = self._operating.reason or _("chosen by hand")
        saveOperatingPoint(path, makeOperatingPoint(self._logic.cohort, curve, target))

    def _writeFigure(self, path: Path) -> None:
        colors = Colors()
        shapes = self._operating.chart.shapes(_FIGURE_SIZE, colors)
        write = {".png": writePng, ".svg": writeSvg}.get(path.suffix.lower())
        if write is None:
            raise OutputError(
                _("'{file}' is neither .png nor .svg. Choose one of these endings.").format(
                    file=path.name
                )
            )
        write(path, shapes, _FIGURE_SIZE, colors.background)

    def _write(self, title: str, name: str, kinds: str, write: Callable[[Path], None]) -> None:
        path = qt.QFileDialog.getSaveFileName(None, title, name, kinds)
        if not path:
            return
        try:
            write(Path(path))
        except Exception as error:  # noqa: BLE001 - the outermost door
            showError(error)
