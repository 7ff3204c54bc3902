"""The runner: hands out cases, puts results in their places, and decides what a failure means.

A result counts once: only the runner moves it from where a worker wrote it to its place, and only
if it is that of the last handing out. What a lost or cut-off worker still writes is never looked
at.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass

from ..errors import (
    AtlasTumorError,
    CardError,
    DependencyError,
    DeviceError,
    InputError,
    OutOfMemoryError,
    OutputError,
    WeightsError,
)
from ..executors import Ended, Executor
from .folder import CohortFolder
from .journal import Journal
from .outcome import CaseOutcome
from .rows import CaseRow, State
from .verifying import verify_result
from .working import CaseTask, run_case

__all__ = ["LOST", "CaseEnd", "Runner"]

LOST = "Lost"
"""Kind of the failure of a case whose worker was lost over it."""

_STOPPING = (OutputError, DependencyError, WeightsError, CardError)
"""What no other case would fare better with."""

_MOST_DEVICE_ERRORS = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CaseEnd:
    """What became of a case that was handed out.

    Args:
        id: The case.
        state: Done, quarantined, or waiting for another try.
        reason: Why it failed, a sentence; empty if it did not.
        outcome: How it went, if it is done.
    """

    id: str
    state: State
    reason: str = ""
    outcome: CaseOutcome | None = None


class Runner:
    """Works through the cases of a journal.

    Cases may be added to the journal between two steps.

    Args:
        folder: Of the cohort, locked.
        journal: Open for writing; no case in it is running.
        executor: Who does the work; entered already.
        device: For the engine, as the workers see it.
        retries: How often a case is tried again that failed for other reasons than its input.
    """

    def __init__(
        self,
        folder: CohortFolder,
        journal: Journal,
        executor: Executor,
        *,
        device: str = "auto",
        retries: int = 2,
    ) -> None:
        """Begin; nothing is handed out yet."""
        self._folder = folder
        self._journal = journal
        self._executor = executor
        self._device = device
        self._retries = retries
        self._settings = journal.settings
        self._under_way: dict[str, tuple[CaseTask, CaseRow]] = {}
        self._is_alone = False
        self._n_device_errors = 0

    @property
    def is_idle(self) -> bool:
        """Whether no case is under way or waiting."""
        return not self._under_way and self._journal.next() is None

    def step(self, timeout_s: float) -> list[CaseEnd]:
        """Hand out what can be, and wait until a case ends.

        Args:
            timeout_s: Longest wait, in seconds.

        Returns:
            What ended; each case that is done or quarantined once.

        Raises:
            AtlasTumorError: If going on makes no sense, as with a full disk; `put_back` is to be
                called then, as always at the end.
        """
        self._hand_out()
        return [
            end
            for ended in self._executor.wait(timeout_s)
            if (end := self._take(ended)) is not None
        ]

    def put_back(self) -> None:
        """Have cases wait that are under way; the executor is left to be stopped."""
        self._journal.put_back_running()
        self._under_way.clear()

    def _hand_out(self) -> None:
        """Keep the executor busy; a case at its last chance runs alone, to be judged by itself."""
        while len(self._under_way) < self._executor.n_slots:
            row = None if self._is_alone and self._under_way else self._journal.next()
            if row is None:
                return
            self._is_alone = 0 < row.failures == self._retries
            if self._is_alone and self._under_way:
                return
            token = secrets.token_hex(8)
            staging = self._folder.staging_of(row.case.id, token)
            task = CaseTask(row.case, token, staging, self._settings, self._device)
            key = staging.name
            self._journal.start(row.case.id, token)
            self._under_way[key] = task, row
            self._executor.submit(key, run_case, task)

    def _take(self, ended: Ended) -> CaseEnd | None:
        """Decide what the end of a job means; None if nobody waits for it any more."""
        task, row = self._under_way.pop(ended.key, (None, None))
        if task is None or row is None:
            return None
        if ended.error is None and not ended.is_lost:
            return self._accept(task, row, ended.worker)
        self._folder.discard_staged(task.case.id, task.token)
        if ended.error is None:
            reason = "Its worker died or was cut off over it, mostly for want of memory."
            return self._fail(row, reason, LOST, ended.worker, is_final=False)
        return self._judge(row, ended.error, ended.worker)

    def _accept(self, task: CaseTask, row: CaseRow, worker: str) -> CaseEnd:
        """Put a result into its place if it is whole, then say so in the journal."""
        try:
            outcome = verify_result(task.staging, thorough=False)
        except InputError as error:
            self._folder.discard_staged(task.case.id, task.token)
            return self._fail(row, str(error), LOST, worker, is_final=False)
        self._folder.place(task.case.id, task.token)
        self._journal.finish(outcome, worker)
        self._n_device_errors = 0
        return CaseEnd(task.case.id, State.DONE, outcome=outcome)

    def _judge(self, row: CaseRow, error: Exception, worker: str) -> CaseEnd:
        """Tell what is wrong with the case from what is wrong with everything."""
        _log.debug("A case failed", exc_info=error)
        is_device = isinstance(error, DeviceError) and not isinstance(error, OutOfMemoryError)
        self._n_device_errors += is_device
        if isinstance(error, _STOPPING) or self._n_device_errors > _MOST_DEVICE_ERRORS:
            self._journal.put_back([row.case.id])
            raise error
        kind = type(error).__name__
        reason = str(error) if isinstance(error, AtlasTumorError) else f"{kind}: {error}"
        is_final = isinstance(error, InputError)
        return self._fail(row, reason, kind, worker, is_final=is_final)

    def _fail(
        self, row: CaseRow, reason: str, kind: str, worker: str, *, is_final: bool
    ) -> CaseEnd:
        is_final = is_final or row.failures >= self._retries
        self._journal.fail(row.case.id, reason, kind, worker=worker, is_final=is_final)
        state = State.QUARANTINED if is_final else State.WAITING
        return CaseEnd(row.case.id, state, reason)
