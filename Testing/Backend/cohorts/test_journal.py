"""The journal: what it keeps, what it refuses, and how a cohort's folder is guarded."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from atlastumor.batch.cases import Problem
from atlastumor.cohorts.case import CohortCase
from atlastumor.cohorts.folder import CohortFolder
from atlastumor.cohorts.journal import JOURNAL, Journal
from atlastumor.cohorts.remaining import Pace, measure_pace
from atlastumor.cohorts.resuming import open_journal
from atlastumor.cohorts.rows import State
from atlastumor.cohorts.settings import BatchSettings, make_settings
from atlastumor.errors import InputError, OutputError, UnknownKeyError
from Backend.cohorts.simulated import Simulated, make_cases, read, work


def begin(out: Path) -> Journal:
    out.mkdir(exist_ok=True)
    return Journal.create(out / JOURNAL, BatchSettings())


def test_it_gives_back_what_it_was_given(tmp_path: Path) -> None:
    path = Path(os.fsdecode(b"/scans/caf\xe9/ct.nii"))  # no UTF-8, as old systems left it
    case = CohortCase("one", path, "1.2.3", 2**40, 2**62)
    with begin(tmp_path) as journal:
        journal.add([case])
        journal.note_problems([Problem("x.nii", "It is empty.")])
        journal.inputs = {"inputs": ["/scans"], "series": "best"}
    with Journal.read(tmp_path / JOURNAL) as journal:
        (row,) = journal.rows()
        assert row.case == case
        assert row.state is State.WAITING
        assert journal.settings == BatchSettings()
        assert journal.problems() == [Problem("x.nii", "It is empty.")]
        assert journal.inputs == {"inputs": ["/scans"], "series": "best"}


def test_reasons_may_quote_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"M\xfcller.txt")
    with begin(tmp_path) as journal:
        journal.add(make_cases(1))
        journal.note_problems([Problem(name, f"{name} is no scan.")])
        journal.fail("c00000", f"{name} is gone.", "InputError", is_final=True)

        assert journal.problems() == [Problem(r"M\udcfcller.txt", r"M\udcfcller.txt is no scan.")]
        assert [row.reason for row in journal.rows()] == [r"M\udcfcller.txt is gone."]


def test_cases_are_handed_out_in_order_and_failed_ones_last(tmp_path: Path) -> None:
    with begin(tmp_path) as journal:
        journal.add(make_cases(3))
        journal.start("c00000", "t")
        journal.fail("c00000", "Lost.", "Lost", is_final=False)
        order = []
        while (row := journal.next()) is not None:
            order.append(row.case.id)
            journal.start(row.case.id, "t")

    assert order == ["c00001", "c00002", "c00000"]


def test_others_read_while_one_writes(tmp_path: Path) -> None:
    with begin(tmp_path) as journal, Journal.read(tmp_path / JOURNAL) as reader:
        journal.add(make_cases(2))
        assert reader.count()[State.WAITING] == 2
        journal.start("c00000", "t")
        assert reader.count()[State.RUNNING] == 1


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    begin(tmp_path).__exit__(None, None, None)

    with Journal.read(tmp_path / JOURNAL) as reader, pytest.raises(OutputError, match="readonly"):
        reader.add(make_cases(1))


def test_what_is_no_batch_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no batch"):
        Journal.read(tmp_path / JOURNAL)


def spoil_bytes(path: Path) -> None:
    path.write_bytes(b"not a database, and long enough to be one" * 300)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:6000])


def swap(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()


@pytest.mark.parametrize("harm", [spoil_bytes, cut, swap])
def test_a_damaged_journal_is_refused_and_rebuilt_from_the_results(
    tmp_path: Path, harm: object
) -> None:
    work(tmp_path, make_cases(40), Simulated(), most=30)
    harm(tmp_path / JOURNAL)  # type: ignore[operator]

    with pytest.raises(InputError, match="--rebuild"):
        work(tmp_path, make_cases(40), Simulated())
    again, folder = Simulated(), CohortFolder(tmp_path)
    with folder.locked(), open_journal(folder, BatchSettings(), rebuild=True):
        pass
    work(tmp_path, make_cases(40), again)

    assert len(again.handed_out) == 10
    assert (tmp_path / f"earlier-1.{JOURNAL}").is_file()
    with read(tmp_path) as journal:
        assert journal.count()[State.DONE] == 40


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    begin(tmp_path).__exit__(None, None, None)
    with sqlite3.connect(tmp_path / JOURNAL) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(InputError, match="newer version"):
        Journal.open(tmp_path / JOURNAL)


def test_a_journal_whose_making_was_broken_off_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).touch()

    work(tmp_path, make_cases(1), Simulated())

    assert (tmp_path / "cases" / "c00000" / "result.json").is_file()


@pytest.mark.parametrize("name", ["../../escaped", "a/b", ".", "..", "a\\b", ""])
def test_an_id_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with begin(tmp_path) as journal:
        journal.add(make_cases(1))
    with sqlite3.connect(tmp_path / JOURNAL) as connection:
        connection.execute("UPDATE cases SET id = ?", (name,))
    connection.close()

    with Journal.read(tmp_path / JOURNAL) as journal, pytest.raises(InputError, match="no id"):
        list(journal.rows())


@pytest.mark.parametrize("column", ["outcome", "path"])
def test_rows_that_were_changed_are_refused(tmp_path: Path, column: str) -> None:
    with begin(tmp_path) as journal:
        journal.add(make_cases(1))
    with sqlite3.connect(tmp_path / JOURNAL) as connection:
        value = "[1]" if column == "outcome" else b"\0"
        connection.execute(f"UPDATE cases SET {column} = ?", (value,))
    connection.close()

    with Journal.read(tmp_path / JOURNAL) as journal:
        if column == "outcome":
            with pytest.raises(InputError, match="--rebuild"):
                list(journal.rows())
        else:
            assert len(list(journal.rows())) == 1


# Settings.


def test_settings_travel_as_json(tmp_path: Path) -> None:
    settings = make_settings(
        organs=["liver"], thresholds={"liver": 0.4}, models_dir=tmp_path, formats=("nifti",)
    )

    assert BatchSettings.from_dict(settings.to_dict()) == settings
    assert settings.weights_sha256
    moved = BatchSettings.from_dict(settings.to_dict() | {"models_dir": None})
    assert moved.fingerprint() == settings.fingerprint()
    assert moved.differences(settings) == []
    with pytest.raises(InputError, match="no settings"):
        BatchSettings.from_dict({"organs": 5})
    with pytest.raises(UnknownKeyError, match="spleen"):
        make_settings(organs=["spleen"])


def test_other_settings_are_refused_and_what_differs_is_said(tmp_path: Path) -> None:
    work(tmp_path, make_cases(2), Simulated(), most=1)

    with pytest.raises(InputError, match=r"mirror: false, now true.*another folder"):
        work(tmp_path, make_cases(2), Simulated(), settings=BatchSettings(mirror=True))


# The folder.


def test_two_runners_in_one_folder_are_refused(tmp_path: Path) -> None:
    folder = CohortFolder(tmp_path)
    with folder.locked():
        assert folder.is_at_work()
        with pytest.raises(OutputError, match="Another `atlastumor batch`"):
            work(tmp_path, make_cases(1), Simulated())

    assert not folder.is_at_work()


def test_a_lock_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    code = (
        "import sys, os, pathlib; from atlastumor.cohorts.folder import CohortFolder\n"
        "with CohortFolder(pathlib.Path(sys.argv[1])).locked(): os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, tmp_path], env=environment, check=False)

    assert (tmp_path / ".runner.lock").exists()
    work(tmp_path, make_cases(1), Simulated())


def test_results_within_the_input_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="lies within the input"):
        CohortFolder(tmp_path / "deep" / "out").check([tmp_path])


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(OutputError, match="holds other files"):
        CohortFolder(tmp_path).check()
    with pytest.raises(OutputError, match="is a file"):
        CohortFolder(tmp_path / "thesis.tex").check()
    with pytest.raises(OutputError, match="no folder can be made"):
        CohortFolder(Path("/proc/nowhere/out")).check()


def test_what_killed_workers_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".staging" / "c00000.abc").mkdir(parents=True)
    (tmp_path / ".staging" / "c00000.abc" / "labels.nii.gz").touch()

    work(tmp_path, make_cases(1), Simulated())

    assert not (tmp_path / ".staging").exists()


# Time.


def test_the_end_is_foreseen_from_the_latest_cases() -> None:
    pace = Pace(0.0)
    assert pace.seconds_left(10) is None
    for moment in range(1, 200):
        pace.count(float(moment) if moment <= 100 else 100.0 + 3 * (moment - 100))

    assert pace.seconds_left(10) == pytest.approx(30.0)


def test_pauses_do_not_count_in_what_the_journal_foresees(tmp_path: Path) -> None:
    with begin(tmp_path) as journal:
        journal.add(make_cases(16))
    runs = [(k, 10.0 * k) for k in range(1, 5)] + [(k, 90_000 + 10.0 * k) for k in range(5, 9)]
    with sqlite3.connect(tmp_path / JOURNAL) as connection:
        connection.executemany(
            "UPDATE cases SET state = 'done', worker = 'w', started = ?2 - 10, ended = ?2 "
            "WHERE position = ?1",
            runs,
        )
        # Adopted when the journal was made anew: that says nothing of how long cases take.
        connection.execute("UPDATE cases SET state = 'done', ended = 1e6 WHERE position > 10")
    connection.close()

    with read(tmp_path) as journal:
        assert journal.count()[State.WAITING] == 2
        assert journal.seconds_left() == pytest.approx(2 * 10.0)


def test_cases_side_by_side_end_as_often_as_they_end() -> None:
    assert measure_pace([(10.0, 40.0), (0.0, 30.0), (0.0, 20.0)]) == pytest.approx(10.0)
    assert measure_pace([(0.0, 5.0)]) is None


def test_thousands_of_cases_are_begun_and_looked_at_in_a_moment(tmp_path: Path) -> None:
    cases = make_cases(2000)
    started = time.process_time()
    work(tmp_path, cases, Simulated(), most=1)
    with read(tmp_path) as journal:
        assert journal.count()[State.WAITING] == 1999

    assert time.process_time() - started < 2.0
