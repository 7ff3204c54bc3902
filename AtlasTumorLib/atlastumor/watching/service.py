"""The service's loop: what arrives becomes cases, what is done goes out, and its state is told."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..batch.cases import Problem
from ..cohorts.folder import CohortFolder
from ..cohorts.journal import Journal
from ..cohorts.resuming import take_up
from ..cohorts.rows import State
from ..cohorts.running import CaseEnd, Runner
from ..results.staging import try_writing
from .engine import Engine
from .intake import Intake, Taken
from .logs import log_event
from .metrics import Metrics
from .records import Records
from .sending import Sender
from .sources import Source
from .status import Status
from .systemd import ALIVE, READY, STOPPING, tell_systemd

__all__ = ["Limits", "Service"]

_STEP_S = 0.25
_AGAIN_S = 5.0
_LOOK_S = 2.0
_TIDY_S = 600.0
_HANG_UP_S = 10.0
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Limits:
    """What a service must not exceed.

    Args:
        most_waiting: Cases that wait; with so many, nothing new is taken.
        keep_free_bytes: With less on the disk of the results, no case is begun.
        keep_received_days: Studies that came by the port are deleted after so many days, once they
            are not needed; None keeps them.
        grace_s: How long cases under way may take to end when the service is stopped, in seconds.
    """

    most_waiting: int = 1000
    keep_free_bytes: int = 5_000_000_000
    keep_received_days: float | None = None
    grace_s: float = 300.0


class Service:
    """Segments what arrives, until it is told to stop.

    Args:
        folder: Where results and journal are; locked.
        journal: Open for writing.
        engine: The worker; entered already.
        source: Where scans come from; open.
        intake: What looks through arrivals.
        records: What is remembered beside the journal.
        sender: What sends results; None if nobody is to have them.
        metrics: Where all is counted.
        limits: What must not be exceeded.
        device: For the engine.
    """

    def __init__(
        self,
        folder: CohortFolder,
        journal: Journal,
        engine: Engine,
        *,
        source: Source,
        intake: Intake,
        records: Records,
        sender: Sender | None,
        metrics: Metrics,
        limits: Limits,
        device: str,
    ) -> None:
        """Bring the journal in line with what an earlier run left; nothing arrives yet."""
        self._folder, self._journal, self._engine = folder, journal, engine
        self._source, self._intake, self._records = source, intake, records
        self._sender, self._metrics, self._limits = sender, metrics, limits
        self._arrived: deque[Path] = deque()
        self._again: deque[tuple[float, Path]] = deque()
        self._looking: Future[tuple[list[Path], list[Taken]]] | None = None
        self._problems: dict[Path, tuple[Problem, ...]] = {}
        self._looked_through: set[Path] = set()
        self._next_look_s = self._next_tidy_s = 0.0
        self._n_deaths = 0
        self._is_writable = True
        self.status = Status()
        self.has_been_ready = False
        take_up(journal, folder, [row.case for row in journal.rows()])
        self._runner = Runner(folder, journal, engine, device=device)

    def run(self, stop: threading.Event, give_up: threading.Event) -> None:
        """Work until told to stop; then let cases under way end, or give them back.

        Args:
            stop: Take nothing new and end.
            give_up: Do not wait for cases under way either.

        Raises:
            AtlasTumorError: If going on makes no sense.
        """
        if self._sender is not None:
            done = self._journal.rows(State.DONE)
            self._records.add_parcels((row.case.id, row.token) for row in done)
            self._sender.start()
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="intake") as pool:
                log_event("started", waiting=self._journal.count()[State.WAITING])
                while not stop.is_set():
                    self._turn(pool)
                self._source.close()
                self._intake.cancel.cancel()
            self._end(give_up)
        finally:
            self._runner.put_back()
            if self._sender is not None:
                self._sender.stop(_HANG_UP_S)
            log_event("stopped", waiting=self._journal.count()[State.WAITING])

    def _turn(self, pool: ThreadPoolExecutor) -> None:
        """Do once all there is to do."""
        self._take_arrivals(pool)
        for end in self._runner.step(_STEP_S):
            self._note_end(end)
        self._delete_old()
        before = self.status
        self._look_at_self()
        self.has_been_ready = self.has_been_ready or not self.status.troubles
        if bool(before.troubles) != bool(self.status.troubles):
            log_event("not_ready" if self.status.troubles else "ready")

    def _end(self, give_up: threading.Event) -> None:
        """Wait for the cases under way, as long as there is time."""
        log_event("stopping", busy=self._engine.n_busy)
        tell_systemd(STOPPING)
        self._engine.is_paused = True
        ends_s = time.monotonic() + self._limits.grace_s
        while self._engine.n_busy and time.monotonic() < ends_s and not give_up.is_set():
            for end in self._runner.step(_STEP_S):
                self._note_end(end)
            self._look_at_self(more=("The service is stopping.",))

    def _take_arrivals(self, pool: ThreadPoolExecutor) -> None:
        """Look through arrivals, beside all else."""
        while self._again and self._again[0][0] <= time.monotonic():
            self._arrived.append(self._again.popleft()[1])
        if self._looking is not None and self._looking.done():
            arrived, all_taken = self._looking.result()
            self._looking = None
            self._arrived.extend(arrived)
            self._metrics.arrivals.inc(len(arrived))
            for taken in all_taken:
                self._arrived.popleft()
                self._add(taken)
                if self._limits.keep_received_days is not None:
                    self._looked_through.add(taken.path)
        has_room = self._journal.count()[State.WAITING] < self._limits.most_waiting
        if self._looking is None and has_room:
            self._looking = pool.submit(self._look, list(self._arrived))

    def _look(self, arrived: Sequence[Path]) -> tuple[list[Path], list[Taken]]:
        """Look for arrivals, or through those that there are; in a thread, as shares are slow."""
        if arrived:
            return [], self._intake.take_some(arrived)
        return self._source.poll(), []

    def _add(self, taken: Taken) -> None:
        """Put what arrived into the journal; a case that is under way is looked at again later."""
        rows = {case.id: self._journal.find(case.id) for case in taken.cases}
        busy = [one for one, row in rows.items() if row is not None and row.state is State.RUNNING]
        if busy:
            self._again.append((time.monotonic() + _AGAIN_S, taken.path))
        cases = [case for case in taken.cases if case.id not in busy]
        self._journal.add(cases)
        for case in cases:
            if rows[case.id] is not None or self._folder.result_of(case.id).exists():
                # What lies there was made from other files, or nobody knows from what.
                self._folder.discard(case.id)
                self._records.forget_copies(case.id)
            log_event("arrived", case=case.id, bytes=case.size_bytes)
        if taken.fingerprint and not busy and not taken.problems:
            self._records.keep_arrival(taken.path, taken.fingerprint, taken.ids)
        if taken.n_known and taken.fingerprint:
            log_event("known", cases=taken.n_known)
        if self._problems.get(taken.path, ()) != taken.problems:
            self._problems[taken.path] = taken.problems
            self._journal.note_problems(one for own in self._problems.values() for one in own)
            if taken.problems:
                self._metrics.refused.inc(len(taken.problems))
                log_event("refused", level=logging.WARNING, problems=len(taken.problems))

    def _note_end(self, end: CaseEnd) -> None:
        """Tell how a case ended, and have its result sent."""
        if end.outcome is not None:
            self._metrics.observe_stages(end.outcome.seconds)
            told: dict[str, Any] = {
                f"{name}_s": round(took, 3) for name, took in end.outcome.seconds.items()
            }
            log_event("segmented", case=end.id, **told)
            if self._sender is not None:
                self._records.add_parcels([(end.id, end.outcome.token)])
                self._sender.wake()
            return
        row = self._journal.find(end.id)
        kind = row.kind if row is not None else ""
        is_final = end.state is State.QUARANTINED
        if is_final:
            self._metrics.refused.inc()
        event = "quarantined" if is_final else "failed"
        log_event(event, case=end.id, level=logging.WARNING, error=kind or None)

    def _delete_old(self) -> None:
        """Delete received studies that are old and not needed any more."""
        days, now = self._limits.keep_received_days, time.monotonic()
        if days is None or not self._looked_through or now < self._next_tidy_s:
            return
        self._next_tidy_s = now + _TIDY_S
        open_rows = [*self._journal.rows(State.WAITING), *self._journal.rows(State.RUNNING)]
        needed = [row.case.path for row in open_rows]
        needed += [*self._arrived, *(path for _, path in self._again)]

        def is_needed(folder: Path) -> bool:
            # One that was received before this run may never have been looked through, so that
            # nobody knows yet what it holds.
            is_known = folder in self._looked_through
            return not is_known or any(path.is_relative_to(folder) for path in needed)

        try:
            n_deleted = self._source.delete_before(time.time() - days * _DAY_S, is_needed)
        except OSError as error:
            log_event("delete_failed", level=logging.WARNING, error=type(error).__name__)
            return
        if n_deleted:
            self._looked_through = {one for one in self._looked_through if one.exists()}
            log_event("deleted", studies=n_deleted)

    def _look_at_self(self, more: tuple[str, ...] = ()) -> None:
        """See how the service is, now and then thoroughly."""
        self._look_around()
        deaths = self._engine.n_deaths
        self._metrics.restarts.inc(deaths - self._n_deaths)
        self._n_deaths = deaths
        counts = self._journal.count()
        free = shutil.disk_usage(self._folder.directory).free
        is_low = free < self._limits.keep_free_bytes
        troubles = {
            "The model is not open yet.": not self._engine.is_open and not deaths,
            "The worker died and is being restarted.": not self._engine.is_open and deaths > 0,
            "The disk of the results is nearly full.": is_low,
            "The queue is full.": counts[State.WAITING] >= self._limits.most_waiting,
            "Results and journal cannot be written.": not self._is_writable,
            self._source.trouble: bool(self._source.trouble),
        }
        self._engine.is_paused = is_low or bool(more)
        self.status = Status(
            troubles=(*(text for text, holds in troubles.items() if holds), *more),
            cases=counts,
            arriving=len(self._arrived) + len(self._again),
            unsent=0 if self._sender is None else self._records.count_parcels(),
            refused=0 if self._sender is None else self._records.count_refused(),
            is_peer_silent=self._sender is not None and self._sender.has_failed,
            disk_free_bytes=free,
            restarts=deaths,
        )

    def _look_around(self) -> None:
        """Do what is worth doing every few seconds only."""
        now = time.monotonic()
        if now < self._next_look_s:
            return
        self._next_look_s = now + _LOOK_S
        try:
            try_writing(self._folder.cases)
            self._is_writable = True
        except OSError:
            self._is_writable = False
        if self._engine.is_open:
            tell_systemd(READY)
        tell_systemd(ALIVE)
