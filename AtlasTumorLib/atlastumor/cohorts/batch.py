"""A cohort from beginning to end, on this computer or another executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..batch.cases import Problem, list_some
from ..errors import InputError
from ..executors import Executor, LocalExecutor
from ..progress import CancelToken
from .case import CohortCase
from .finding import Found, find_cohort
from .finding.places import make_absolute
from .folder import CohortFolder
from .journal import Journal
from .planning import plan_local
from .remaining import Pace
from .resuming import open_journal, take_up
from .rows import State
from .running import CaseEnd, Runner
from .scan import check_request
from .series_table import write_series
from .settings import BatchSettings, make_settings

__all__ = ["BatchSummary", "HowToRun", "ignore_pace", "retry_failed", "run_batch"]

_STEP_S = 0.5

OnEnd = Callable[[CaseEnd], None]
OnPace = Callable[[float, str, float | None], None]
"""Called with the fraction done, the stage, and the seconds that are left, None if unknown."""


def ignore_pace(_fraction: float, _stage: str, _seconds_left: float | None = None) -> None:
    """Take progress and show it to nobody."""


def _ignore_end(_end: CaseEnd) -> None:
    pass


def _ignore_note(_text: str) -> None:
    pass


@dataclass(frozen=True)
class BatchSummary:
    """Where a cohort stands.

    Args:
        directory: Its folder.
        counts: Number of cases by state.
        problems: Of inputs that are no case.
    """

    directory: Path
    counts: Mapping[State, int]
    problems: tuple[Problem, ...] = ()

    @property
    def n_cases(self) -> int:
        """Number of all cases."""
        return sum(self.counts.values())

    @property
    def is_complete(self) -> bool:
        """Whether every case is done and every input was a case."""
        return self.counts[State.DONE] == self.n_cases and not self.problems


@dataclass(frozen=True, kw_only=True)
class HowToRun:
    """Who works through a cohort; nothing of it changes a result on a CPU.

    Args:
        executor: Not yet entered; None takes processes of this computer.
        device: For the engine, as workers see it.
        n_workers: Processes of this computer; None chooses.
        gpus: Of this computer, a worker on each.
        retries: How often a case is tried again that failed for other reasons than its input.
        on_pace: Told how far it is.
        on_end: Told of every case that ends.
        on_note: Told in a sentence what the user should know of the cohort.
        cancel: Stops it within a second; it can be taken up again.
    """

    executor: Executor | None = None
    device: str = "auto"
    n_workers: int | None = None
    gpus: Sequence[int] = ()
    retries: int = 2
    on_pace: OnPace = ignore_pace
    on_end: OnEnd = _ignore_end
    on_note: Callable[[str], None] = _ignore_note
    cancel: CancelToken | None = None


def run_batch(
    inputs: Sequence[str | Path],
    directory: Path,
    settings: BatchSettings | None = None,
    *,
    series: str = "best",
    rebuild: bool = False,
    **how: Any,
) -> BatchSummary:
    """Segment all scans of a cohort, or go on with one that was broken off.

    Scripts that call it need `if __name__ == "__main__":` around what they run, since workers are
    processes that import them.

    Args:
        inputs: As `find_cohort` takes them.
        directory: Folder for the results; outside of the inputs.
        settings: From `make_settings`; None takes the embedded model as it is.
        series: Which DICOM series of a study, as `find_cohort` takes it.
        rebuild: Whether a damaged journal is put aside; whole results are kept.
        how: Fields of `HowToRun`: executor, device, n_workers, gpus, retries, on_pace, on_end,
            on_note, cancel.

    Returns:
        Where the cohort stands at the end.

    Raises:
        InputError: If there is no case, the journal is damaged, or settings differ from before.
        OutputError: If the folder cannot be written to, or another runner is at work in it.
        DeviceError: If one worker after the other dies.
        Cancelled: If `cancel` was set; the cohort can be taken up again.
    """
    settings, folder = settings or make_settings(), CohortFolder(directory)
    check_request(settings)
    folder.check([Path(text) for text in inputs])
    asked = {"inputs": [make_absolute(str(text)) for text in inputs], "series": series}
    run = HowToRun(**how)
    with folder.locked(), open_journal(folder, settings, rebuild=rebuild) as journal:
        cases = _find(folder, journal, asked, run)
        return _work(folder, journal, cases, run)


def retry_failed(directory: Path, **how: Any) -> BatchSummary:
    """Try the quarantined cases of a cohort again, and go on with all others that are left.

    The inputs are looked through as before; of a service's folder, its cases are those there are.

    Args:
        directory: Folder of the cohort.
        how: As for `run_batch`.

    Returns:
        Where the cohort stands at the end.

    Raises:
        AtlasTumorError: As `run_batch`.
    """
    folder = CohortFolder(directory)
    with Journal.read(folder.journal) as journal:
        settings = journal.settings
    check_request(settings)
    run = HowToRun(**how)
    with folder.locked(), open_journal(folder, settings) as journal:
        asked = journal.inputs
        if asked is not None:
            cases = _find(folder, journal, asked, run)
        else:
            cases = tuple(row.case for row in journal.rows())
        if not cases:
            msg = f"'{directory}' has no case yet. Name its scans: atlastumor batch IN -o OUT."
            raise InputError(msg)
        journal.release()
        return _work(folder, journal, cases, run)


def _find(
    folder: CohortFolder, journal: Journal, asked: Mapping[str, Any], how: HowToRun
) -> tuple[CohortCase, ...]:
    """Look through the inputs, and note what was found and what cannot be used."""

    def progress(_fraction: float, stage: str) -> None:
        how.on_pace(0.0, stage, None)

    found = find_cohort(
        asked["inputs"],
        series=asked["series"],
        exclude=[folder.directory],
        progress=progress,
        cancel=how.cancel,
    )
    if not found.cases:
        raise InputError(_say_nothing_found(found))
    journal.inputs = asked
    journal.note_problems(found.problems)
    if found.choices:
        write_series(folder.directory / "tables" / "series.csv", found.choices)
    return found.cases


def _work(
    folder: CohortFolder, journal: Journal, cases: Sequence[CohortCase], how: HowToRun
) -> BatchSummary:
    """Bring the journal in line with the cases, and work through what is left."""
    changed = take_up(journal, folder, cases)
    if changed:
        how.on_note(_say_changed(changed))
    if journal.next() is not None:
        executor, device = _choose_executor(journal.settings, cases, how)
        with executor:
            runner = Runner(folder, journal, executor, device=device, retries=how.retries)
            try:
                _follow(runner, journal, how)
            finally:
                runner.put_back()
    return BatchSummary(folder.directory, journal.count(), tuple(journal.problems()))


def _choose_executor(
    settings: BatchSettings, cases: Sequence[CohortCase], how: HowToRun
) -> tuple[Executor, str]:
    if how.executor is not None:
        return how.executor, how.device
    plan = plan_local(settings, cases, device=how.device, n_workers=how.n_workers, gpus=how.gpus)
    local = LocalExecutor(plan.n_workers, plan.n_jobs_each, environments=plan.environments)
    return local, plan.device


def _follow(runner: Runner, journal: Journal, how: HowToRun) -> None:
    """Step until nothing is left, and tell of it."""
    counts, pace = journal.count(), Pace()
    n_cases = sum(counts.values())
    cancel = how.cancel or CancelToken()
    while True:
        n_ended = counts[State.DONE] + counts[State.QUARANTINED]
        left = pace.seconds_left(n_cases - n_ended)
        stage = f"{n_ended} of {n_cases} cases, {counts[State.QUARANTINED]} failed"
        how.on_pace(n_ended / n_cases, stage, left)
        if n_ended == n_cases:
            return
        cancel.check()
        for end in runner.step(_STEP_S):
            if end.state is not State.WAITING:
                counts[end.state] += 1
                pace.count()
            how.on_end(end)


def _say_changed(ids: Sequence[str]) -> str:
    return (
        f"Finished cases that are segmented again, as their scans have changed since: {len(ids)} "
        f"({list_some(ids)}). Each earlier result stays until the new one is whole."
    )


def _say_nothing_found(found: Found) -> str:
    if not found.problems:
        return "There is no scan in the inputs."
    first = found.problems[0]
    n = len(found.problems)
    return f"None of {n} inputs can be used. The first: {first.case}: {first.message}"
