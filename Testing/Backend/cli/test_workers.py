"""Tasks in several processes: all are done, whatever becomes of one."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from atlastumor.cli.workers import choose_worker_count, run_in_workers


def square_or_die(number: int) -> int:
    """Die like a process does that the system kills for its memory."""
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def fail(number: int) -> int:
    raise RuntimeError(number)


def test_every_task_is_done_once() -> None:
    assert dict(run_in_workers(square_or_die, [3, 1, 2], 2)) == {0: 9, 1: 1, 2: 4}


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_own_task_only() -> None:
    results = list(run_in_workers(square_or_die, [1, -1, 3, -1, 5], 2))

    assert sorted(number for number, _ in results) == [0, 1, 2, 3, 4]
    assert dict(results) == {0: 1, 1: None, 2: 9, 3: None, 4: 25}


def test_an_error_that_a_task_raises_ends_all_of_it() -> None:
    with pytest.raises(RuntimeError, match="7"):
        list(run_in_workers(fail, [7], 2))

    assert not multiprocessing.active_children()


def test_giving_up_ends_the_workers() -> None:
    results = run_in_workers(square_or_die, list(range(50)), 1)
    next(results)

    results.close()

    assert not multiprocessing.active_children()


def test_there_are_no_more_workers_than_tasks_or_memory_allows() -> None:
    assert choose_worker_count(1, 1) == 1
    assert choose_worker_count(1000, 1) == len(os.sched_getaffinity(0))
    assert choose_worker_count(1000, 2**60) == 1
