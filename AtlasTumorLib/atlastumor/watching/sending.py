"""Results on their way out: each is tried again, after growing pauses, until it has arrived.

One that the peer refuses for what it is, as only what is sent could change that, is set aside.

That a result was sent is written down after the peer has said so. Killed in between, the service
sends it twice: the files are the same to the byte, so the peer has them once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import AtlasTumorError, RefusedError
from .logs import log_event
from .metrics import Metrics
from .records import Parcel, Records

__all__ = ["Sender", "pause_after"]

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 600.0

Send = Callable[[Sequence[Path]], None]
"""Sends files; raises an `AtlasTumorError` unless the peer has taken all of them."""


def pause_after(attempts: int) -> float:
    """Seconds to wait after so many failed attempts: 5, 10, 20, ... up to 600."""
    return float(min(_FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 30), _LONGEST_PAUSE_S))


class Sender:
    """Sends what the records say is to be sent, in a thread of its own.

    Args:
        send: How.
        list_files: The files to send of a case's result; none, where it holds nothing for a peer.
        records: Where results to be sent are remembered.
        metrics: Where attempts are counted.
        pause_after: Seconds to wait after a number of failed attempts.
    """

    def __init__(
        self,
        send: Send,
        list_files: Callable[[str], list[Path]],
        records: Records,
        metrics: Metrics,
        *,
        pause_after: Callable[[int], float] = pause_after,
    ) -> None:
        """Send nothing yet."""
        self._send = send
        self._list_files = list_files
        self._records = records
        self._metrics = metrics
        self._pause_after = pause_after
        self._due_s: dict[tuple[str, str], float] = {}
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self.has_failed = False

    def start(self) -> None:
        """Begin; what earlier runs left is due at once."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something new to send."""
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """End after the result that is being sent; the rest is for the next run.

        Args:
            timeout_s: Longest wait for that.
        """
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self._send_due()
            except AtlasTumorError as error:  # the records cannot be written; /ready tells
                log_event("records_failed", level=logging.ERROR, error=type(error).__name__)
            self._wake.wait(self._seconds_to_next())

    def _seconds_to_next(self) -> float:
        soonest = min(self._due_s.values(), default=float("inf"))
        return min(max(soonest - time.monotonic(), 0.05), _FIRST_PAUSE_S)

    def _send_due(self) -> None:
        for parcel in self._records.list_parcels():
            key = parcel.case, parcel.result
            if self._stop.is_set():
                return
            if self._due_s.get(key, 0.0) <= time.monotonic():
                self._try(parcel)

    def _try(self, parcel: Parcel) -> None:
        """Send one result once."""
        key = parcel.case, parcel.result
        started = time.monotonic()
        try:
            files = self._list_files(parcel.case)
            if files:
                self._send(files)
        except Exception as error:  # noqa: BLE001 - whatever it is, the service goes on
            self._note_failure(parcel, error)
            return
        self._records.mark_sent(parcel)
        self._due_s.pop(key, None)
        seconds = round(time.monotonic() - started, 3)
        self.has_failed = False
        if files:
            self._metrics.sent.inc()
            self._metrics.observe_stages({"Sending": seconds})
        log_event("sent", case=parcel.case, seconds=seconds, files=len(files))

    def _note_failure(self, parcel: Parcel, error: Exception) -> None:
        """Have a result tried again later, or set it aside."""
        key, attempts = (parcel.case, parcel.result), parcel.attempts + 1
        is_final = isinstance(error, RefusedError)
        if is_final:
            self._due_s.pop(key, None)
        else:
            self._due_s[key] = time.monotonic() + self._pause_after(attempts)
        self.has_failed = not is_final  # who refuses has answered
        self._metrics.sends_failed.inc()
        log_event(
            "send_refused" if is_final else "send_failed",
            case=parcel.case,
            level=logging.WARNING,
            error=type(error).__name__,
            attempts=attempts,
        )
        self._records.mark_failed(parcel, str(error), is_final=is_final)
