"""The candidates of the scan under review, by falling score."""

import math
from collections.abc import Sequence

import qt
from slicer.i18n import tr as _

from atlastumor.review import Item, ScanState
from AtlasTumorSlicer.Signal import Signal

from .ReviewScene import describeItem

__all__ = ["ReviewTable"]

_WORDS = {"accept": "accepted", "reject": "removed", "add": "added", "border": "border edited"}


class ReviewTable:
    """Fills a table and tells which row the user went to.

    Args:
        table: With the columns of the .ui file: candidate, score, volume, decision, reader.

    Attributes:
        chosen: Emits the key of the candidate.
    """

    def __init__(self, table: "qt.QTableWidget") -> None:
        """Connect to clicks and to the keyboard."""
        self.chosen = Signal()
        self._table = table
        self._keys: list[str] = []
        table.connect("currentCellChanged(int,int,int,int)", self._onRow)
        header = table.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(table.columnCount - 1, qt.QHeaderView.Stretch)

    def show(self, items: Sequence[Item], state: ScanState, current: Item | None) -> None:
        """Show candidates and what was decided, without emitting `chosen`."""
        wasBlocked = self._table.blockSignals(True)
        self._keys = [item.key for item in items]
        self._table.setRowCount(len(items))
        for row, item in enumerate(items):
            for column, (text, isNumber) in enumerate(_cells(item, state)):
                cell = qt.QTableWidgetItem(text)
                across = qt.Qt.AlignRight if isNumber else qt.Qt.AlignLeft
                cell.setTextAlignment(across | qt.Qt.AlignVCenter)
                self._table.setItem(row, column, cell)
        row = self._keys.index(current.key) if current is not None else -1
        self._table.setCurrentCell(row, 0)
        self._table.blockSignals(wasBlocked)

    def _onRow(self, row: int, *_others: int) -> None:
        if 0 <= row < len(self._keys):
            self.chosen.emit(self._keys[row])


def _cells(item: Item, state: ScanState) -> list[tuple[str, bool]]:
    """Text of each column, and whether it is a number."""
    verdict = state.verdicts.get(item.key)
    decision = _(_WORDS[verdict.kind]) if verdict else ""
    if item.key in state.disagreements:
        decision = _("{decision}, disputed").format(decision=decision)
    volume = "-" if math.isnan(item.volume_ml) else f"{item.volume_ml:.2f}"
    return [
        (describeItem(item), False),
        ("-" if math.isnan(item.score) else f"{item.score:.3f}", True),
        (volume, True),
        (decision, False),
        (verdict.who if verdict else "", False),
    ]
