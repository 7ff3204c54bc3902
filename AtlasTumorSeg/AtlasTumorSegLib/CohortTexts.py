"""What the tab for many scans says: on its button, while it runs, and at the end."""

import re

import qt
from slicer.i18n import tr as _

from AtlasTumorSlicer.RunControls import RunTexts

from .BatchRun import BatchRun
from .CohortCases import DONE, FAILED, WAITING

__all__ = ["isCounted", "sayProgress", "summarize", "textsOf"]

_SHOWN = 5
_COUNTED = re.compile(r"(\d+) of (\d+) cases, (\d+) failed")


def textsOf(*, isBegun: bool) -> RunTexts:
    """Texts of the button.

    Args:
        isBegun: Whether the folder holds results of a cohort, which is then gone on with.
    """
    tip = _("Outline organs and tumors on every scan.")
    more = _("Go on with the cases that are left: those that are done stay as they are.")
    return RunTexts(
        start=_("Resume") if isBegun else _("Start"),
        startTip=more if isBegun else tip,
        cancel=_("Stop"),
        cancelTip=_(
            "Stop. Cases that are done stay; Resume goes on with the others. Closing the scene "
            "does not stop a cohort of files; leaving Slicer does."
        ),
    )


def isCounted(stage: str) -> bool:
    """Whether the worker has found the cases and counts them."""
    return _COUNTED.fullmatch(stage) is not None


def sayProgress(stage: str, secondsLeft: float | None) -> str:
    """Say how far a cohort is, and when it will be over.

    Args:
        stage: As the worker says it, such as "12 of 200 cases, 1 failed".
        secondsLeft: None if unknown.
    """
    counted = _COUNTED.fullmatch(stage)
    if counted is None:
        return _(stage)
    ended, n, failed = map(int, counted.groups())
    text = _("{ended} of {n} cases, {failed} failed").format(ended=ended, n=n, failed=failed)
    if secondsLeft is None or ended == n:
        return text
    return _("{progress}, done about {time}").format(progress=text, time=_clock(secondsLeft))


def summarize(run: BatchRun) -> str:
    """Say how a command ended.

    Args:
        run: Finished.
    """
    counts = run.result.counts
    n = sum(counts[state] for state in (DONE, FAILED, WAITING))
    lines = run.notes[:_SHOWN]
    if len(run.notes) > _SHOWN:
        lines.append(_("... and {n} more").format(n=len(run.notes) - _SHOWN))
    if counts[DONE] or counts[FAILED]:
        text = _("{done} of {n} cases done, {failed} failed.")
        lines.insert(0, text.format(done=counts[DONE], n=n, failed=counts[FAILED]))
    return "\n".join(lines)


def _clock(secondsLeft: float) -> str:
    """The time of day after so many seconds, with the day if that is not today."""
    now = qt.QDateTime.currentDateTime()
    then = now.addSecs(round(secondsLeft))
    isToday = then.date() == now.date()
    return qt.QLocale().toString(then.time() if isToday else then, qt.QLocale.ShortFormat)
