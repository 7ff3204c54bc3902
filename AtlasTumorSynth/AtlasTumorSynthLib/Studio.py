"""The worker that stays warm: `atlastumor studio`, asked again and again.

It is started when something is asked and ends by itself when nothing was asked for a while, which
returns its memory; the next request starts it anew.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from atlastumor.errors import AtlasTumorError, Cancelled
from AtlasTumorSlicer.Errors import errorFromEvent
from AtlasTumorSlicer.Jobs import Job
from AtlasTumorSlicer.Signal import Signal

__all__ = ["Studio"]

_IDLE_SECONDS = 300
_WAIT_SECONDS = 0.01
_GRACE_MS = 10000
"""How long a cancelled worker may take to stop by itself, before it is ended."""

Message = Mapping[str, Any]
Done = Callable[[Mapping[str, Any]], None]
Failed = Callable[[Exception], None]


class Studio:
    """Asks the worker one conversation at a time.

    Args:
        worker: Words that start it, such as `["-m", "atlastumor"]`.

    Attributes:
        progressed: Emits what the worker does, in English.
    """

    def __init__(self, worker: Sequence[str]) -> None:
        """Start nothing yet."""
        self.progressed = Signal()
        self._words = [*worker, "studio", "--json-progress", "--idle-s", str(_IDLE_SECONDS)]
        self._job: Job | None = None
        self._nAsked = 0
        self._waiting: list[Message] = []
        self._told: tuple[Done, Failed] | None = None
        self._isCancelled = False

    @property
    def hasReachedLast(self) -> bool:
        """Whether all messages of the last conversation but its last one succeeded."""
        return len(self._waiting) <= 1

    @property
    def isWarm(self) -> bool:
        """Whether the worker runs and remembers what it was told."""
        return self._job is not None and self._job.isRunning

    @property
    def isBusy(self) -> bool:
        """Whether an answer is awaited."""
        return self._told is not None

    @property
    def pid(self) -> int:
        """The operating system's number of the worker; 0 if it does not run."""
        return self._job.pid if self.isWarm else 0

    def ask(self, messages: Sequence[Message], done: Done, failed: Failed) -> None:
        """Send messages one after the other; nothing may be awaited.

        Args:
            messages: At least one; the first that fails ends the conversation.
            done: Called with the reply to the last one.
            failed: Called with the reason why there is none.
        """
        if not self.isWarm:
            self._start()
        if self._job.error is not None:  # on some systems it is known at once that it cannot start
            raise self._job.error
        self._waiting, self._told = list(messages), (done, failed)
        self._isCancelled = False
        self._sendNext()

    def cancel(self) -> None:
        """Stop what is under way; a worker that does not listen is ended."""
        if not self.isBusy:
            return
        self._isCancelled = True
        if self.isWarm and self.hasReachedLast:  # what comes before it is short, and needed again
            self._job.send({"do": "cancel"})
            job, number = self._job, self._nAsked
            qt.QTimer.singleShot(_GRACE_MS, lambda: self._endIfDeaf(job, number))

    def close(self) -> None:
        """End the worker."""
        self._told = None
        if self._job is not None:
            self._job.cancel()

    def wait(self) -> None:
        """Stay here until nothing is awaited, with Slicer's windows alive."""
        while self.isBusy:
            slicer.app.processEvents()
            time.sleep(_WAIT_SECONDS)

    def _start(self) -> None:
        job = self._job = Job(self._words)
        job.progressed.connect(lambda _fraction, stage, _left: self.progressed.emit(stage))
        job.replied.connect(self._onReply)
        job.failed.connect(lambda error: self._onEnd(job, error))
        job.finished.connect(lambda _event: self._onEnd(job, None))
        job.start()

    def _sendNext(self) -> None:
        self._nAsked += 1
        self._job.send({"id": self._nAsked, **self._waiting[0]})

    def _onReply(self, event: Message) -> None:
        if not self.isBusy or event["id"] != self._nAsked:
            return
        error = event.get("error")
        if error is not None:
            self._settle(1, errorFromEvent(error["kind"], error["message"]))
            return
        del self._waiting[0]
        if not self._waiting:
            self._settle(0, event)
        elif self._isCancelled:
            self._settle(1, Cancelled(_("Cancelled.")))
        else:
            self._sendNext()

    def _onEnd(self, job: Job, error: Exception | None) -> None:
        """The worker has ended; whoever waits is told why."""
        if job is self._job and self.isBusy:
            self._settle(1, error or AtlasTumorError(_("The worker had just ended; try again.")))

    def _settle(self, which: int, what: Any) -> None:
        """Tell who waits, who may ask again at once."""
        told, self._told = self._told, None
        told[which](what)

    def _endIfDeaf(self, job: Job, number: int) -> None:
        if job is self._job and self.isBusy and number == self._nAsked:
            job.cancel()
