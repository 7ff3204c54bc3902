"""A service says truly how it is, in every state that it can be in."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from atlastumor.cohorts.rows import State
from atlastumor.watching import service as service_module
from atlastumor.watching.service import Limits
from atlastumor.watching.status import Status, answer_alive, answer_ready
from Backend.watching.pretend import STILL_S, PretendedEngine, a_service, write_nifti


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_a_worker_that_is_being_restarted_is_told(folder: Path, out: Path) -> None:
    with a_service(out, folder) as running:
        running.until(lambda: not running.service.status.troubles)
        running.engine.is_open, running.engine.n_deaths = False, 1
        write_nifti(folder / "a.nii.gz")
        running.until(
            lambda: "The worker died and is being restarted." in running.service.status.troubles
        )
        assert running.metrics.restarts._value.get() == 1

        running.engine.is_open = True
        running.until_done(1)
        assert running.service.status.troubles == ()


def test_with_many_cases_waiting_nothing_new_is_taken(folder: Path, out: Path) -> None:
    engine = PretendedEngine(is_slow=True)
    with a_service(out, folder, engine=engine, limits=Limits(2, keep_free_bytes=0)) as running:
        for number in range(6):
            write_nifti(folder / f"{number}.nii.gz")
        full = {State.RUNNING: 2, State.WAITING: 2}
        running.until(lambda: {state: running.counts[state] for state in full} == full)
        running.until(lambda: "The queue is full." in running.service.status.troubles)
        time.sleep(5 * STILL_S)
        assert {state: running.counts[state] for state in full} == full

        engine.release()
        running.until_done(6)


def test_with_the_disk_nearly_full_no_case_is_begun(folder: Path, out: Path) -> None:
    with a_service(out, folder, limits=Limits(keep_free_bytes=10**18)) as running:
        write_nifti(folder / "a.nii.gz")
        running.until(lambda: running.counts[State.WAITING] == 1)
        time.sleep(0.2)

        assert running.engine.ran == []
        assert "The disk of the results is nearly full." in running.service.status.troubles


def test_results_that_cannot_be_written_are_told(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> Path:
        raise PermissionError

    monkeypatch.setattr(service_module, "try_writing", refuse)
    with a_service(out, folder) as running:
        running.until(
            lambda: "Results and journal cannot be written." in running.service.status.troubles
        )


def test_a_folder_that_is_away_is_told_and_waited_for(folder: Path, out: Path) -> None:
    with a_service(out, folder) as running:
        folder.rename(folder.with_name("away"))
        running.until(
            lambda: "The watched folder cannot be read." in running.service.status.troubles
        )
        folder.with_name("away").rename(folder)
        write_nifti(folder / "a.nii.gz")
        running.until_done(1)
        running.until(lambda: not running.service.status.troubles)


def test_a_loop_that_stands_still_is_not_alive() -> None:
    assert answer_alive(Status()).reasons == ()
    still = Status(seen_s=time.monotonic() - 500)
    assert "Restart it" in answer_alive(still).reasons[0]
    assert "Restart it" in answer_ready(still).reasons[0]
