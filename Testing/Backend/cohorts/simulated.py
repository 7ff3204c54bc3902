"""A cohort without scans and networks: workers that write small results, or what a test wants."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from atlastumor.cohorts.case import CohortCase
from atlastumor.cohorts.folder import CohortFolder
from atlastumor.cohorts.journal import Journal
from atlastumor.cohorts.outcome import STAGES, CaseOutcome, save_outcome
from atlastumor.cohorts.resuming import open_journal, take_up
from atlastumor.cohorts.running import CaseEnd, Runner
from atlastumor.cohorts.settings import BatchSettings
from atlastumor.cohorts.working import CaseTask
from atlastumor.executors import Ended
from atlastumor.results.staging import MANIFEST, SCHEMA
from atlastumor.results.tables import identify

Behavior = Callable[[CaseTask], Ended | None]


def make_cases(n: int) -> list[CohortCase]:
    """Cases of nothing."""
    return [CohortCase(f"c{k:05d}", Path(f"/scans/{k}.nii"), None, 100 + k, k) for k in range(n)]


def write_small(task: CaseTask) -> CaseOutcome:
    """The result of a case, as small as can be."""
    task.staging.mkdir(parents=True)
    (task.staging / "labels.nii.gz").write_text(f"labels of {task.case.id}")
    files = {"labels.nii.gz": identify(task.staging / "labels.nii.gz")}
    manifest = {"schema": SCHEMA, "schema_version": 1, "files": files}
    (task.staging / MANIFEST).write_text(json.dumps(manifest))
    outcome = CaseOutcome(
        task.case.id,
        task.token,
        task.settings.fingerprint(),
        task.case.size_bytes,
        task.case.modified_ns,
        dict.fromkeys(STAGES, 0.5),
    )
    save_outcome(task.staging, outcome)
    return outcome


def end(task: CaseTask, **what: Any) -> Ended:
    """A job's end."""
    return Ended(task.staging.name, worker="simulated", **what)


def finish(task: CaseTask) -> Ended:
    """Do a case well."""
    return end(task, value=write_small(task))


def lose(task: CaseTask) -> Ended:
    """Die over a case."""
    return end(task, is_lost=True)


def fail(error: Exception) -> Behavior:
    """Fail over a case."""
    return lambda task: end(task, error=error)


class Simulated:
    """An executor that does each job as its case's behaviors say, one after the other.

    Args:
        behaviors: By case id, for its first, second, ... handing out; `finish` for all others.
        n_slots: Jobs at a time.
    """

    def __init__(
        self, behaviors: dict[str, Sequence[Behavior]] | None = None, *, n_slots: int = 2
    ) -> None:
        self.n_slots = n_slots
        self.handed_out: list[str] = []
        self.beside: list[int] = []
        self.late: list[Ended] = []
        self._behaviors = {key: deque(those) for key, those in (behaviors or {}).items()}
        self._tasks: deque[CaseTask] = deque()

    def submit(self, key: str, function: Callable[[Any], Any], argument: Any) -> None:
        del function
        assert key == argument.staging.name
        self.handed_out.append(argument.case.id)
        self.beside.append(len(self._tasks))
        self._tasks.append(argument)

    def wait(self, timeout_s: float) -> list[Ended]:
        del timeout_s
        late, self.late = self.late, []
        if not self._tasks:
            return late
        task = self._tasks.popleft()
        behaviors = self._behaviors.get(task.case.id)
        ended = behaviors.popleft()(task) if behaviors else finish(task)
        return late if ended is None else [*late, ended]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tasks.clear()


def work(
    out: Path,
    cases: Sequence[CohortCase],
    executor: Simulated,
    *,
    settings: BatchSettings | None = None,
    most: int | None = None,
    **how: Any,
) -> list[CaseEnd]:
    """Begin a cohort or go on with it, for all cases or the most that may end."""
    folder, ends = CohortFolder(out), []
    folder.check()
    with folder.locked(), open_journal(folder, settings or BatchSettings()) as journal, executor:
        take_up(journal, folder, cases)
        runner = Runner(folder, journal, executor, **how)
        try:
            while not runner.is_idle and (most is None or len(ends) < most):
                ends += runner.step(0.1)
        finally:
            runner.put_back()
    return ends


def read(out: Path) -> Journal:
    """The journal."""
    return Journal.read(CohortFolder(out).journal)
