"""The worker process: what it must not say, who must not fail, and who ends it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlastumor.errors import OutOfMemoryError

Begin = Callable[[str], Any]


@pytest.fixture
def begin(a_slicer: Any, a_launcher: Path) -> Begin:  # noqa: ARG001 - asked for what they do
    """Starts a job that runs a few lines of Python."""

    def start(code: str) -> Any:
        from AtlasTumorSlicer.Jobs import Job

        job = Job(["-c", code])
        job.start()
        return job

    return start


def test_lines_that_only_look_like_events_cost_neither_slot_nor_result(begin: Begin) -> None:
    lines = (
        '{"event": "progress"}',
        '{"event": "progress", "fraction": null, "stage": "S"}',
        '{"event": "progress", "fraction": NaN, "stage": "S"}',
        '{"event": "progress", "fraction": 0.5, "stage": "S", "seconds_left": "soon"}',
        '{"event": "error", "kind": null, "message": null}',
        '{"event": [1]}',
        "[" * 100_000,
        '{"event": "result", "files": []}',
    )
    job = begin(f"print({chr(10).join(lines)!r})")
    seen: list[Any] = []
    job.progressed.connect(lambda *values: seen.append(values))

    assert job.wait()["files"] == []
    assert seen == []
    assert '{"event": "progress"}' in job.log


def test_a_listener_that_fails_costs_only_itself(begin: Begin, a_slicer: Any) -> None:
    def fail(*_values: Any) -> None:
        raise ArithmeticError("a listener's own")

    job = begin(
        "import json, sys\n"
        "events = [dict(event='progress', fraction=0.5, stage='S')]\n"
        "events.append(dict(event='result', files=[]))\n"
        "sys.stdout.write(''.join(json.dumps(one) + '\\n' for one in events))  # in one piece\n"
    )
    job.progressed.connect(fail)

    assert job.wait()["files"] == []
    assert a_slicer.errors() == ["ArithmeticError: a listener's own"]
    a_slicer.forgive()


def test_a_worker_that_the_system_kills_is_no_bug(begin: Begin) -> None:
    job = begin("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(OutOfMemoryError, match="killed from outside"):
        job.wait()


def test_an_ended_job_is_let_go_of(begin: Begin, wait_for: Any) -> None:
    job = begin('print(\'{"event": "result"}\')')
    job.wait()
    trace = weakref.ref(job)

    del job

    wait_for(lambda: gc.collect() >= 0 and trace() is None)
