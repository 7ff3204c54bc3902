"""Errors on Slicer's side: what the worker reports, what a crash becomes, what the user sees."""

import logging
import traceback

import slicer
from slicer.i18n import tr as _

from atlastumor import errors
from atlastumor.errors import AtlasTumorError, Cancelled, OutputError

__all__ = ["WorkerCrash", "errorFromEvent", "showError", "temporaryFolderError"]

logger = logging.getLogger(__name__)


class WorkerCrash(RuntimeError):  # noqa: N818 - it is one, and says so
    """The worker ended without a result and without a reason: a bug, ours or a driver's.

    Args:
        message: What is known, in one sentence.
        log: The last lines that the worker said.
    """

    def __init__(self, message: str, log: str) -> None:
        """Keep the log beside the message."""
        super().__init__(message)
        self.log = log


def errorFromEvent(kind: str, message: str) -> AtlasTumorError:
    """Turn an error that the worker reported into the same error here.

    Args:
        kind: Name of the class in `atlastumor.errors`; an unknown one gives the base class.
        message: The worker's sentence.

    Returns:
        The error, not raised.
    """
    found = getattr(errors, kind, AtlasTumorError)
    isOurs = isinstance(found, type) and issubclass(found, AtlasTumorError)
    errorClass = found if isOurs else AtlasTumorError
    # Some constructors build their message from parts; the worker has sent the finished sentence.
    return errorClass.__new__(errorClass, message)


def temporaryFolderError(error: OSError) -> OutputError:
    """Say that Slicer's temporary folder cannot be used; not where it is, which may name a person.

    Args:
        error: What writing into it gave.

    Returns:
        The error, not raised.
    """
    return OutputError(
        _(
            "Slicer's temporary folder cannot be written to ({error}). Make room on the disk, or "
            "choose another folder in Slicer's settings, then try again."
        ).format(error=error.strerror or error)
    )


def showError(error: BaseException) -> None:
    """Tell the user why there is no result.

    An `AtlasTumorError` is shown as its message, a cancelled run not at all, anything else as a
    bug with the text that helps to find it.
    """
    if isinstance(error, Cancelled):
        return
    if isinstance(error, AtlasTumorError):
        log = getattr(error, "log", "")
        details = {"detailedText": log} if log else {}
        slicer.util.errorDisplay(str(error), windowTitle=_("AtlasTumor"), **details)
        return
    log = getattr(error, "log", "") or "".join(traceback.format_exception(error))
    logger.error("AtlasTumor met a bug: %s\n%s", error, log)
    slicer.util.errorDisplay(
        _("This is a bug in AtlasTumor: {error}\nPlease report it with the details below.").format(
            error=error
        ),
        windowTitle=_("AtlasTumor"),
        detailedText=log,
    )
