"""The service's loop: nothing is lost or repeated, and it says truly how it is."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from atlastumor.cohorts.rows import State
from atlastumor.watching import intake as intake_module
from atlastumor.watching import service as service_module
from atlastumor.watching.status import answer_ready
from Backend.watching.pretend import (
    STILL_S,
    PretendedEngine,
    a_service,
    put,
    write_nifti,
    write_study,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_what_arrives_is_segmented_once(folder: Path, out: Path) -> None:
    with a_service(out, folder) as running:
        write_nifti(folder / "a.nii.gz")
        write_study(folder / "study")
        running.until_done(2)

        assert len(running.results) == 2
        assert len(running.engine.ran) == 2
        assert running.service is not None
        assert answer_ready(running.service.status).reasons == ()


def test_a_restart_repeats_nothing_and_takes_what_came_meanwhile(folder: Path, out: Path) -> None:
    with a_service(out, folder) as running:
        write_nifti(folder / "a.nii.gz")
        running.until_done(1)
    write_nifti(folder / "b.nii.gz")

    with a_service(out, folder) as running:
        running.until_done(2)

        assert running.engine.ran == ["b"]


def test_what_is_known_is_not_even_looked_through_after_a_restart(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(folder / "study")
    with a_service(out, folder) as running:
        running.until_done(1)
    monkeypatch.setattr(intake_module, "find_cohort", lambda *_: pytest.fail("it was"))

    with a_service(out, folder) as running:
        running.until_idle()
        assert running.list_problems() == []


def test_without_its_journal_all_is_looked_through_again(folder: Path, out: Path) -> None:
    write_nifti(folder / "a.nii.gz")
    with a_service(out, folder) as running:
        running.until_done(1)
    for path in out.glob("journal.sqlite*"):
        path.unlink()

    with a_service(out, folder) as running:
        running.until_done(1)


def test_a_case_under_way_is_given_back_and_done_after_a_restart(folder: Path, out: Path) -> None:
    write_nifti(folder / "a.nii.gz")
    with a_service(out, folder, engine=PretendedEngine(is_slow=True)) as running:
        running.until(lambda: running.counts[State.RUNNING] == 1)
        running.give_up.set()
        running.stop.set()
    assert running.counts[State.WAITING] == 1

    with a_service(out, folder) as running:
        running.until_done(1)


def test_a_service_that_is_stopped_lets_cases_under_way_end(folder: Path, out: Path) -> None:
    engine = PretendedEngine(is_slow=True)
    for name in "abc":
        write_nifti(folder / f"{name}.nii.gz")
    with a_service(out, folder, engine=engine) as running:
        running.until(lambda: running.counts[State.RUNNING] == 2 and running.counts[State.WAITING])
        running.stop.set()
        running.until(lambda: "stopping" in str(running.service.status.troubles))
        engine.release()

    assert running.counts[State.DONE] == 2
    assert running.counts[State.WAITING] == 1


def test_a_study_that_grows_adds_a_case(folder: Path, out: Path) -> None:
    with a_service(out, folder, series="all") as running:
        write_study(folder / "study", series=1, n=1)
        running.until_done(1)
        write_study(folder / "study", series=2, n=2)
        running.until_done(2)

        assert len(set(running.engine.ran)) == 2
        assert len(running.results) == 2


def test_a_file_that_is_replaced_is_segmented_again(folder: Path, out: Path) -> None:
    with a_service(out, folder) as running:
        write_nifti(folder / "a.nii.gz")
        running.until_done(1)
        write_nifti(folder / "a.nii.gz", brighter=40)
        running.until(lambda: running.engine.ran == ["a", "a"])
        running.until_done(1)

        assert running.results == ["a"]


def test_a_file_that_is_replaced_under_way_is_segmented_again(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "_AGAIN_S", 0.05)
    engine = PretendedEngine(is_slow=True)
    with a_service(out, folder, engine=engine) as running:
        write_nifti(folder / "a.nii.gz")
        running.until(lambda: running.counts[State.RUNNING] == 1)
        write_nifti(folder / "a.nii.gz", brighter=40)
        running.until(lambda: running.metrics.arrivals._value.get() == 2)
        time.sleep(STILL_S)
        assert running.counts[State.RUNNING] == 1
        engine.release()

        running.until(lambda: engine.ran == ["a", "a"])
        running.until_done(1)


def test_a_file_that_was_damaged_and_is_whole_now_is_segmented(folder: Path, out: Path) -> None:
    with a_service(out, folder) as running:
        put(folder / "a.nii.gz", b"junk")
        running.until(lambda: running.counts[State.QUARANTINED] == 1)
        write_nifti(folder / "a.nii.gz")
        running.until_done(1)

        assert running.counts[State.QUARANTINED] == 0


def test_the_same_bytes_again_are_not_segmented_again(folder: Path, out: Path) -> None:
    with a_service(out, folder) as running:
        write_study(folder / "study")
        running.until_done(1)
        kept = (folder / "study").rename(folder.parent / "kept")
        running.until_idle()
        part = shutil.copytree(kept, folder / ".study", copy_function=shutil.copy)
        for path in part.rglob("*.dcm"):
            os.utime(path)
        part.rename(folder / "study")
        running.until_idle()
        running.until(lambda: running.metrics.arrivals._value.get() >= 2)
        running.until_idle()

        assert len(running.engine.ran) == 1

    with a_service(out, folder) as running:
        running.until_idle()
        assert running.engine.ran == []


def test_two_files_of_one_name_are_two_cases(folder: Path, out: Path) -> None:
    for name in ("one", "two"):
        (folder / name).mkdir()
        write_nifti(folder / name / "x.nii.gz")
    for _ in range(2):
        with a_service(out, folder) as running:
            running.until_done(2)
            assert len(running.results) == 2


def test_what_is_no_scan_is_set_aside_with_its_reason(folder: Path, out: Path) -> None:
    with a_service(out, folder) as running:
        put(folder / "notes.txt", b"no scan")
        put(folder / "empty.nii.gz", b"")
        put(folder / "junk.nii.gz", b"junk")
        running.until(lambda: running.counts[State.QUARANTINED] + len(running.list_problems()) == 3)
        write_nifti(folder / "a.nii.gz")
        running.until_done(1)

        assert running.metrics.refused._value.get() == 3
        assert any("no known format" in text for text in running.list_problems())


def test_what_is_no_scan_may_have_a_name_that_is_no_text(folder: Path, out: Path) -> None:
    with a_service(out, folder) as running:
        (folder / ".new").mkdir()
        (folder / ".new" / "notes.txt").write_bytes(b"no scan")
        (folder / ".new").rename(folder / os.fsdecode(b"M\xfcller"))
        write_nifti(folder / "a.nii.gz")
        running.until(lambda: len(running.list_problems()) == 1)
        running.until_done(1)


def test_a_bug_over_one_arrival_does_not_end_the_service(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = intake_module.find_cohort

    def stumble(paths: list[Path], **more: object) -> object:
        if paths[0].name.startswith("bad"):
            raise KeyError(paths)
        return find(paths, **more)

    monkeypatch.setattr(intake_module, "find_cohort", stumble)
    with a_service(out, folder) as running:
        write_nifti(folder / "bad.nii.gz")
        write_nifti(folder / "good.nii.gz")
        running.until_done(1)

        assert "This is a bug" in running.list_problems()[0]


def test_a_single_slice_is_sent_for_its_study(folder: Path, out: Path) -> None:
    with a_service(out, folder) as running:
        write_study(folder.parent / "elsewhere")
        first = min((folder.parent / "elsewhere").rglob("*.dcm"))
        put(folder / "slice.dcm", first.read_bytes())
        running.until(lambda: len(running.list_problems()) == 1)

        assert "all images of a study into one folder" in running.list_problems()[0]


def test_a_scan_that_kills_workers_is_quarantined_and_others_go_on(folder: Path, out: Path) -> None:
    engine = PretendedEngine()
    engine.poison.add("bad")
    with a_service(out, folder, engine=engine) as running:
        write_nifti(folder / "bad.nii.gz")
        running.until(lambda: running.counts[State.QUARANTINED] == 1)
        write_nifti(folder / "good.nii.gz")
        running.until_done(1)

        assert engine.ran.count("bad") == 3


def test_results_of_earlier_runs_are_sent_and_none_twice(folder: Path, out: Path) -> None:
    taken: list[str] = []

    def send(files: Sequence[Path]) -> None:
        taken.extend(path.parent.name for path in files)

    write_nifti(folder / "a.nii.gz")
    with a_service(out, folder) as running:
        running.until_done(1)
    for name in ("b", "c"):
        write_nifti(folder / f"{name}.nii.gz")
        with a_service(out, folder, send=send) as running:
            running.until(lambda name=name: name in taken)
            running.until(lambda: running.service.status.unsent == 0)

    assert sorted(taken) == ["a", "b", "c"]
