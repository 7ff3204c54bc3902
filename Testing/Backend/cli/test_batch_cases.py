"""`atlastumor batch status --cases`: every case, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlastumor.cli import main
from Backend.cohorts.made_cohorts import make_cohort, quarantine


@pytest.fixture
def a_cohort(tmp_path: Path) -> Path:
    """Two cases are done, one has failed."""
    folder = make_cohort(tmp_path / "out", ["alpha", "beta"])
    quarantine(folder, "bad", "The scan is flat.")
    return folder


def test_programs_get_an_event_for_each_case(
    a_cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["batch", "status", str(a_cohort), "--cases", "--json-progress"]) == 0

    *events, result = map(json.loads, capsys.readouterr().out.splitlines())
    assert result["event"] == "result"
    assert [(event["id"], event["state"]) for event in events] == [
        ("alpha", "done"),
        ("beta", "done"),
        ("bad", "quarantined"),
    ]
    done, failed = events[0], events[2]
    assert done["path"] == str(a_cohort.parent / "alpha.nii.gz")
    assert done["seconds"] == pytest.approx(2.62, abs=0.01)
    lines = (a_cohort / "cases" / "alpha" / "lesions.csv").read_text("utf-8").splitlines()
    assert sum(done["lesions"].values()) == len(lines) - 1 > 0
    assert failed["reason"] == "The scan is flat."
    assert failed["seconds"] is None
    assert failed["lesions"] == {}


def test_people_get_a_table(a_cohort: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", "status", str(a_cohort), "--cases"]) == 0

    head, first, _second, failed = capsys.readouterr().out.splitlines()
    assert head.split() == ["case", "state", "seconds", "lesions", "reason"]
    assert first.startswith("alpha  done")
    assert failed.endswith("The scan is flat.")


def test_a_result_that_cannot_be_read_is_said(
    a_cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (a_cohort / "cases" / "beta" / "result.json").unlink()

    assert main(["batch", "status", str(a_cohort), "--cases"]) == 0

    assert "Its result cannot be read." in capsys.readouterr().out.splitlines()[2]
