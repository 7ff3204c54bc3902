"""The cases of the cohort: what the threshold does to each, and one of them in the views."""

import html

import qt
from slicer.i18n import tr as _

from atlastumor.detection.tree import Candidates
from atlastumor.errors import Cancelled
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Signal import Signal

from .Cases import LoadedCase
from .CasesOpening import OPENINGS
from .Curves import CaseCounts, OrganCurve
from .Logic import AtlasFROCLogic
from .ViewSetup import jumpToCase, showCase

__all__ = ["CasesPanel"]

_REST_MS = 120
"""Surfaces are made once the threshold has rested for so long."""


class CasesPanel:
    """Lists the cases and keeps the open one's surfaces in step.

    Args:
        ui: The widgets of the .ui file.
        logic: Whose cases they are.

    Attributes:
        changed: Emitted when the user opened another case.
    """

    def __init__(self, ui: object, logic: AtlasFROCLogic) -> None:
        """Connect to clicks and to the logic."""
        self.changed = Signal()
        self._ui, self._logic = ui, logic
        self._counts: list[CaseCounts] = []
        table = ui.casesTable
        table.connect("cellClicked(int,int)", self._onRow)
        table.connect("cellActivated(int,int)", self._onRow)
        header = table.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        self._timer = qt.QTimer()
        self._timer.singleShot = True
        self._timer.interval = _REST_MS
        self._timer.connect("timeout()", logic.view.updateSurfaces)
        ui.show3DCheckBox.connect("toggled(bool)", logic.view.setVisibility3D)
        OPENINGS.changed.connect(self._onOpening)
        OPENINGS.progressed.connect(self._onProgress)
        logic.cohortChanged.connect(lambda _cohort: OPENINGS.cancel())
        logic.curveChanged.connect(self._onCurve)
        logic.thresholdChanged.connect(lambda _threshold: self._showCounts())
        logic.caseChanged.connect(self._onCase)
        logic.candidatesChanged.connect(self._onCandidates)
        self._showCounts()

    def stop(self) -> None:
        """Read no case and make no more surfaces; the panel is about to go."""
        self._timer.stop()
        OPENINGS.changed.disconnect(self._onOpening)
        OPENINGS.progressed.disconnect(self._onProgress)
        OPENINGS.cancel()

    def open(self, name: str) -> None:
        """Open a case, with a message if that cannot be; choosing another meanwhile gives that."""
        logic = self._logic
        if logic.case is not None and logic.case.name == name:
            return
        organ = logic.organ
        try:
            logic.openCase(name)
        except Cancelled:
            if logic.organ not in (None, organ):  # another organ was chosen meanwhile
                self.open(name)
        except Exception as error:  # noqa: BLE001 - the outermost door of the panel
            showError(error)
        self.changed.emit()

    def _onCurve(self, curve: OrganCurve | None) -> None:
        if curve is not None and OPENINGS.organ not in ("", curve.organ):
            OPENINGS.cancel()
        self._showCounts()

    def _onOpening(self) -> None:
        """Say that a case is being read; the review waits, as it shows scans of its own."""
        isRunning = OPENINGS.isRunning
        self._ui.reviewCollapsibleButton.enabled = not isRunning
        if isRunning:
            self._ui.caseLabel.text = _("Opening the case ...")
        elif self._logic.case is None:
            self._ui.caseLabel.text = _("No case is open.")

    def _onProgress(self, _fraction: float, stage: str, _secondsLeft: float | None) -> None:
        self._ui.caseLabel.text = _("Opening the case: {stage} ...").format(stage=_(stage))

    def _showCounts(self) -> None:
        curve = self._logic.curve
        self._counts = curve.countCases() if curve is not None else []
        table = self._ui.casesTable
        if table.rowCount != len(self._counts):
            table.setRowCount(len(self._counts))
        for row, counts in enumerate(self._counts):
            texts = (counts.case, counts.nLesions, counts.nFound, counts.nFalse)
            for column, text in enumerate(texts):
                _setText(table, row, column, str(text))

    def _onRow(self, row: int, _column: int) -> None:
        if 0 <= row < len(self._counts):
            self.open(self._counts[row].case)

    def _onCase(self, case: LoadedCase | None) -> None:
        if case is None:
            self._ui.caseLabel.text = _("No case is open.")
            return
        self._logic.view.setVisibility3D(bool(self._ui.show3DCheckBox.checked))
        showCase(case)
        names = [counts.case for counts in self._counts]
        if case.name in names:
            self._ui.casesTable.selectRow(names.index(case.name))
        jumpToCase(case)

    def _onCandidates(self, candidates: Candidates | None) -> None:
        case = self._logic.case
        if case is None:
            return
        self._timer.start()
        count = len(candidates.candidates) if candidates is not None else 0
        counted = _("1 candidate") if count == 1 else _("{n} candidates").format(n=count)
        self._ui.caseLabel.text = _(
            "<b>{case}</b>: {counted}; <span style='color:#29a34c'>green</span> on a lesion, "
            "<span style='color:#d9402f'>red</span> elsewhere, lesions of the reference outlined "
            "in white."
        ).format(case=html.escape(case.name), counted=counted)


def _setText(table: "qt.QTableWidget", row: int, column: int, text: str) -> None:
    item = table.item(row, column)
    if item is None:
        item = qt.QTableWidgetItem(text)
        across = qt.Qt.AlignRight if column else qt.Qt.AlignLeft
        item.setTextAlignment(across | qt.Qt.AlignVCenter)
        table.setItem(row, column, item)
    elif item.text() != text:
        item.setText(text)
