"""Processes of this computer: what they return, and what happens when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from atlastumor.errors import DeviceError, InputError
from atlastumor.executors import Ended, Executor, LocalExecutor
from Backend.executors import jobs


def take(executor: Executor, n: int, timeout_s: float = 60.0) -> dict[str, Ended]:
    """What becomes of n jobs."""
    ended: dict[str, Ended] = {}
    until = time.monotonic() + timeout_s
    while len(ended) < n and time.monotonic() < until:
        for one in executor.wait(1.0):
            assert one.key not in ended
            ended[one.key] = one
    assert len(ended) == n
    return ended


@pytest.fixture(scope="module")
def an_executor() -> Iterator[LocalExecutor]:
    """Two processes, two jobs at a time in each."""
    with LocalExecutor(2, 2, environments=[{"WHO": "first"}, {"WHO": "second"}]) as executor:
        yield executor


def test_jobs_come_back_with_their_values(an_executor: LocalExecutor) -> None:
    assert an_executor.n_slots == 4
    for n in range(9):
        an_executor.submit(str(n), jobs.square, n)

    ended = take(an_executor, 9)

    assert {key: one.value for key, one in ended.items()} == {str(n): n * n for n in range(9)}
    assert {one.worker for one in ended.values()} <= {"worker 1", "worker 2"}


def test_a_process_runs_several_jobs_at_once(tmp_path: Path) -> None:
    with LocalExecutor(1, 2) as executor:
        for key in "ab":
            executor.submit(key, jobs.meet, tmp_path)

        assert {one.value for one in take(executor, 2).values()} == {2}


def test_each_process_has_its_own_variables_before_anything_heavy_is_imported(
    an_executor: LocalExecutor,
) -> None:
    for key in "ab":
        an_executor.submit(key, jobs.see, "WHO")

    seen = {one.value for one in take(an_executor, 2).values()}

    assert seen == {("first", False), ("second", False)}
    assert "WHO" not in os.environ


@pytest.mark.parametrize(
    ("job", "kind", "text"),
    [
        (jobs.refuse, InputError, "There is no organ 'x'"),
        (jobs.be_stubborn, Exception, "this and that"),
        (jobs.leave, Exception, "left"),
        (jobs.give_lock, TypeError, "pickle"),
    ],
)
def test_what_a_job_raises_comes_back_as_near_as_can_be(
    an_executor: LocalExecutor, job: object, kind: type, text: str
) -> None:
    an_executor.submit("a", job, "x")  # type: ignore[arg-type]

    error = take(an_executor, 1)["a"].error

    assert isinstance(error, kind)
    assert text in str(error)
    assert "Traceback" in error.__notes__[0]


def test_a_dead_process_loses_all_its_jobs_at_once_and_another_one_goes_on() -> None:
    with LocalExecutor(1, 2) as executor:
        executor.submit("slow", jobs.sleep, 60.0)
        executor.submit("deadly", jobs.die, None)
        started = time.monotonic()
        ended = take(executor, 2)
        executor.submit("next", jobs.square, 3)

        assert all(one.is_lost for one in ended.values())
        assert take(executor, 1)["next"].value == 9
        assert time.monotonic() - started < 30.0


def test_a_process_that_is_killed_idle_is_replaced() -> None:
    with LocalExecutor(1) as executor:
        first = executor.process_ids
        os.kill(first[0], signal.SIGKILL)
        assert executor.wait(30.0) == []
        executor.submit("a", jobs.square, 2)

        assert take(executor, 1)["a"].value == 4
        assert executor.process_ids != first


def test_processes_that_all_die_are_an_error_and_not_an_endless_loop() -> None:
    with LocalExecutor(1, max_deaths=1) as executor:
        executor.submit("a", jobs.die, None)
        assert take(executor, 1)["a"].is_lost
        executor.submit("b", jobs.die, None)
        with pytest.raises(DeviceError, match="2 worker processes died"):
            take(executor, 1)


def test_the_end_of_the_context_stops_what_still_runs(tmp_path: Path) -> None:
    with LocalExecutor(1) as executor:
        executor.submit("a", jobs.stay, tmp_path)
        while not list(tmp_path.iterdir()):
            assert executor.wait(0.1) == []
        started = time.monotonic()

    assert time.monotonic() - started < 30.0
    assert_nobody_writes(tmp_path)


_SCRIPT = """
import sys, pathlib
from atlastumor.executors import LocalExecutor
from Backend.executors import jobs
if __name__ == "__main__":
    with LocalExecutor(2) as executor:
        for n in range(2):
            executor.submit(str(n), jobs.stay, pathlib.Path(sys.argv[1]))
        executor.wait(60.0)
"""


def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "out"
    script.write_text(_SCRIPT)
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, script, folder], env=environment)
    until = time.monotonic() + 60.0
    while len(list(folder.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.05)

    workers = [int(path.name) for path in folder.iterdir()]
    parent.kill()
    parent.wait()

    until = time.monotonic() + 30.0
    while any(map(is_alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_alive, workers))
    assert len(list(folder.iterdir())) == 2
    assert_nobody_writes(folder)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_nobody_writes(folder: Path) -> None:
    before = {path: path.read_text() for path in folder.iterdir()}
    time.sleep(0.3)
    assert before == {path: path.read_text() for path in folder.iterdir()}
