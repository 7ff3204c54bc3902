"""Many independent tasks in several processes; one that dies takes nothing else with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import psutil

__all__ = ["choose_worker_count", "run_in_workers"]

Task = TypeVar("Task")
Result = TypeVar("Result")


def choose_worker_count(n_tasks: int, bytes_each: int) -> int:
    """Choose as many processes as there are cores and memory for.

    Args:
        n_tasks: Number of tasks.
        bytes_each: Memory that one task may take.

    Returns:
        At least 1.
    """
    free = int(psutil.virtual_memory().available) // bytes_each
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return max(1, min(n_tasks, len(allowed) or os.cpu_count() or 1, free))


def run_in_workers(
    function: Callable[[Task], Result], tasks: Sequence[Task], n_workers: int
) -> Iterator[tuple[int, Result | None]]:
    """Run a function over tasks in worker processes.

    When a worker dies (mostly for want of memory), nobody knows over which task. Those that are
    left then run one at a time, so that the guilty one is found and all others are done.

    Args:
        function: Of a module's top level, as workers import it.
        tasks: Its arguments.
        n_workers: Number of processes.

    Yields:
        Number of a task and its result, as they come; None where the worker died over it.
    """
    waiting = dict(enumerate(tasks))
    while waiting:
        for number, result in _run_pool(function, dict(waiting), n_workers):
            del waiting[number]
            yield number, result
        if waiting and n_workers == 1:
            guilty = min(waiting)
            del waiting[guilty]
            yield guilty, None
        n_workers = 1


def _run_pool(
    function: Callable[[Task], Result], tasks: Mapping[int, Task], n_workers: int
) -> Iterator[tuple[int, Result]]:
    """Give what one pool of workers finishes before it breaks."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        n_workers, multiprocessing.get_context("spawn"), initializer=_prepare_worker
    )
    try:
        futures = {pool.submit(function, task): number for number, task in tasks.items()}
        for future in as_completed(futures):
            try:
                result = future.result()
            except BrokenProcessPool:
                continue
            yield futures[future], result
        pool.shutdown()
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        pool.shutdown(cancel_futures=True)
        raise


def _prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
