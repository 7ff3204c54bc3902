"""`atlastumor realism`, as a shell runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlastumor.cli import main
from Backend.batch.realism_folders import write_both


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    real, made = write_both(tmp_path_factory.mktemp("cohorts"), n=2)
    return str(real), str(made)


def test_two_folders_are_compared(
    folders: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["realism", *folders, "-o", str(tmp_path / "out"), "--bootstrap", "20"])

    said = capsys.readouterr()
    assert code == 0
    assert "liver  4     2          too few" in said.out
    assert "report.html" in said.out
    assert json.loads((tmp_path / "out" / "realism.json").read_text())["options"] == {
        "bootstrap": 20,
        "seed": 0,
    }


def test_programs_get_one_event_per_line(
    folders: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(
        ["realism", *folders, "-o", str(tmp_path / "out"), "--bootstrap", "0", "--json-progress"]
    )

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert events[-1]["event"] == "result"
    assert events[-1]["problems"] == []
    stages = [event["stage"] for event in events if event["event"] == "progress"]
    assert stages[0] == "Measuring real tumors"
    assert stages[-1] == "Writing results"


def test_an_organ_without_tumors_is_refused_and_nothing_is_written(
    folders: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["realism", *folders, "-o", str(tmp_path / "out"), "--organs", "kidney"])

    assert code == 3
    assert "There is no tumor at all" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_output_is_checked_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    code = main(["realism", "missing", "gone", "-o", str(tmp_path)])

    assert code == 3
    assert "holds other files" in capsys.readouterr().err
