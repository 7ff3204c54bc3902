"""Which weights a method lacks, and the button that fetches them if the user consents."""

import html
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from atlastumor.models import catalog
from atlastumor.models.folders import default_models_dir
from atlastumor.models.published import PublishedFile, locate_file
from atlastumor.synthesis.methods import METHODS
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.RunControls import RunControls, RunTexts
from AtlasTumorSlicer.WorkerLogic import WorkerLogic

from .FetchRun import FetchRun
from .Parameters import Parameters

__all__ = ["WeightsPanel"]


class WeightsPanel:
    """Says what is missing below the method, and fetches it.

    Args:
        ui: The widgets of the .ui file.
        logic: Knows the worker.
    """

    def __init__(self, ui: Any, logic: WorkerLogic) -> None:
        """Show nothing yet."""
        self._note, self._button, self._logic = ui.methodNoteLabel, ui.fetchButton, logic
        self._run: FetchRun | None = None
        self._wanted = ("", "", 0.0)
        names = {"applyButton": ui.fetchButton, "progressBar": ui.fetchProgressBar}
        self._controls = RunControls(
            SimpleNamespace(**names, stageLabel=ui.fetchStageLabel),
            RunTexts(
                start=_("Fetch weights ..."),
                startTip=_("Show where the weights are from and their license, and ask first."),
                cancelTip=_("Stop; what came already is gone on with the next time."),
            ),
        )
        ui.fetchButton.connect("clicked()", self.onFetchButton)
        self._update()

    def show(self, parameters: Parameters) -> None:
        """Say what the chosen method lacks for the chosen tumor."""
        self._wanted = (parameters.method, parameters.organ, parameters.diameter)
        self._update()

    def cancel(self) -> None:
        """Stop fetching."""
        if self._run is not None:
            self._run.cancel()

    def onFetchButton(self) -> None:
        """Ask, then fetch; while it is under way, stop it."""
        if self._controls.isBusy:
            self.cancel()
            return
        files = self._listMissing()
        if not _doesConsent(files):
            return
        self._controls.showBusy(_("Fetching weights"))
        run = self._run = FetchRun(self._logic.workerCommand, files)
        run.progressed.connect(self._controls.showProgress)
        run.finished.connect(lambda _files: self._onEnd(None))
        run.failed.connect(self._onEnd)
        try:
            run.start()
        except Exception as error:  # noqa: BLE001 - an outermost door of the panel
            self._onEnd(error)

    def _onEnd(self, error: Exception | None) -> None:
        self._run = None
        self._controls.showIdle()
        self._update()
        if error is not None:
            self._controls.showFailure(error)
            showError(error)

    def _listMissing(self) -> list[PublishedFile]:
        needed = catalog.list_needed(*self._wanted)
        return [published for published in needed if locate_file(published) is None]

    def _update(self) -> None:
        method, missing = METHODS.get(self._wanted[0]), self._listMissing()
        text = _describe(missing)
        if method is not None and method.needs_weights and not catalog.list_needed(*self._wanted):
            text = _("This method does not know this organ.")
        self._note.text, self._note.visible = text, bool(text)
        self._button.visible = bool(missing) or self._controls.isBusy


def _describe(missing: Sequence[PublishedFile]) -> str:
    """Say what is missing, as HTML."""
    if not missing:
        return ""
    names = ", ".join(published.title for published in missing)
    text = _("This method needs weights that do not come with AtlasTumor: {names}.")
    return html.escape(text.format(names=names))


def _doesConsent(files: Sequence[PublishedFile]) -> bool:
    """Show what would be fetched under which terms; whether the user consents.

    Not `slicer.util.confirmYesNoDisplay`, which consents by itself where Slicer is being tested.
    """
    lines = [
        _(
            "{name}: weights for tumors of: {purpose}\nFrom: {url}\nSize: about {size} MB\n"
            "License: {license}\n{terms}\n"
        ).format(
            name=published.name,
            purpose=catalog.describe_purpose(published),
            url=published.url,
            size=published.megabytes or "?",
            license=published.license,
            terms=published.terms,
        )
        for published in files
    ]
    if not all(published.sha256 for published in files):
        lines.append(
            _(
                "Nobody published a hash to check it with: the hash of what comes is remembered, "
                "and another one refused from then on.\n"
            )
        )
    question = _("Do you consent to the license, and is this to be fetched into {folder}?")
    text = "\n".join([*lines, question.format(folder=default_models_dir())])
    box = qt.QMessageBox
    title = _("AtlasTumor: weights of others")
    buttons = box.Yes | box.No
    return box.question(slicer.util.mainWindow(), title, text, buttons, box.No) == box.Yes
