"""The last result: findings in words, lesions as a table whose rows lead to the lesions."""

import html
import math

import qt
import slicer
from slicer.i18n import tr as _

from atlastumor.organs import find_organ
from AtlasTumorSlicer.Tables import TableRow, readFindings, readRows, readTarget
from AtlasTumorSlicer.Views import jumpTo

__all__ = ["ResultPanel"]


class ResultPanel:
    """Shows a lesion table node.

    Args:
        findingsLabel: Takes the findings.
        table: Takes the lesions; its columns are set in the .ui file.
    """

    def __init__(self, findingsLabel: "qt.QLabel", table: "qt.QTableWidget") -> None:
        """Connect to clicks and to the keyboard."""
        self._label, self._table = findingsLabel, table
        self._rows: list[TableRow] = []
        self._tableNode = None
        table.connect("cellClicked(int,int)", self._onRow)
        table.connect("currentCellChanged(int,int,int,int)", self._onRow)
        header = table.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(table.columnCount - 1, qt.QHeaderView.Stretch)

    def show(self, tableNode: "slicer.vtkMRMLTableNode | None") -> None:
        """Show a result, or none."""
        self._tableNode = tableNode
        self._rows = readRows(tableNode)
        wasBlocked = self._table.blockSignals(True)
        self._table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for column, (text, isNumber) in enumerate(_cells(row)):
                self._table.setItem(number, column, _item(text, isNumber))
        self._table.setCurrentCell(-1, -1)
        self._table.blockSignals(wasBlocked)
        self._table.visible = bool(self._rows)
        self._label.text = _describe(tableNode)

    def _onRow(self, row: int, *_others: int) -> None:
        """Take the views to a lesion, wherever its segmentation has been moved since."""
        if not 0 <= row < len(self._rows):
            return
        ras = list(self._rows[row].lesion.ras)
        segmentationNode = readTarget(self._tableNode)
        if segmentationNode is not None:
            world = [0.0, 0.0, 0.0]
            segmentationNode.TransformPointToWorld(ras, world)
            ras = world
        jumpTo(tuple(ras))


def _cells(row: TableRow) -> list[tuple[str, bool]]:
    """Text of each column, and whether it is a number."""
    lesion = row.lesion
    sides = {"left": _("left"), "right": _("right")}
    return [
        (_(find_organ(lesion.organ).name), False),
        (str(lesion.index), True),
        (_("{volume} mL").format(volume=f"{lesion.volumeMl:.2f}"), True),
        (_("{diameter} mm").format(diameter=f"{lesion.diameterMm:.1f}"), True),
        ("-" if math.isnan(lesion.score) else f"{lesion.score:.2f}", True),
        (sides.get(lesion.side, ""), False),
    ]


def _item(text: str, isNumber: bool) -> "qt.QTableWidgetItem":
    item = qt.QTableWidgetItem(text)
    across = qt.Qt.AlignRight if isNumber else qt.Qt.AlignLeft
    item.setTextAlignment(across | qt.Qt.AlignVCenter)
    return item


def _describe(tableNode: "slicer.vtkMRMLTableNode | None") -> str:
    findings = readFindings(tableNode)
    if not findings:
        return _("No result yet.")
    return "".join(
        f'<p style="margin:0 0 2px 0"><b>{html.escape(_(find_organ(finding.organ).name))}:</b> '
        f"{html.escape(finding.message)}</p>"
        for finding in findings
    )
