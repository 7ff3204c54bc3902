"""The tumors of a synthetic scan, as a table whose rows lead to them."""

import math

import qt
from slicer.i18n import tr as _

from atlastumor.organs import find_organ
from AtlasTumorSlicer.Views import jumpTo

from .HistoryTable import PREVIEW, Row, readRows
from .SyntheticNodes import SyntheticNodes

__all__ = ["HistoryPanel"]


class HistoryPanel:
    """Shows the table node of a synthetic scan.

    Args:
        table: Its columns are set in the .ui file.
    """

    def __init__(self, table: "qt.QTableWidget") -> None:
        """Connect to clicks and to the keyboard."""
        self._table = table
        self._rows: list[Row] = []
        self._nodes: SyntheticNodes | None = None
        table.connect("cellClicked(int,int)", self._onRow)
        table.connect("currentCellChanged(int,int,int,int)", self._onRow)
        table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)

    def show(self, nodes: SyntheticNodes | None, *, hasPreview: bool) -> None:
        """Show the tumors of a synthetic scan, or none.

        Args:
            nodes: The synthetic scan.
            hasPreview: Whether some of them can still be taken back; those of a loaded scene not.
        """
        self._nodes = nodes if nodes is not None and nodes.isAlive else None
        self._rows = readRows(self._nodes.tableNode) if self._nodes else []
        table = self._table
        wasBlocked = table.blockSignals(True)
        table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for column, (text, isNumber) in enumerate(_cells(row)):
                table.setItem(
                    number, column, _item(text, isNumber, hasPreview and row.state == PREVIEW)
                )
        table.setCurrentCell(-1, -1)
        table.blockSignals(wasBlocked)

    def _onRow(self, index: int, *_others: int) -> None:
        """Take the views to a tumor, wherever its scan has been moved since."""
        if not 0 <= index < len(self._rows) or not self._nodes.isAlive:
            return
        row, world = self._rows[index], [0.0, 0.0, 0.0]
        self._nodes.volumeNode.TransformPointToWorld([row.r, row.a, row.s], world)
        jumpTo(tuple(world))


def _cells(row: Row) -> list[tuple[str, bool]]:
    """Text of each column, and whether it is a number."""
    found = "-" if math.isnan(row.quality) else f"{row.quality:.0%}"
    place = f"{row.r:.0f}, {row.a:.0f}, {row.s:.0f}"
    return [
        (str(row.number), True),
        (_(find_organ(row.organ).name), False),
        (f"{row.asked_mm:.1f}", True),
        (f"{row.diameter_mm:.1f}", True),
        (f"{row.contrast_hu:+.0f}", True),
        (found, True),
        (str(row.seed), True),
        (row.method, False),
        (place, False),
    ]


def _item(text: str, isNumber: bool, isPreview: bool) -> "qt.QTableWidgetItem":
    item = qt.QTableWidgetItem(text)
    across = qt.Qt.AlignRight if isNumber else qt.Qt.AlignLeft
    item.setTextAlignment(across | qt.Qt.AlignVCenter)
    if isPreview:
        font = item.font()
        font.setItalic(True)
        item.setFont(font)
    return item
