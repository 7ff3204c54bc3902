"""A click on a case of the table brings it into the scene, or says why it cannot."""

import qt
from slicer.i18n import tr as _

from AtlasTumorSlicer.Errors import showError

from .CaseOpening import CaseOpening
from .CasesTable import CasesTable
from .CohortCases import DONE, CaseRow, ShownCase
from .CohortChoices import CohortChoices

__all__ = ["CasesPanel"]


class CasesPanel:
    """Joins the table with what opens cases.

    Args:
        label: Says what is being read, or why nothing is.
        table: Where cases are chosen.
        opening: Brings them into the scene.
        choices: Know the folder of results.
    """

    def __init__(
        self, label: "qt.QLabel", table: CasesTable, opening: CaseOpening, choices: CohortChoices
    ) -> None:
        """Connect to the table."""
        self._label, self._table, self._opening, self._choices = label, table, opening, choices
        table.chosen.connect(self._onCase)
        opening.progressed.connect(self._onProgress)
        opening.finished.connect(self._onShown)
        opening.failed.connect(self._onFailed)
        self._say("")

    def forget(self) -> None:
        """Let go of the nodes of the scene."""
        self._opening.forget()
        self._say("")

    def _onCase(self, case: CaseRow) -> None:
        if case.state != DONE:
            self._say(case.reason or _("{case}: no result yet.").format(case=case.id))
            return
        self._say("")
        try:
            self._opening.open(case, self._choices.folder)
        except Exception as error:  # noqa: BLE001 - an outermost door of the panel
            showError(error)

    def _onProgress(self, _fraction: float, stage: str, _secondsLeft: float | None) -> None:
        self._say(_("Opening the case: {stage} ...").format(stage=_(stage)))

    def _onShown(self, case: ShownCase) -> None:
        self._say("")
        self._table.select(case.id)

    def _onFailed(self, error: Exception) -> None:
        self._say("")
        showError(error)

    def _say(self, text: str) -> None:
        self._label.text = text
        self._label.visible = bool(text)
