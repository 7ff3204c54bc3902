"""What the runner makes of cases that end, fail, are lost, or come twice."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from atlastumor.cohorts.case import CohortCase
from atlastumor.cohorts.folder import CohortFolder
from atlastumor.cohorts.journal import Journal
from atlastumor.cohorts.outcome import CaseOutcome
from atlastumor.cohorts.resuming import open_journal, take_up
from atlastumor.cohorts.rows import State
from atlastumor.cohorts.running import LOST
from atlastumor.cohorts.settings import BatchSettings
from atlastumor.cohorts.verifying import verify_result
from atlastumor.cohorts.working import CaseTask
from atlastumor.errors import DeviceError, InputError, OutOfMemoryError, OutputError, WeightsError
from atlastumor.executors import Ended
from Backend.cohorts.simulated import (
    Simulated,
    end,
    fail,
    finish,
    lose,
    make_cases,
    read,
    work,
    write_small,
)


def states(out: Path) -> dict[str, State]:
    with read(out) as journal:
        return {row.case.id: row.state for row in journal.rows()}


def test_every_case_ends_once_and_lies_whole_in_its_place(tmp_path: Path) -> None:
    ends = work(tmp_path / "out", make_cases(5), Simulated())

    assert sorted(one.id for one in ends) == [f"c{k:05d}" for k in range(5)]
    assert {one.state for one in ends} == {State.DONE}
    for one in ends:
        assert verify_result(tmp_path / "out" / "cases" / one.id).case_id == one.id
    assert not (tmp_path / "out" / ".staging").exists()


def test_refused_input_is_final_and_the_others_go_on(tmp_path: Path) -> None:
    executor = Simulated({"c00001": [fail(InputError("It is no CT."))]})

    work(tmp_path, make_cases(3), executor)

    assert states(tmp_path)["c00001"] is State.QUARANTINED
    assert executor.handed_out.count("c00001") == 1
    with read(tmp_path) as journal:
        (row,) = journal.rows(State.QUARANTINED)
        assert (row.reason, row.kind) == ("It is no CT.", "InputError")
        assert journal.count()[State.DONE] == 2


@pytest.mark.parametrize(
    "trouble",
    [lose, fail(OutOfMemoryError("5 GB more")), fail(RuntimeError("odd")), fail(OSError(5, "io"))],
)
def test_what_may_pass_is_tried_again_after_all_others(tmp_path: Path, trouble: object) -> None:
    executor = Simulated({"c00000": [trouble, trouble]})  # type: ignore[list-item]

    work(tmp_path, make_cases(4), executor)

    assert set(states(tmp_path).values()) == {State.DONE}
    assert executor.handed_out[-1] == "c00000"
    assert executor.handed_out.count("c00000") == 3


def test_a_case_that_kills_its_workers_is_alone_at_its_last_chance(tmp_path: Path) -> None:
    executor = Simulated({"c00000": [lose] * 3, "c00001": [lose, lose, finish]})

    work(tmp_path, make_cases(4), executor)

    assert states(tmp_path)["c00000"] is State.QUARANTINED
    assert states(tmp_path)["c00001"] is State.DONE
    assert executor.beside[-2:] == [0, 0]
    with read(tmp_path) as journal:
        assert next(journal.rows(State.QUARANTINED)).kind == LOST


@pytest.mark.parametrize("error", [OutputError("The disk is full."), WeightsError("Altered.")])
def test_what_no_case_would_fare_better_with_stops_the_run(
    tmp_path: Path, error: Exception
) -> None:
    executor = Simulated({"c00002": [fail(error)]})

    with pytest.raises(type(error), match=str(error)):
        work(tmp_path, make_cases(5), executor)

    assert states(tmp_path)["c00002"] is State.WAITING
    assert State.RUNNING not in states(tmp_path).values()
    work(tmp_path, make_cases(5), Simulated())
    assert set(states(tmp_path).values()) == {State.DONE}


def test_a_device_that_fails_every_case_stops_the_run(tmp_path: Path) -> None:
    executor = Simulated({f"c{k:05d}": [fail(DeviceError("No GPU."))] * 9 for k in range(40)})

    with pytest.raises(DeviceError, match="No GPU"):
        work(tmp_path, make_cases(40), executor)

    assert State.QUARANTINED not in states(tmp_path).values()


def test_a_late_result_of_a_worker_that_was_given_up_is_not_looked_at(tmp_path: Path) -> None:
    executor = Simulated()
    tasks: list[CaseTask] = []

    def be_cut_off(task: CaseTask) -> Ended:
        tasks.append(task)
        return end(task, is_lost=True)

    def come_late(task: CaseTask) -> Ended:
        late = write_small(tasks[0])
        executor.late.append(end(tasks[0], value=late))
        return finish(task)

    executor = Simulated({"c00000": [be_cut_off, come_late]})
    ends = work(tmp_path, make_cases(2), executor)

    assert [one.id for one in ends if one.state is State.DONE].count("c00000") == 1
    outcome = verify_result(tmp_path / "cases" / "c00000")
    assert outcome.token != tasks[0].token
    with read(tmp_path) as journal:
        row = journal.find("c00000")
        assert row is not None
        assert row.token == outcome.token


def test_a_worker_that_left_out_a_file_is_not_believed(tmp_path: Path) -> None:
    def forget(task: CaseTask) -> Ended:
        ended = finish(task)
        (task.staging / "labels.nii.gz").unlink()
        return ended

    work(tmp_path, make_cases(1), Simulated({"c00000": [forget]}))

    assert set(states(tmp_path).values()) == {State.DONE}
    verify_result(tmp_path / "cases" / "c00000")


# Taking up again.


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    work(tmp_path, make_cases(5), Simulated(), most=3)
    again = Simulated()

    work(tmp_path, make_cases(5), again)

    assert sorted(again.handed_out) == ["c00003", "c00004"]


def test_a_result_whose_runner_was_killed_before_it_said_so_is_adopted(tmp_path: Path) -> None:
    work(tmp_path, make_cases(2), Simulated())
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("UPDATE cases SET state = 'running', outcome = NULL")
    connection.close()
    again = Simulated()

    work(tmp_path, make_cases(2), again)

    assert again.handed_out == []
    with read(tmp_path) as journal:
        assert all(row.outcome is not None for row in journal.rows(State.DONE))
        assert journal.count()[State.DONE] == 2


@pytest.mark.parametrize("name", ["labels.nii.gz", "result.json", "case.json"])
def test_a_result_that_is_not_whole_is_not_adopted(tmp_path: Path, name: str) -> None:
    work(tmp_path, make_cases(1), Simulated())
    (tmp_path / "cases" / "c00000" / name).write_text("changed")
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("UPDATE cases SET state = 'running', outcome = NULL")
    connection.close()
    again = Simulated()

    work(tmp_path, make_cases(1), again)

    assert again.handed_out == ["c00000"]
    verify_result(tmp_path / "cases" / "c00000")


def test_a_result_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    work(tmp_path, make_cases(2), Simulated())
    CohortFolder(tmp_path).discard("c00001")
    again = Simulated()

    work(tmp_path, make_cases(2), again)

    assert again.handed_out == ["c00001"]


def test_a_changed_input_is_segmented_again(tmp_path: Path) -> None:
    work(tmp_path, make_cases(2), Simulated())
    first, second = make_cases(2)
    changed = CohortCase(second.id, second.path, None, second.size_bytes, 77)
    again = Simulated()

    work(tmp_path, [first, changed], again)

    assert again.handed_out == [second.id]
    assert verify_result(tmp_path / "cases" / second.id).modified_ns == 77


@pytest.mark.parametrize("change", [{"modified_ns": 77}, {"size_bytes": 77}])
def test_the_result_of_an_earlier_input_stays_until_there_is_a_new_one(
    tmp_path: Path, change: dict[str, int]
) -> None:
    (case,) = make_cases(1)
    work(tmp_path, [case], Simulated())
    changed = replace(case, **change)
    earlier = verify_result(tmp_path / "cases" / case.id)
    lying: list[CaseOutcome] = []

    def look(task: CaseTask) -> Ended:
        lying.append(verify_result(tmp_path / "cases" / case.id))
        return fail(RuntimeError("odd"))(task)

    with pytest.raises(OutputError):
        work(tmp_path, [changed], Simulated({case.id: [look, fail(OutputError("Full."))]}))
    work(tmp_path, [changed], Simulated({case.id: [look, fail(InputError("It is no CT."))]}))

    assert lying == [earlier, earlier]
    assert states(tmp_path) == {case.id: State.QUARANTINED}
    assert verify_result(tmp_path / "cases" / case.id) == earlier

    with Journal.open(CohortFolder(tmp_path).journal) as journal:
        journal.release()
    work(tmp_path, [changed], Simulated())

    outcome = verify_result(tmp_path / "cases" / case.id)
    assert (outcome.size_bytes, outcome.modified_ns) == (changed.size_bytes, changed.modified_ns)
    assert not (tmp_path / ".staging").exists()


def test_finished_cases_whose_input_has_changed_are_told(tmp_path: Path) -> None:
    cases = make_cases(4)
    work(tmp_path, cases, Simulated(), most=3)
    moved = replace(cases[0], path=Path("/elsewhere/0.nii"))
    now = [moved, *(replace(case, modified_ns=77) for case in cases[1:])]
    folder = CohortFolder(tmp_path)

    with folder.locked(), open_journal(folder, BatchSettings()) as journal:
        assert take_up(journal, folder, now) == (cases[1].id, cases[2].id)
        assert take_up(journal, folder, now) == ()


def test_a_moved_input_is_the_same_input(tmp_path: Path) -> None:
    (case,) = make_cases(1)
    work(tmp_path, [case], Simulated())
    moved = CohortCase(case.id, Path("/elsewhere/0.nii"), None, case.size_bytes, case.modified_ns)
    again = Simulated()

    work(tmp_path, [moved], again)

    assert again.handed_out == []
    with read(tmp_path) as journal:
        assert [row.case.path for row in journal.rows()] == [moved.path]


def test_an_input_that_is_gone_is_quarantined_until_it_is_back(tmp_path: Path) -> None:
    work(tmp_path, make_cases(3), Simulated(), most=1)
    work(tmp_path, make_cases(2), Simulated())
    with read(tmp_path) as journal:
        (row,) = journal.rows(State.QUARANTINED)
        assert row.case.id == "c00002"
        assert "no longer among the inputs" in row.reason

    work(tmp_path, make_cases(3), Simulated())

    assert set(states(tmp_path).values()) == {State.DONE}


def test_what_is_quarantined_waits_for_being_asked_for(tmp_path: Path) -> None:
    work(tmp_path, make_cases(2), Simulated({"c00001": [fail(InputError("No."))]}))
    again = Simulated()
    work(tmp_path, make_cases(2), again)
    assert again.handed_out == []

    with Journal.open(CohortFolder(tmp_path).journal) as journal:
        assert journal.release() == 1
    work(tmp_path, make_cases(2), again)

    assert again.handed_out == ["c00001"]
