"""The tab for many scans: what goes in, how it goes on, and each case as it ends."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import qt
from slicer.i18n import tr as _

from atlastumor.errors import Cancelled
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Install import Installer
from AtlasTumorSlicer.RunControls import RunControls
from AtlasTumorSlicer.Signal import Signal

from .BatchRun import BatchRun
from .CaseOpening import CaseOpening
from .CasesPanel import CasesPanel
from .CasesTable import CasesTable
from .CohortCases import FAILED, CaseRow
from .CohortChoices import CohortChoices
from .CohortTexts import isCounted, sayProgress, summarize, textsOf
from .Logic import AtlasTumorSegLogic

__all__ = ["CohortPanel"]


class CohortPanel:
    """Runs cohorts and shows their cases.

    Args:
        ui: The widgets of the .ui file.
        logic: Runs them.
        installer: Gives who makes sure that the packages which the worker needs are there.
        settings: Gives what `segmentCohort` is to be told of organs, model and device.

    Attributes:
        stateChanged: Emitted when a cohort begins or ends, or can be started or no longer.
        choices: What goes in, and where the results go.
        table: The cases.
        opening: Brings cases into the scene.
    """

    def __init__(
        self,
        ui: object,
        logic: AtlasTumorSegLogic,
        installer: Callable[[], Installer],
        settings: Callable[[], dict[str, Any]],
    ) -> None:
        """Connect everything; nothing runs yet."""
        self.stateChanged = Signal()
        self._ui, self._logic, self._installer, self._settings = ui, logic, installer, settings
        self._obstacle = ""
        self._isFresh = False
        self._counted: BatchRun | None = None
        self._listing: BatchRun | None = None
        self.choices = CohortChoices(ui)
        self.table = CasesTable(ui)
        self.opening = CaseOpening()
        self._cases = CasesPanel(ui.caseLabel, self.table, self.opening, self.choices)
        controls = {"applyButton": ui.cohortButton, "progressBar": ui.cohortProgressBar}
        self._controls = RunControls(
            SimpleNamespace(**controls, stageLabel=ui.cohortStageLabel), textsOf(isBegun=False)
        )
        self.choices.folderChanged.connect(self._onFolder)
        self.choices.changed.connect(self._update)
        ui.cohortButton.connect("clicked()", self.onCohortButton)
        ui.listButton.connect("clicked()", lambda: self._startRun(isListOnly=True))
        ui.retryButton.connect("clicked()", self.onRetryButton)
        ui.reportButton.connect("clicked()", self.onReportButton)
        ui.openFolderButton.connect("clicked()", self.onOpenFolderButton)
        self._update()

    @property
    def isBusy(self) -> bool:
        """Whether the worker is at it, or its packages are being looked at."""
        return self._controls.isBusy

    @property
    def isListing(self) -> bool:
        """Whether the cases of a folder of results are being read."""
        return self._listing is not None

    def setObstacle(self, obstacle: str) -> None:
        """Say why no cohort can be started, beside what the panel knows itself; empty for none."""
        self._obstacle = obstacle
        self._update()

    def close(self) -> None:
        """Stop what runs: the panel is about to go."""
        self.opening.forget()
        self._stopListing()
        self._stop()

    def onSceneStartClose(self) -> None:
        """Let go of the nodes of the scene. A cohort of files goes on."""
        self._cases.forget()
        self.choices.inputs.forgetNodes()

    def showFolder(self) -> None:
        """Show the cases of a folder that was remembered, when they are first looked at."""
        if not self.table.n and not self.isBusy and self.choices.isBegun:
            self._fill()

    def onCohortButton(self) -> None:
        """Start or go on; while something is under way, stop it."""
        if self.isBusy:
            self._stop()
            return
        self._startRun(isListOnly=False)

    def onRetryButton(self) -> None:
        """Segment the failed cases again."""
        device = str(self._settings()["device"])
        self._ask(["retry-failed", "--device", device], _("Trying failed cases again"))

    def onReportButton(self) -> None:
        """Write the report and open it in the browser."""

        def show(run: BatchRun) -> None:
            pages = [path for path in run.files if path.suffix == ".html"]
            for path in pages or [self.choices.folder]:
                qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path)))

        self._ask(["report"], _("Writing the report"), show)

    def onOpenFolderButton(self) -> None:
        """Show the folder of results in the system's own way."""
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self.choices.folder)))

    def _stop(self) -> None:
        """Stop the cohort, or the look at the packages before it."""
        if self.isBusy:
            self._installer().cancel()
        self._logic.cancelCohort()

    def _startRun(self, *, isListOnly: bool) -> None:
        """Start a cohort, or find its cases only."""

        def make() -> BatchRun:
            inputs, folder = self.choices.inputs, self.choices.folder
            return self._logic.segmentCohort(
                [*inputs.paths, *inputs.nodes],
                folder,
                series=self.choices.series,
                formats=self.choices.formats,
                loadResults=bool(inputs.nodes),
                listOnly=isListOnly,
                wait=False,
                **self._settings(),
            )

        self._start(make, _("Finding scans") if isListOnly else _("Starting"))

    def _ask(
        self,
        words: Sequence[str],
        stage: str,
        then: Callable[[BatchRun], None] = lambda _run: None,
    ) -> None:
        """Run another command about the folder of results."""
        verb, *options = words

        def make() -> BatchRun:
            return self._logic.startBatch(self._makeRun(verb, *options), wait=False)

        self._start(make, stage, then)

    def _makeRun(self, verb: str, *options: str) -> BatchRun:
        folder = self.choices.folder
        words = [verb, str(folder), *options]
        return BatchRun(self._logic.workerCommand, words, folder)

    def _start(
        self,
        make: Callable[[], BatchRun],
        stage: str,
        then: Callable[[BatchRun], None] = lambda _run: None,
    ) -> None:
        """Make sure of the packages, then start; `then` is called after success."""
        self._controls.showBusy(stage)
        self._update()
        try:
            self._installer().ensure()
            run = make()
        except Exception as error:  # noqa: BLE001 - an outermost door of the panel
            self._onFailed(error)
            return
        self._isFresh = False
        run.caseTold.connect(self._onTold)
        run.progressed.connect(self._onProgress)
        run.whenDone(lambda _result: self._onFinished(run, then), self._onFailed)

    def _onTold(self, case: CaseRow) -> None:
        self._clear()
        self.table.setCase(case)

    def _clear(self) -> None:
        """Take the cases of the command before from the table, once the next one tells its own."""
        if not self._isFresh:
            self._isFresh = True
            self.table.setCases([])

    def _onProgress(self, fraction: float, stage: str, secondsLeft: float | None) -> None:
        self._controls.showProgress(fraction, sayProgress(stage, secondsLeft), None)
        if isCounted(stage) and self._counted is not self._logic.cohort:
            self._counted = self._logic.cohort
            self._clear()
            self._fill()

    def _fill(self) -> None:
        """Show all cases of a cohort that has begun; what it tells itself meanwhile is newer.

        This is no run that others wait for, and nobody is asked to install packages for it.
        """
        if self.choices.folder is None:
            return
        self._stopListing()
        run = self._makeRun("status", "--cases")
        run.finished.connect(lambda _result: self._onListed(run))
        run.failed.connect(lambda error: self._onListed(run, error))
        self._listing = run
        run.start()

    def _stopListing(self) -> None:
        run, self._listing = self._listing, None
        if run is not None:
            run.cancel()

    def _onListed(self, run: BatchRun, error: Exception | None = None) -> None:
        if run is not self._listing:
            return
        self._listing = None
        self.table.addCases(run.cases)
        if error is not None and not self.isBusy:
            self._say(str(error))
        self._update()

    def _onFinished(self, run: BatchRun, then: Callable[[BatchRun], None]) -> None:
        self._end()
        self.opening.know(run.shown.values())
        self._say(summarize(run))
        then(run)

    def _onFailed(self, error: Exception) -> None:
        self.table.stop()
        self._end()
        if isinstance(error, Cancelled):
            self._say(_("Stopped. Resume goes on with the cases that are left."))
        else:
            showError(error)

    def _end(self) -> None:
        self._controls.showIdle()
        self._update()

    def _say(self, text: str) -> None:
        self._ui.cohortStageLabel.text = text
        self._ui.cohortStageLabel.visible = bool(text)

    def _onFolder(self) -> None:
        """Show the cases of another folder."""
        self.opening.cancel()
        self._stopListing()
        self.table.setCases([])
        self._say("")
        self._update()
        self.showFolder()

    def _update(self) -> None:
        """Let the buttons be pressed, or say why they cannot."""
        ui, isIdle, isBegun = self._ui, not self.isBusy, self.choices.isBegun
        if isIdle:
            self._controls.setTexts(textsOf(isBegun=isBegun))
            self._controls.showObstacle(self._obstacle or self.choices.findObstacle())
        else:
            ui.cohortButton.enabled = True
        ui.listButton.enabled = isIdle and ui.cohortButton.enabled
        ui.cohortInputsWidget.enabled = isIdle
        ui.retryButton.enabled = isIdle and bool(self.table.counts[FAILED])
        ui.reportButton.enabled = isIdle and isBegun
        ui.openFolderButton.enabled = bool(self.choices.folder and self.choices.folder.is_dir())
        self.stateChanged.emit()
