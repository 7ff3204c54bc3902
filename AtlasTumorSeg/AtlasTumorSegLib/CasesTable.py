"""The table of the cases of a cohort; ten thousand of them are no trouble."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import qt
from slicer.i18n import tr as _

from AtlasTumorSlicer.RunControls import timeText
from AtlasTumorSlicer.Signal import Signal

from .CohortCases import DONE, FAILED, LEFT_OUT, RUNNING, WAITING, CaseRow

__all__ = ["CasesTable"]

_WIDTHS = (105, 55, 50)  # pixels; the last column has the rest
_ROW = 24


class CasesTable:
    """Shows cases in the order in which they were told of, all or those of one kind.

    Args:
        ui: The widgets of the .ui file.

    Attributes:
        chosen: Emits the row of a case that the user chose.
    """

    def __init__(self, ui: object) -> None:
        """Start without cases."""
        self.chosen = Signal()
        self._table, self._filter, self._label = (
            ui.casesTable,
            ui.casesFilterComboBox,
            ui.casesLabel,
        )
        self._cases: dict[str, CaseRow] = {}
        self._shown: list[str] = []
        self._rows: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        for column, width in enumerate(_WIDTHS):
            self._table.setColumnWidth(column, width)
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(self._table.columnCount - 1, qt.QHeaderView.Stretch)
        self._table.verticalHeader().setDefaultSectionSize(_ROW)
        for text, state in (
            (_("All"), ""),
            (_("Done"), DONE),
            (_("With tumors"), "tumors"),
            (_("Failed"), FAILED),
            (_("Waiting"), WAITING),
        ):
            self._filter.addItem(text, state)
        self._filter.connect("currentIndexChanged(int)", lambda _index: self._fill())
        self._table.connect("cellClicked(int,int)", self._onRow)
        self._table.connect("cellActivated(int,int)", self._onRow)

    @property
    def counts(self) -> Counter[str]:
        """Number of cases by state."""
        return Counter(self._counts)

    @property
    def n(self) -> int:
        """Number of cases."""
        return len(self._cases)

    def setCases(self, cases: Iterable[CaseRow]) -> None:
        """Show these cases and no others."""
        self._cases = {case.id: case for case in cases}
        self._counts = Counter(case.state for case in self._cases.values())
        self._fill()

    def setCase(self, case: CaseRow) -> None:
        """Show how a case stands by now."""
        old = self._cases.get(case.id)
        if old is not None and not case.path:
            case = replace(case, path=old.path, series=old.series)
        self._cases[case.id] = case
        self._counts[case.state] += 1
        if old is not None:
            self._counts[old.state] -= 1
        row = self._rows.get(case.id)
        if row is None and self._fits(case):
            row = self._rows[case.id] = len(self._shown)
            self._shown.append(case.id)
            self._table.insertRow(row)
        if row is not None:  # a case that no longer fits stays until the table is filled anew
            self._write(row, case)
        self._sum()

    def addCases(self, cases: Mapping[str, CaseRow]) -> None:
        """Show what a list says of all cases; of those that are shown, it knows less but the order.

        Args:
            cases: By id, in order.
        """
        shown = self._cases
        listed = [
            replace(shown[one.id], path=one.path, series=one.series) if one.id in shown else one
            for one in cases.values()
        ]
        self.setCases([*listed, *(case for key, case in shown.items() if key not in cases)])

    def stop(self) -> None:
        """Cases that were running wait again: the worker was stopped over them."""
        for case in list(self._cases.values()):
            if case.state == RUNNING:
                self.setCase(replace(case, state=WAITING))

    def select(self, caseId: str) -> None:
        """Mark a case as the one that is shown."""
        if caseId in self._rows:
            self._table.selectRow(self._rows[caseId])

    def _fill(self) -> None:
        self._shown = [case.id for case in self._cases.values() if self._fits(case)]
        self._rows = {caseId: row for row, caseId in enumerate(self._shown)}
        self._table.setUpdatesEnabled(False)
        self._table.setRowCount(0)
        self._table.setRowCount(len(self._shown))
        for row, caseId in enumerate(self._shown):
            self._write(row, self._cases[caseId])
        self._table.setUpdatesEnabled(True)
        self._sum()

    def _fits(self, case: CaseRow) -> bool:
        kind = self._filter.itemData(self._filter.currentIndex) or ""
        if kind == "tumors":
            return any(case.lesions.values())
        return kind in ("", case.state)

    def _write(self, row: int, case: CaseRow) -> None:
        seconds = timeText(case.seconds) if case.seconds is not None else ""
        for column, text in enumerate((case.id, case.stateText, seconds, case.text)):
            item = self._table.item(row, column)
            if item is None:
                item = qt.QTableWidgetItem()
                self._table.setItem(row, column, item)
            if item.text() != text:
                item.setText(text)
                item.setToolTip(text)

    def _sum(self) -> None:
        if not self._cases:
            self._label.text = _("No cases yet.")
            return
        texts = {DONE: _("{n} done"), FAILED: _("{n} failed"), RUNNING: _("{n} running")}
        parts = [
            text.format(n=self._counts[state])
            for state, text in texts.items()
            if self._counts[state]
        ]
        n = len(self._cases) - self._counts[LEFT_OUT]
        self._label.text = ", ".join([_("{n} cases").format(n=n), *parts])

    def _onRow(self, row: int, _column: int) -> None:
        if 0 <= row < len(self._shown):
            self.chosen.emit(self._cases[self._shown[row]])
