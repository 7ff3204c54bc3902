"""Exporting the reviewed truth in a process of its own."""

from pathlib import Path

from slicer.i18n import tr as _

from atlastumor.errors import Cancelled, InputError
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Jobs import Job

from .Logic import AtlasFROCLogic

__all__ = ["ReviewExport"]

_BAR = 1000


class ReviewExport:
    """The section "Reviewed truth".

    Args:
        ui: The widgets of the .ui file.
        logic: Says how the worker is started.
    """

    def __init__(self, ui: object, logic: AtlasFROCLogic) -> None:
        """Connect the button."""
        self._ui, self._logic = ui, logic
        self._job: Job | None = None
        ui.exportButton.connect("clicked(bool)", self.onExportButton)
        self._show(isBusy=False)

    @property
    def isRunning(self) -> bool:
        """Whether an export is under way."""
        return self._job is not None and self._job.isRunning

    def cancel(self) -> None:
        """Stop the export; scans written by then stay."""
        if self._job is not None:
            self._job.cancel()

    def onExportButton(self, _isChecked: bool = False) -> None:
        """Start an export; while one is under way, stop it."""
        if self.isRunning:
            self.cancel()
            return
        try:
            job = Job([*self._logic.workerCommand, *self._words()])
            job.progressed.connect(self._onProgress)
            job.finished.connect(self._onFinished)
            job.failed.connect(self._onFailed)
            job.start()
        except Exception as error:  # noqa: BLE001 - the outermost door of the panel
            showError(error)
            return
        self._job = job
        self._show(isBusy=True)

    def _words(self) -> list[str]:
        """What the worker is told.

        Raises:
            InputError: If a folder is missing.
        """
        ui = self._ui
        needed = {
            _("the review folder"): ui.reviewPathLineEdit.currentPath,
            _("the folder of the predictions"): ui.predictionsPathLineEdit.currentPath,
            _("the folder for the reviewed truth"): ui.truthPathLineEdit.currentPath,
        }
        for what, path in needed.items():
            if not path:
                raise InputError(_("Choose {what} first.").format(what=what))
        review, predictions, truth = needed.values()
        words = ["review", review, "--predictions", predictions, "-o", truth, "--json-progress"]
        words += ["--format", "seg.nrrd"] if ui.segNrrdCheckBox.checked else []
        words += ["--format", "dicom-seg"] if ui.dicomSegCheckBox.checked else []
        dicom = ui.dicomPathLineEdit.currentPath
        return [*words, "--scans", dicom] if dicom else words

    def _onProgress(self, fraction: float, stage: str, _secondsLeft: float | None) -> None:
        self._ui.exportProgressBar.value = round(fraction * _BAR)
        self._ui.exportLabel.text = _(stage)

    def _onFinished(self, result: dict) -> None:
        self._show(isBusy=False)
        lines = [
            _("{n} scans exported to {folder}.").format(
                n=len(result["files"]), folder=Path(result["directory"]).name
            )
        ]
        lines += [f"{name}: {message}" for name, message in result["skipped"].items()]
        self._ui.exportLabel.text = "\n".join([*lines, *result["notes"]])

    def _onFailed(self, error: Exception) -> None:
        self._show(isBusy=False)
        self._ui.exportLabel.text = _("Cancelled") if isinstance(error, Cancelled) else ""
        showError(error)

    def _show(self, *, isBusy: bool) -> None:
        self._ui.exportProgressBar.visible = isBusy
        self._ui.exportProgressBar.value = 0
        self._ui.exportButton.text = _("Cancel") if isBusy else _("Export finished scans")
