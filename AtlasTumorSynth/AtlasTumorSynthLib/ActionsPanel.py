"""The buttons that place, compare, undo and keep, and the line that says what happened."""

import html
import math
from typing import Any

from slicer.i18n import tr as _

from atlastumor.errors import AtlasTumorError
from AtlasTumorSlicer.Errors import showError

from .Logic import AtlasTumorSynthLogic
from .Tumors import State

__all__ = ["ActionsPanel"]


class ActionsPanel:
    """Lets buttons be pressed when they can be, and speaks to the user.

    Args:
        ui: The widgets of the .ui file.
        logic: Says what can be done.
    """

    def __init__(self, ui: Any, logic: AtlasTumorSynthLogic) -> None:
        """Listen to the logic."""
        self._ui, self._logic = ui, logic
        self._tips = [(button, button.toolTip) for button in (ui.placeButton, ui.surpriseButton)]
        logic.said.connect(self.say)
        logic.failed.connect(self.showFailure)

    def update(self, obstacle: str, *, canCompare: bool) -> None:
        """Let each button be pressed if it can be.

        Args:
            obstacle: Why no tumor can be placed; empty if one can.
            canCompare: Whether there is a synthetic scan and its original.
        """
        ui, logic = self._ui, self._logic
        for button, text in self._tips:
            button.enabled = not obstacle
            button.toolTip = obstacle or text
        hasPreview = bool(logic.state.preview)
        ui.beforeButton.enabled = canCompare
        ui.undoButton.enabled, ui.redoButton.enabled = logic.canUndo, logic.canRedo
        ui.keepButton.enabled = hasPreview
        ui.judgeButton.enabled = hasPreview and not logic.isBusy
        ui.cancelButton.enabled = logic.isBusy

    def say(self, text: str) -> None:
        """Say what was done; with nothing to say, what is shown."""
        self._ui.messageLabel.text = html.escape(text or _describe(self._logic.state))

    def showFailure(self, error: Exception) -> None:
        """Say why there is no tumor; a bug gets a window."""
        if isinstance(error, AtlasTumorError):
            self._ui.messageLabel.text = f"<b>{html.escape(str(error))}</b>"
        else:
            self.say("")
            showError(error)


def _describe(state: State) -> str:
    """Say what is shown."""
    if not state.preview:
        return ""
    tumor = state.preview[0]
    text = _("Preview: {diameter} mm, {contrast} HU relative to the organ.").format(
        diameter=f"{tumor.diameterMm:.1f}", contrast=f"{tumor.contrastHu:+.0f}"
    )
    if len(state.preview) > 1:
        text = _("Preview: {n} tumors.").format(n=len(state.preview))
    judged = [one for one in state.preview if not math.isnan(one.quality)]
    if judged:
        shares = ", ".join(f"{one.quality:.0%}" for one in judged)
        kept = sum(not one.fault for one in judged)
        text += " " + _("The model finds {shares} again: {kept} of {n} would be kept.").format(
            shares=shares, kept=kept, n=len(judged)
        )
        faults = [one.fault for one in judged if one.fault]
        text = " ".join([text, *(_(fault) for fault in dict.fromkeys(faults))])
    return text
