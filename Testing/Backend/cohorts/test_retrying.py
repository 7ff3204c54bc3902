"""What was set aside, tried again: found where it was, and nothing done twice."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from atlastumor.cli import main
from atlastumor.cohorts import make_settings, retry_failed, run_batch
from atlastumor.cohorts.rows import State
from atlastumor.errors import InputError
from Backend.cohorts.simulated import Simulated, fail, make_cases, read, work
from Backend.cohorts.tiny import TINY, write_model


@pytest.fixture(scope="module")
def a_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a network that takes no time."""
    return write_model(tmp_path_factory.mktemp("models"))


def test_what_a_service_set_aside_is_tried_again_where_it_lies(
    a_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(model=TINY, models_dir=a_model)  # a service has no inputs to look for
    refusing = Simulated({"c00001": [fail(InputError("It is no CT."))]})
    work(tmp_path, make_cases(3), refusing, settings=settings)
    again, shared = Simulated(), []

    def open_cluster(*_: object, inputs: list[str], **__: object) -> Simulated:
        shared.extend(inputs)
        return again

    monkeypatch.setattr("atlastumor.cli.batch.open_cohort_cluster", open_cluster)

    assert main(["batch", "retry-failed", str(tmp_path)]) == 0
    assert again.handed_out == ["c00001"]
    assert shared == ["/scans"]


def test_what_failed_is_found_again_from_another_folder(
    a_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "years [1-9]"
    for name in ("scans/a.nii.gz", "more/b.nii.gz"):
        (home / name).parent.mkdir(parents=True)
        (home / name).touch()
    settings = make_settings(model=TINY, models_dir=a_model)
    monkeypatch.chdir(home)
    refusing = Simulated({"a": [fail(InputError("It is no CT."))]})
    run_batch(["scans", "m*/*.nii.gz"], tmp_path / "out", settings, executor=refusing)
    monkeypatch.chdir(tmp_path)
    again = Simulated()

    summary = retry_failed(tmp_path / "out", executor=again)

    assert again.handed_out == ["a"]
    assert summary.is_complete


def test_a_retry_whose_inputs_are_away_leaves_all_as_it_is(a_model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.nii.gz").touch()
    settings = make_settings(model=TINY, models_dir=a_model)
    refusing = Simulated({"a": [fail(InputError("It is no CT."))]})
    run_batch([tmp_path / "in"], tmp_path / "out", settings, executor=refusing)
    (tmp_path / "in").rename(tmp_path / "away")

    with pytest.raises(InputError):
        retry_failed(tmp_path / "out", executor=Simulated())

    with read(tmp_path / "out") as journal:
        assert journal.count()[State.QUARANTINED] == 1


def test_that_it_was_gone_is_no_failure_and_costs_no_result(tmp_path: Path) -> None:
    first, second = make_cases(2)
    work(tmp_path, [first, second], Simulated())
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:  # killed before it said so
        connection.execute("UPDATE cases SET state = 'running', outcome = NULL")
    connection.close()
    work(tmp_path, [second], Simulated())
    with read(tmp_path) as journal:
        assert journal.count()[State.QUARANTINED] == 1
    again = Simulated()

    work(tmp_path, [first, second], again)

    assert again.handed_out == []
    with read(tmp_path) as journal:
        assert [row.failures for row in journal.rows(State.DONE)] == [0, 0]


def test_what_earlier_runs_did_says_nothing_of_the_time_left(
    a_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = make_settings(model=TINY, models_dir=a_model)
    work(tmp_path, make_cases(10), Simulated(), settings=settings, most=9)
    monkeypatch.setattr("atlastumor.cli.batch.open_cohort_cluster", lambda *_, **__: Simulated())

    assert main(["batch", "retry-failed", str(tmp_path), "--json-progress"]) == 0

    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first = next(one for one in said if one["event"] == "progress" and one["fraction"] > 0)
    assert (first["fraction"], first["seconds_left"]) == (0.9, None)


def test_a_retry_before_any_case_was_found_says_so(a_model: Path, tmp_path: Path) -> None:
    work(tmp_path, [], Simulated(), settings=make_settings(model=TINY, models_dir=a_model))

    with pytest.raises(InputError, match="has no case yet"):
        retry_failed(tmp_path, executor=Simulated())
