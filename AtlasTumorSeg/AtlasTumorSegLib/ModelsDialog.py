"""The window in which models are fetched, imported, verified and deleted."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import qt
import slicer
from slicer.i18n import tr as _

from atlastumor.models.folders import default_models_dir
from atlastumor.organs import ORGANS
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Install import Installer
from AtlasTumorSlicer.RunControls import RunControls, RunTexts
from AtlasTumorSlicer.Signal import Signal
from AtlasTumorSlicer.WorkerLogic import WorkerLogic

from .ModelRows import ModelRow, describeConsent, describeRow, listRows
from .ModelRun import ModelRun

__all__ = ["ModelsDialog"]

_SIZE = (900, 640)
_WIDTHS = (320, 180, 60, 120)  # pixels; the last column has the rest
_ROW = 24


class ModelsDialog:
    """Lists installed and published models; what takes long is done by the worker.

    Args:
        uiPath: The .ui file of its page.
        logic: Knows the worker.
        installer: Gives who makes sure that the packages which the worker needs are there.

    Attributes:
        changed: Emitted when a model came or went.
        window: The window itself.
        ui: Its widgets.
    """

    def __init__(self, uiPath: str, logic: WorkerLogic, installer: Callable[[], Installer]) -> None:
        """Make the window without showing it."""
        self.changed = Signal()
        self._logic, self._installer = logic, installer
        self._run: ModelRun | None = None
        self._rows: list[ModelRow] = []
        self.window = qt.QDialog(slicer.util.mainWindow())
        self.window.windowTitle = _("AtlasTumor: models")
        self.window.resize(*_SIZE)
        page = slicer.util.loadUI(uiPath)
        qt.QVBoxLayout(self.window).addWidget(page)
        self.ui = ui = slicer.util.childWidgetVariables(page)
        controls = {"applyButton": ui.fetchButton, "progressBar": ui.modelsProgressBar}
        self._controls = RunControls(
            SimpleNamespace(**controls, stageLabel=ui.modelsStageLabel),
            RunTexts(
                start=_("Fetch ..."),
                startTip=_("Show license and address, ask, and get the model from its authors."),
                cancelTip=_("Stop; what came already is gone on with the next time."),
            ),
        )
        for column, width in enumerate(_WIDTHS):
            ui.modelsTable.setColumnWidth(column, width)
        ui.modelsTable.verticalHeader().setDefaultSectionSize(_ROW)
        ui.organFilterComboBox.addItem(_("any organ"), "")
        for organ in ORGANS:
            ui.organFilterComboBox.addItem(_(organ.name), organ.key)
        ui.organFilterComboBox.connect("currentIndexChanged(int)", lambda _index: self.refresh())
        ui.modelsTable.connect("itemSelectionChanged()", self._showChosen)
        ui.fetchButton.connect("clicked()", self.onFetchButton)
        ui.importFileButton.connect("clicked()", self.onImportFileButton)
        ui.importFolderButton.connect("clicked()", self.onImportFolderButton)
        ui.verifyButton.connect("clicked()", self.onVerifyButton)
        ui.deleteButton.connect("clicked()", self.onDeleteButton)
        ui.openFolderButton.connect("clicked()", self.onOpenFolderButton)

    @property
    def isBusy(self) -> bool:
        """Whether the worker is at it."""
        return self._controls.isBusy

    @property
    def chosen(self) -> ModelRow | None:
        """The chosen model."""
        index = self.ui.modelsTable.currentRow()
        return self._rows[index] if 0 <= index < len(self._rows) else None

    def show(self) -> None:
        """Show the window, with what there is by now."""
        self.refresh()
        self.window.show()
        self.window.raise_()

    def close(self) -> None:
        """Stop what is under way and close the window."""
        self.cancel()
        self.window.close()

    def cancel(self) -> None:
        """Stop what is under way, or the look at the packages before it."""
        if self._run is not None:
            self._run.cancel()
        elif self.isBusy:
            self._installer().cancel()

    def refresh(self) -> None:
        """List the models anew; the chosen one stays chosen."""
        wanted = self.chosen.id if self.chosen else ""
        try:
            box = self.ui.organFilterComboBox
            self._rows = listRows(box.itemData(box.currentIndex) or "")
        except Exception as error:  # noqa: BLE001 - an outermost door of the window
            self._rows = []
            showError(error)
        table = self.ui.modelsTable
        table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for column, text in enumerate(row.texts):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(text)
                table.setItem(number, column, item)
        ids = [row.id for row in self._rows]
        if ids:
            table.selectRow(ids.index(wanted) if wanted in ids else 0)
        self._showChosen()

    def onFetchButton(self) -> None:
        """Ask, then fetch and import; while something is under way, stop it."""
        if self.isBusy:
            self.cancel()
            return
        row = self.chosen
        if _asks(_("AtlasTumor: a model of others"), describeConsent(row.entry)):
            self._start(["fetch", row.id, "--yes", "--pin"], _("Fetching the model"))

    def onImportFileButton(self) -> None:
        """Import a file that the user chooses."""
        kinds = _("Models (*.zip *.pt *.pth *.ckpt *.bin *.safetensors *.model *.json);;All (*)")
        self._import(qt.QFileDialog.getOpenFileName(None, _("Import a model"), "", kinds))

    def onImportFolderButton(self) -> None:
        """Import a folder that the user chooses."""
        self._import(qt.QFileDialog.getExistingDirectory(None, _("Import a model"), ""))

    def onVerifyButton(self) -> None:
        """Check the chosen model."""
        self._start(["verify", self.chosen.id], _("Verifying the model"))

    def onDeleteButton(self) -> None:
        """Ask, then delete the chosen model."""
        row = self.chosen
        question = _("Delete {title} from this computer?").format(title=row.title)
        if _asks(_("AtlasTumor: delete a model"), question):
            self._start(["remove", row.id, "--yes"], _("Deleting the model"))

    def onOpenFolderButton(self) -> None:
        """Show the models folder in the system's own way."""
        try:
            default_models_dir().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            slicer.util.errorDisplay(str(error), windowTitle=_("AtlasTumor"))
            return
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(default_models_dir())))

    def _import(self, path: str) -> None:
        """Import what is there; a checkpoint may be the chosen published model."""
        if not path:
            return
        row, words = self.chosen, ["import", path]
        if row is not None and row.canFetch:
            question = _("Is {name} the published model '{title}'?")
            text = question.format(name=Path(path).name, title=row.title)
            if _asks(_("AtlasTumor: import a model"), text):
                words += ["--card", row.id]
        self._start(words, _("Importing the model"))

    def _start(self, words: Sequence[str], stage: str) -> None:
        self._controls.showBusy(stage)
        self._showChosen()
        try:
            self._installer().ensure()
            run = self._run = ModelRun(self._logic.workerCommand, words)
            run.progressed.connect(self._controls.showProgress)
            run.finished.connect(lambda words: self._onFinished(words))
            run.failed.connect(self._onFailed)
            run.start()
        except Exception as error:  # noqa: BLE001 - an outermost door of the window
            self._onFailed(error)

    def _onFinished(self, words: tuple[str, ...]) -> None:
        self._end()
        if words[0] == "verify":
            self.ui.modelsStageLabel.text = _("The model is as its card says.")
            self.ui.modelsStageLabel.visible = True

    def _onFailed(self, error: Exception) -> None:
        self._end()
        self._controls.showFailure(error)
        showError(error)

    def _end(self) -> None:
        self._run = None
        self._controls.showIdle()
        self.refresh()
        self.changed.emit()

    def _showChosen(self) -> None:
        """Show what is known of the chosen model, and what can be done with it."""
        row, ui, isIdle = self.chosen, self.ui, not self.isBusy
        ui.detailsBrowser.html = describeRow(row) if row else ""
        ui.fetchButton.enabled = not isIdle or (row is not None and row.canFetch)
        ui.verifyButton.enabled = isIdle and row is not None and row.card is not None
        ui.deleteButton.enabled = isIdle and row is not None and row.isOwn
        ui.importFileButton.enabled = ui.importFolderButton.enabled = isIdle


def _asks(title: str, text: str) -> bool:
    """Whether the user says yes.

    Not `slicer.util.confirmYesNoDisplay`, which says yes by itself where Slicer is being tested.
    """
    box = qt.QMessageBox
    return box.question(slicer.util.mainWindow(), title, text, box.Yes | box.No, box.No) == box.Yes
