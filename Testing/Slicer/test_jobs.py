"""The worker process: what it says, how it ends, how it is ended."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlastumor.errors import Cancelled, DependencyError, InputError, UnknownKeyError


@pytest.fixture
def a_job(a_slicer: Any, a_launcher: Path) -> Callable[..., Any]:
    """Makes a job that runs a few lines of Python."""
    from AtlasTumorSlicer.Jobs import Job

    jobs = []

    def make(code: str, **environment: str) -> Any:
        jobs.append(Job(["-c", code], environment=environment))
        return jobs[-1]

    yield make
    for job in jobs:
        job.cancel()


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_events_arrive_in_order_and_other_lines_go_to_the_log(a_job: Any) -> None:
    job = a_job(
        "import json\n"
        "print('hello from a library')\n"
        "for f in (0.25, 0.5):\n"
        "    print(json.dumps(dict(event='progress', fraction=f, stage='S', seconds_left=9)))\n"
        "print(json.dumps(dict(event='result', files=['a'], directory='d')))\n"
    )
    seen: list[Any] = []
    job.progressed.connect(lambda *values: seen.append(values))
    job.finished.connect(seen.append)

    job.start()
    result = job.wait()

    assert result["files"] == ["a"]
    assert seen == [(0.25, "S", 9), (0.5, "S", 9), result]
    assert "hello from a library" in job.log
    assert not job.isRunning


def test_what_a_cancelled_worker_said_before_is_no_progress_any_more(
    a_job: Any, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    job = a_job(
        "import json, pathlib, time\n"
        "print(json.dumps(dict(event='progress', fraction=0.5, stage='S')), flush=True)\n"
        f"pathlib.Path({str(told)!r}).touch()\n"
        "time.sleep(300)\n"
    )
    seen: list[Any] = []
    job.progressed.connect(lambda *values: seen.append(values))

    job.start()
    deadline = time.monotonic() + 300
    while not told.exists() and time.monotonic() < deadline:  # its words wait in the pipe
        time.sleep(0.01)
    job.cancel()

    assert told.exists()
    assert isinstance(job.error, Cancelled)
    assert seen == []


def test_a_line_and_a_letter_may_arrive_in_pieces(a_job: Any) -> None:
    job = a_job(
        "import sys, time\n"
        'line = \'{"event": "result", "name": "Röntgen"}\'.encode()\n'
        "cut = line.index(b'\\xc3') + 1\n"
        "for part in (line[:9], line[9:cut], line[cut:]):\n"
        "    sys.stdout.buffer.write(part); sys.stdout.flush(); time.sleep(0.2)\n"
    )

    job.start()

    assert job.wait()["name"] == "Röntgen"


def test_a_reported_error_is_raised_as_what_it_is(a_job: Any) -> None:
    line = (
        "import json, sys\n"
        "print(json.dumps(dict(event='error', kind={!r}, message={!r}, exit_code=3)))\n"
        "sys.exit(3)"
    )
    for kind, message, expected in (
        ("InputError", "Too thin.", InputError),
        ("UnknownKeyError", "There is no organ 'x'.", UnknownKeyError),
    ):
        job = a_job(line.format(kind, message))
        job.start()
        with pytest.raises(expected, match=message):
            job.wait()


def test_a_crash_is_told_from_an_error_and_keeps_the_log(a_job: Any) -> None:
    from AtlasTumorSlicer.Errors import WorkerCrash

    job = a_job("import os, sys; sys.stderr.write('CUDA is upset'); sys.stderr.flush(); os.abort()")
    failures: list[Exception] = []
    job.failed.connect(failures.append)

    job.start()

    with pytest.raises(WorkerCrash) as caught:
        job.wait()
    assert "CUDA is upset" in caught.value.log
    assert failures == [caught.value]


def test_ending_well_without_a_result_is_a_crash_too(a_job: Any) -> None:
    from AtlasTumorSlicer.Errors import WorkerCrash

    job = a_job("pass")
    job.start()
    with pytest.raises(WorkerCrash):
        job.wait()


def test_a_result_followed_by_a_failing_exit_is_no_result(a_job: Any) -> None:
    from AtlasTumorSlicer.Errors import WorkerCrash

    job = a_job('import sys; print(\'{"event": "result"}\', flush=True); sys.exit(1)')
    job.start()
    with pytest.raises(WorkerCrash):
        job.wait()


_FAMILY = (
    "import os, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "open(os.environ['PIDS'], 'w').write(f'{os.getpid()} {child.pid} ')\n"
    "time.sleep(600)\n"
)


@pytest.mark.parametrize("has_psutil", [True, False])
def test_cancelling_ends_the_launcher_the_worker_and_its_children(
    a_job: Any,
    wait_for: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_psutil: bool,
) -> None:
    if not has_psutil:
        monkeypatch.setitem(sys.modules, "psutil", None)
    note = tmp_path / "pids"
    job = a_job(_FAMILY, PIDS=str(note))
    failures: list[Exception] = []
    job.failed.connect(failures.append)
    job.start()
    wait_for(lambda: note.exists() and note.read_text().endswith(" "))
    launcher, family = job.pid, [int(word) for word in note.read_text().split()]
    assert len({launcher, *family}) == 3
    assert all(_is_alive(pid) for pid in (launcher, *family))

    job.cancel()

    wait_for(lambda: not any(_is_alive(pid) for pid in (launcher, *family)), 300)
    assert [type(error) for error in failures] == [Cancelled]
    assert not job.isRunning
    with pytest.raises(Cancelled):
        job.wait()


_LEAVING = """
import sys
sys.path[:0] = {paths!r}
from host.session import start
start()
import qt, slicer
from AtlasTumorSlicer.Jobs import Job
job = Job(["-c", "import time; time.sleep(600)"])
job.start()
while not job.pid:
    slicer.app.processEvents()
print(job.pid, flush=True)
timer = qt.QTimer()
timer.connect("timeout()", slicer.app.quit)
timer.start(200)
slicer.app.exec_()
"""


def test_leaving_slicer_ends_the_worker(wait_for: Any) -> None:
    repository = Path(__file__).resolve().parents[2]
    paths = [str(repository / folder) for folder in ("Testing/Host", "AtlasTumorLib")]
    run = subprocess.run(
        [sys.executable, "-c", _LEAVING.format(paths=paths)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    pid = int(run.stdout.split()[-1])
    wait_for(lambda: not _is_alive(pid), 300)


def test_without_slicers_interpreter_the_message_says_so(
    a_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job("pass")
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(DependencyError, match="PythonSlicer"):
        job.start()


def test_an_interpreter_that_cannot_start_is_reported(a_job: Any, a_launcher: Path) -> None:
    from AtlasTumorSlicer.Errors import WorkerCrash

    job = a_job("pass")
    a_launcher.write_text("#!/no/such/interpreter\n")
    job.start()
    with pytest.raises(WorkerCrash):
        job.wait()


def test_the_worker_finds_the_backend_and_speaks_utf8(a_job: Any) -> None:
    job = a_job(
        "import atlastumor, json, sys\n"
        "found = dict(utf8=sys.flags.utf8_mode, v=atlastumor.__version__)\n"
        "print(json.dumps(dict(event='result', **found)))"
    )
    job.start()
    result = job.wait()
    assert result["utf8"] == 1
    assert result["v"]
