"""Heavy work in a process of its own: `python -m atlastumor ... --json-progress`.

A crash there does not take Slicer down, cancelling is killing, and memory of the GPU is returned.
The worker speaks one JSON object per line: events "progress", "note", "result" and "error". One
that serves many requests is sent such lines, too, and answers each with an event "reply".
"""

import codecs
import collections
import json
import logging
import math
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

import atlastumor
from atlastumor.errors import AtlasTumorError, Cancelled, DependencyError, OutOfMemoryError

from .Errors import WorkerCrash, errorFromEvent
from .Processes import killTree
from .Signal import Signal

__all__ = ["Job", "findPython"]

logger = logging.getLogger(__name__)

_LOG_LINES = 200
_WAIT_MS = 20
_END_MS = 5000
_KILLED = (signal.SIGKILL, 128 + signal.SIGKILL) if os.name == "posix" else ()
"""Exit codes of a worker that was killed, and of a launcher whose worker was."""


def findPython() -> str:
    """Find Slicer's Python interpreter, which Slicer puts on the search path.

    Raises:
        DependencyError: If there is none.
    """
    program = shutil.which("PythonSlicer")
    if program is None:
        raise DependencyError(
            _("PythonSlicer was not found; it belongs to Slicer. Reinstall Slicer and try again.")
        )
    return program


