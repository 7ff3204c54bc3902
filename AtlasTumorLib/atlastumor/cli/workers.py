"""Many independent tasks in several processes; one that dies takes nothing else with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

import psutil

from ..executors import Ended, LocalExecutor, count_cores

__all__ = ["choose_worker_count", "run_in_workers"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_LOOK_S = 60.0


def choose_worker_count(n_tasks: int, bytes_each: int) -> int:
    """Choose as many processes as there are cores and memory for.

    Args:
        n_tasks: Number of tasks.
        bytes_each: Memory that one task may take.

    Returns:
        At least 1.
    """
    free = int(psutil.virtual_memory().available) // bytes_each
    return max(1, min(n_tasks, count_cores(), free))


def run_in_workers(
    function: Callable[[Task], Result], tasks: Sequence[Task], n_workers: int
) -> Iterator[tuple[int, Result | None]]:
    """Run a function over tasks in worker processes.

    A task that its worker died over (mostly for want of memory) is tried once more when all others
    are done, alone, so that it has all the memory there is.

    Args:
        function: Of a module's top level, as workers import it.
        tasks: Its arguments.
        n_workers: Number of processes.

    Yields:
        Number of a task and its result, as they come; None where the worker died over it.
    """
    lost: list[int] = []
    with LocalExecutor(n_workers, max_deaths=2 * len(tasks)) as executor:
        for ended in _run(executor, function, dict(enumerate(tasks)), n_workers):
            if ended.is_lost:
                lost.append(int(ended.key))
            else:
                yield int(ended.key), ended.value
        for ended in _run(executor, function, {number: tasks[number] for number in lost}, 1):
            yield int(ended.key), ended.value


def _run(
    executor: LocalExecutor,
    function: Callable[[Task], Result],
    tasks: Mapping[int, Task],
    most: int,
) -> Iterator[Ended]:
    """Have some tasks under way at a time, the most that are allowed; raise what one raises."""
    waiting, n_left = iter(tasks.items()), len(tasks)
    for number, task in islice(waiting, most):
        executor.submit(str(number), function, task)
    while n_left:
        for ended in executor.wait(_LOOK_S):
            n_left -= 1
            if ended.error is not None:
                raise ended.error
            for number, task in islice(waiting, 1):
                executor.submit(str(number), function, task)
            yield ended
