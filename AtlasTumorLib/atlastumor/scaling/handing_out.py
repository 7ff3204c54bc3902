"""Who runs cells: an executor, or this very process; each cell until it is done or hopeless."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ..errors import AtlasTumorError
from ..executors import Ended, Executor
from ..progress import Progress
from .cells import CellResult, CellTask, run_cell, run_cell_with

__all__ = ["InThisProcess", "explain_end", "hand_out"]

_MOST_LOSSES = 2
_PATIENCE_S = 60.0


class InThisProcess:
    """Runs one job after the other where it is asked to wait, in place of an executor."""

    n_slots = 1

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self._job: tuple[str, Callable[[Any], Any], Any] | None = None

    def submit(self, key: str, function: Callable[[Any], Any], argument: Any) -> None:
        """Remember a job.

        Args:
            key: Names it.
            function: What to call.
            argument: Its only argument.
        """
        self._job = (key, function, argument)

    def wait(self, _timeout_s: float) -> list[Ended]:
        """Run the job, however long it takes."""
        if self._job is None:
            return []
        (key, function, argument), self._job = self._job, None
        try:
            return [Ended(key, function(argument))]
        except AtlasTumorError as error:
            return [Ended(key, error=error)]

    def __enter__(self) -> Self:
        """Start nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop nothing."""


def hand_out(
    tasks: Sequence[CellTask], executor: Executor, progress: Progress
) -> Iterator[tuple[CellTask, Ended]]:
    """Hand out cells, as many at once as are worth it, and again if a worker is lost over one.

    Args:
        tasks: What to run.
        executor: Who runs it, within its context.
        progress: Told after every cell; in this process also within one.

    Yields:
        Each cell once, with how it ended.

    Raises:
        DeviceError: If there is nobody left to run cells.
    """
    waiting, under_way = deque(tasks), dict[str, CellTask]()
    losses: dict[str, int] = {}
    n_done = 0
    while waiting or under_way:
        while waiting and len(under_way) < max(executor.n_slots, 1):
            task = waiting.popleft()
            under_way[task.cell.key] = task
            if isinstance(executor, InThisProcess):
                executor.submit(task.cell.key, _Watched(progress, n_done, len(tasks)), task)
            else:
                executor.submit(task.cell.key, run_cell, task)
        for ended in executor.wait(_PATIENCE_S):
            task = under_way.pop(ended.key)
            losses[ended.key] = losses.get(ended.key, 0) + ended.is_lost
            if ended.is_lost and losses[ended.key] <= _MOST_LOSSES:
                waiting.append(task)
                continue
            n_done += 1
            progress(n_done / len(tasks), f"Cell {task.cell.key}")
            yield task, ended


@dataclass(frozen=True)
class _Watched:
    """Runs a cell in this process and tells how far it is."""

    progress: Progress
    n_done: int
    n: int

    def __call__(self, task: CellTask) -> CellResult:
        def report(fraction: float, stage: str) -> None:
            self.progress((self.n_done + fraction) / self.n, f"{task.cell.key}: {stage}")

        return run_cell_with(task, report)


def explain_end(ended: Ended) -> str:
    """Say why a cell has no result, and what to do."""
    if ended.is_lost:
        return (
            f"The process that ran it died {_MOST_LOSSES + 1} times, most likely for want of "
            "memory. Call it with fewer --workers; the cell goes on where it was."
        )
    if isinstance(ended.error, AtlasTumorError):
        return str(ended.error)
    kind = type(ended.error).__name__
    return f"This is a bug in AtlasTumor ({kind}: {ended.error}); please report it."
