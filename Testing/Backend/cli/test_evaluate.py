"""`atlastumor evaluate`, as a shell runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from atlastumor.cli import main
from Backend.batch.cohorts import block, empty, labels, write_labels, write_map

LESION = block((1, 2, 2), (5, 6, 4))
CLOSE = block((2, 2, 2), (5, 6, 4))


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Case A finds its lesion, B is clear, C's sides do not fit, D has no reference."""
    for name, predicted, wanted in (
        ("A", labels(CLOSE), labels(LESION)),
        ("B", labels(empty()), labels(empty())),
        ("C", labels(CLOSE)[:-1], labels(LESION)),
    ):
        write_labels(tmp_path / "predictions", name, predicted)
        write_labels(tmp_path / "references", name, wanted)
    write_labels(tmp_path / "predictions", "D", labels(CLOSE))
    return tmp_path


def words(cohort: Path, *more: str) -> list[str]:
    folders = [str(cohort / name) for name in ("predictions", "references")]
    fast = ["--workers", "1", "--bootstrap", "50"]
    return ["evaluate", *folders, "-o", str(cohort / "out"), *fast, *more]


def test_a_cohort_is_measured_and_what_does_not_count_is_said(
    cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(words(cohort))

    said = capsys.readouterr()
    assert code == 0
    assert "liver  2      100.0% (1/1; 20.7% to 100.0%)  100.0% (1/1;" in said.out
    assert "IoU >= 0.10" in said.out
    assert said.err.splitlines() == [
        "C: liver: The prediction has 11 x 10 x 8 voxels, the reference has 12 x 10 x 8; they must "
        "lie on one grid. Resample one of them first.",
        "D: It has no reference in 'references'; add one.",
    ]
    assert {path.name for path in (cohort / "out").iterdir()} == {
        "lesions.csv",
        "metrics.csv",
        "metrics.json",
        "report.html",
        "result.json",
    }


def test_several_processes_give_the_same_numbers(cohort: Path) -> None:
    assert main(words(cohort)) == 0
    alone = (cohort / "out" / "metrics.csv").read_bytes()

    assert main(words(cohort, "--workers", "2")) == 0

    assert (cohort / "out" / "metrics.csv").read_bytes() == alone


def test_organs_can_be_named_one_by_one(cohort: Path) -> None:
    both = labels(CLOSE, empty())
    for side in ("predictions", "references"):
        write_labels(cohort / side, "B", both)

    assert main(words(cohort, "--organs", "liver", "--organs", "pancreas")) == 0

    record = json.loads((cohort / "out" / "metrics.json").read_text())
    assert set(record["organs"]) == {"liver", "pancreas"}


def test_definitions_can_be_chosen(cohort: Path) -> None:
    more = ("--hit", "best-iou=0.8", "--tolerance-mm", "0.5", "--min-volume-mm3", "10")

    assert main(words(cohort, *more, "--organs", "liver")) == 0

    record = json.loads((cohort / "out" / "metrics.json").read_text())
    assert record["options"]["hit_rule"]["threshold"] == 0.8
    assert record["options"]["tolerance_mm"] == 0.5
    assert record["options"]["min_volume_mm3"] == 10
    assert record["organs"]["liver"]["tumor_sensitivity"]["n_hit"] == 0  # an IoU of 0.75
    assert record["organs"]["liver"]["nsd"]["value"] < 1


def test_a_threshold_is_taken_of_the_probability_map(cohort: Path) -> None:
    for name in ("A", "B", "C"):
        write_map(cohort / "predictions", name, "liver", 0.2 * LESION)

    assert main(words(cohort, "--threshold", "liver=0.2")) == 0

    record = json.loads((cohort / "out" / "metrics.json").read_text())
    assert record["options"]["thresholds"] == {"liver": 0.2}
    assert record["organs"]["liver"]["dsc"]["value"] == 1.0


def test_programs_are_told_progress_results_and_problems(
    cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(words(cohort, "--json-progress"))

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0.9
    assert [problem["case"] for problem in events[-1]["problems"]] == ["C", "D"]
    assert events[-1]["event"] == "result"


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (("--organs", "spleen"), 2, "no organ 'spleen'"),
        (("--organs", ","), 2, "name at least one organ"),
        (("--hit", "luck"), 2, "no hit rule 'luck'"),
        (("--hit", "union-iou=2"), 2, "give whole hundredths"),
        (("--hit", "union-iou=half"), 2, "--hit"),
        (("--threshold", "liver=2"), 2, "P above 0 and up to 1"),
        (("--threshold", "spleen=0.5"), 2, "no organ 'spleen'"),
        (("--threshold", "liver=0.5"), 3, "None of 4 cases can be used"),
        (("--workers", "0"), 2, "whole number from 1 on"),
        (("--tolerance-mm", "-1"), 3, "The tolerance is -1.0; give 0 or more."),
        (("--min-volume-mm3", "nan"), 3, "The least volume is nan"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_a_line(
    cohort: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    code: int,
    text: str,
) -> None:
    assert main(words(cohort, *more)) == code

    assert text in capsys.readouterr().err.splitlines()[-1]
    assert not (cohort / "out").exists()


def test_a_cohort_without_one_usable_case_is_an_error_that_names_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("A", "B"):
        write_map(tmp_path / "predictions", name, "liver", np.full(LESION.shape, np.nan))
        write_labels(tmp_path / "references", name, labels(LESION))

    assert main(words(tmp_path)) == 3

    *notes, last = capsys.readouterr().err.splitlines()
    assert "None of 2 cases can be used. The first: A: liver: 'liver_tumor.nii.gz' holds" in last
    assert [note.partition(":")[0] for note in notes] == ["B"]
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_there_is_named(
    cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cohort / "references").rename(cohort / "elsewhere")

    assert main(words(cohort)) == 3
    said = capsys.readouterr().err
    assert "'references' cannot be read: no such file or directory. Give a folder of cases." in said


def test_a_result_is_not_written_over_other_files(
    cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cohort / "out").mkdir()
    (cohort / "out" / "mine.txt").write_text("kept")

    assert main(words(cohort)) == 3
    assert "holds other files" in capsys.readouterr().err
