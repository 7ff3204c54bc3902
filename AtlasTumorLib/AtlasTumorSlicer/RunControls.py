"""The button that starts and cancels a run, and the bar and the line that tell how far it is."""

from dataclasses import dataclass

from slicer.i18n import tr as _

from atlastumor.errors import Cancelled

__all__ = ["RunControls", "RunTexts", "timeText"]

_BAR = 1000


@dataclass(frozen=True)
class RunTexts:
    """What the button says, translated.

    Args:
        start: On it while nothing runs.
        startTip: What pressing it does then.
        cancelTip: What pressing it does during a run.
        cancel: On it during a run; empty for "Cancel".
    """

    start: str
    startTip: str
    cancelTip: str
    cancel: str = ""


class RunControls:
    """Shows whether a run is under way.

    Args:
        ui: The widgets of the .ui file: `applyButton`, `progressBar`, `stageLabel`.
        texts: Of the button.

    Attributes:
        isBusy: Whether a run is under way.
    """

    def __init__(self, ui: object, texts: RunTexts) -> None:
        """Show that nothing runs."""
        self._button, self._bar, self._label = ui.applyButton, ui.progressBar, ui.stageLabel
        self._texts = texts
        self.showIdle()

    def setTexts(self, texts: RunTexts) -> None:
        """Say something else on the button; during a run, from its end on."""
        self._texts = texts
        if not self.isBusy:
            self._button.text = texts.start

    def showBusy(self, stage: str) -> None:
        """A run begins: the button cancels it."""
        self.isBusy = True
        self._button.text = self._texts.cancel or _("Cancel")
        self._button.toolTip = self._texts.cancelTip
        self._bar.maximum = 0  # moves without telling how far
        self._label.text = stage
        self._bar.visible = self._label.visible = True

    def showIdle(self) -> None:
        """Nothing runs: the button starts a run."""
        self.isBusy = False
        self._button.text = self._texts.start
        self._bar.visible = self._label.visible = False

    def showProgress(self, fraction: float, stage: str, secondsLeft: float | None) -> None:
        """Tell how far a run is.

        Args:
            fraction: In [0, 1].
            stage: What it does, as the worker says it.
            secondsLeft: None if unknown.
        """
        self._bar.maximum = _BAR
        self._bar.value = round(fraction * _BAR)
        text = _(stage)
        if secondsLeft is not None and fraction < 1.0:
            text = _("{stage}, about {time} left").format(stage=text, time=timeText(secondsLeft))
        self._label.text = text

    def showFailure(self, error: Exception) -> None:
        """Leave a word behind where a run was cancelled; other errors have their own window."""
        self._label.text = _("Cancelled") if isinstance(error, Cancelled) else ""
        self._label.visible = bool(self._label.text)

    def showObstacle(self, obstacle: str) -> None:
        """Let the button start a run, or say why it cannot.

        Args:
            obstacle: Why; empty if it can.
        """
        self._button.enabled = not obstacle
        self._button.toolTip = obstacle or self._texts.startTip


def timeText(seconds: float) -> str:
    """Seconds as people say them: "1 s" to "89 s", then minutes, from 90 minutes on hours."""
    if seconds < 90:
        return _("{n} s").format(n=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 90:
        return _("{n} min").format(n=minutes)
    return _("{n} h {m} min").format(n=minutes // 60, m=minutes % 60)