class Job:
    """One worker, from start to end. Exactly one of `finished` and `failed` is emitted.

    Args:
        arguments: What follows the interpreter, such as `["-m", "atlastumor", "organs"]`.
        environment: Variables to set beside Slicer's own.

    Attributes:
        progressed: Emits the fraction in [0, 1], the stage, and the seconds left (None: unknown).
        replied: Emits each "reply" event.
        told: Emits each event of another kind, such as "case" or "table".
        finished: Emits the "result" event, or the "document" of a command that answers so.
        failed: Emits the error.
        result: What `finished` emitted; None before, and if it failed.
        said: The same, also of a worker that failed after it had said it.
    """

    def __init__(
        self, arguments: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Prepare the process; `start` starts it."""
        self.progressed, self.replied, self.told = Signal(), Signal(), Signal()
        self.finished, self.failed = Signal(), Signal()
        self.result: dict[str, Any] | None = None
        self.said: dict[str, Any] | None = None
        self.error: Exception | None = None
        self._arguments = list(arguments)
        self._cancelled = False
        self._isRunning = False
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._partialLine = ""
        self._lines: collections.deque[str] = collections.deque()
        self._log: collections.deque[str] = collections.deque(maxlen=_LOG_LINES)
        self._process = qt.QProcess()
        self._process.setProcessEnvironment(_environment(environment or {}))
        self._slots = {
            "readyReadStandardOutput()": self._onOutput,
            "readyReadStandardError()": self._onErrorOutput,
            "errorOccurred(QProcess::ProcessError)": self._onProcessError,
            "finished(int,QProcess::ExitStatus)": self._onProcessFinished,
        }
        for name, slot in self._slots.items():
            self._process.connect(name, slot)

    @property
    def isRunning(self) -> bool:
        """Whether the worker has been started and has not ended."""
        return self._isRunning

    @property
    def log(self) -> str:
        """The last lines that the worker said beside its events."""
        return "\n".join(self._log)

    @property
    def pid(self) -> int:
        """The operating system's number of the topmost process; 0 if it does not run."""
        return int(self._process.processId())

    def start(self) -> None:
        """Start the worker and return at once.

        Raises:
            DependencyError: If Slicer's interpreter is missing.
        """
        program = findPython()
        self._isRunning = True
        slicer.app.connect("aboutToQuit()", self.cancel)
        self._process.start(program, self._arguments)

    def send(self, message: Mapping[str, Any]) -> None:
        """Say something to a worker that listens; it must have been started."""
        self._process.write(json.dumps(message).encode() + b"\n")

    def cancel(self) -> None:
        """End the worker and everything that it started; does nothing if it does not run."""
        if not self._isRunning:
            return
        self._cancelled = True
        if self.pid:
            killTree(self.pid)
        self._process.kill()
        self._process.waitForFinished(_END_MS)
        self._end()

    def wait(self) -> dict[str, Any]:
        """Stay here until the worker has ended, with Slicer's windows alive.

        Returns:
            The "result" event.

        Raises:
            AtlasTumorError: What the worker reported, or `Cancelled`.
            WorkerCrash: If it ended without a reason.
        """
        self.waitForEnd()
        if self.error is not None:
            raise self.error
        return self.result

    def waitForEnd(self) -> None:
        """Stay here until the worker has ended, however it did, with Slicer's windows alive."""
        while self._isRunning:
            self._process.waitForFinished(_WAIT_MS)
            slicer.app.processEvents()

    def _onOutput(self) -> None:
        text = self._decoder.decode(bytes(self._process.readAllStandardOutput().data()))
        *lines, self._partialLine = (self._partialLine + text).split("\n")
        self._take(lines)

    def _onErrorOutput(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        self._log.extend(line for line in text.splitlines() if line.strip())

    def _take(self, lines: Sequence[str]) -> None:
        """Act on lines; a listener that fails must not cost the ones after it, or the end."""
        self._lines.extend(lines)  # a listener may let windows live, and more lines come
        while self._lines:
            try:
                self._onLine(self._lines.popleft().rstrip("\r"))
            except Exception:  # noqa: BLE001 - as Qt does with slots that fail
                sys.excepthook(*sys.exc_info())

    def _onLine(self, line: str) -> None:
        if not self._isRunning or not line.strip():
            return
        event = _readEvent(line)
        if event is None:
            self._log.append(line)  # a library that prints: of use only when something goes wrong
            return
        kind = event["event"]
        if kind == "progress":
            if not self._cancelled:  # what it said before it was killed is read only afterwards
                self.progressed.emit(event["fraction"], event["stage"], event.get("seconds_left"))
        elif kind == "reply":
            self.replied.emit(event)
        elif kind in ("result", "document"):
            self.result = self.said = event
        elif kind == "error":
            self.error = errorFromEvent(event["kind"], event["message"])
        else:
            self._log.append(line)
            self.told.emit(event)

    def _onProcessError(self, code: int) -> None:
        # Any other error is followed by `finished`.
        if self._isRunning and code == qt.QProcess.FailedToStart:
            self._log.append(str(self._process.errorString()))
            self._end()

    def _onProcessFinished(self, exitCode: int, _exitStatus: int) -> None:
        if not self._isRunning:
            return
        self._onOutput()
        self._onErrorOutput()
        self._take([self._partialLine])
        self._log.append(f"Exit code {exitCode}")
        if exitCode != 0:
            self.result = None
        if exitCode in _KILLED and self.error is None:
            self.error = OutOfMemoryError(_explainKilled())
        self._end()

    def _end(self) -> None:
        """Settle how it ended and tell it once."""
        if not self._isRunning:
            return
        self._isRunning = False
        slicer.app.disconnect("aboutToQuit()", self.cancel)
        qt.QTimer.singleShot(0, self._letGo)
        if self._cancelled:
            self.result, self.error = None, Cancelled(_("Cancelled."))
        elif self.error is None and self.result is None:
            self.error = WorkerCrash(_("the worker ended without a result."), self.log)
        if self.error is None:
            self.finished.emit(self.result)
            return
        self.result = None
        if not isinstance(self.error, AtlasTumorError):
            logger.error("The worker ended without a result.")
        self.failed.emit(self.error)

    def _letGo(self) -> None:
        """Take Qt's hands off: what it calls, it holds in memory, and with it whole scans."""
        for name, slot in self._slots.items():
            self._process.disconnect(name, slot)
        self._slots = {}


def _readEvent(line: str) -> dict[str, Any] | None:
    """Read a line as an event; None if it is none, or lacks what all events of its kind have."""
    try:
        event = json.loads(line)
        kind = event["event"]
        if kind == "progress":
            left = event.get("seconds_left")
            numbers = [event["fraction"], *([] if left is None else [left])]
            isWhole = isinstance(event["stage"], str) and all(map(math.isfinite, numbers))
        elif kind == "error":
            isWhole = isinstance(event["kind"], str) and isinstance(event["message"], str)
        else:
            isWhole = isinstance(kind, str)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return event if isWhole else None


def _explainKilled() -> str:
    return _(
        "The worker was killed from outside. That is mostly the system's doing when memory runs "
        "out: close other programs, or use a computer with more memory, then try again."
    )


def _environment(more: Mapping[str, str]) -> "qt.QProcessEnvironment":
    """Slicer's own environment, the folder of the backend, and UTF-8 whatever the locale."""
    environment = qt.QProcessEnvironment.systemEnvironment()
    folder = str(Path(atlastumor.__file__).parent.parent)
    old = environment.value("PYTHONPATH")
    environment.insert("PYTHONPATH", os.pathsep.join([folder, old]) if old else folder)
    environment.insert("PYTHONUTF8", "1")
    environment.insert("PYTHONUNBUFFERED", "1")
    for name, value in more.items():
        environment.insert(name, value)
    return environment
