"""`atlastumor froc` where a case, the cohort, the words or the end are not as they should be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from atlastumor.detection.operating_point import load_operating_points

from ..batch.cohorts import SHAPE, empty, write_labels, write_map
from .froc_cohorts import CURVE, LESION, LIVERS, Folders, a_map, make_cohort


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


@pytest.fixture
def a_cohort(folders: Folders) -> Folders:
    return make_cohort(folders)


def test_defective_cases_are_reported_and_the_rest_counts(
    a_cohort: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    with_nan = a_map(0.5, 0.5)
    with_nan[0, 0, 0] = np.nan
    a_cohort.add("nan", with_nan, LESION)
    a_cohort.add("percent", 100 * a_map(0.5, 0.5), LESION)
    a_cohort.add("cropped", a_map(0.5, 0.5)[:-1], LESION)
    a_cohort.add("classes", a_map(0.5, 0.5), LESION)
    write_labels(a_cohort.references, "classes", np.full(SHAPE, 99, np.uint8))
    write_map(a_cohort.predictions, "lonely", "liver", a_map(0.5, 0.5))

    assert a_cohort.froc() == 0

    assert (a_cohort.output / "froc.csv").read_text() == CURVE
    problems = {p["case"]: p["message"] for p in a_cohort.read("report.json")["problems"]}
    assert set(problems) == {"nan", "percent", "cropped", "classes", "lonely"}
    assert "NaN" in problems["nan"]
    assert "[0, 1]" in problems["percent"]
    assert "11 x 10 x 8" in problems["cropped"]
    assert "99" in problems["classes"]
    assert "no reference" in problems["lonely"]
    said = capsys.readouterr().err
    assert all(f"{case}: " in said for case in problems)


def test_a_cohort_without_any_usable_case_is_an_error_and_leaves_nothing(
    folders: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    folders.add("nan", np.full(SHAPE, np.nan, np.float32), LESION)
    folders.add("percent", 100 * a_map(0.5, 0.5), LESION)

    assert folders.froc() == 3

    *notes, last = capsys.readouterr().err.splitlines()
    assert "None of 2 cases can be used. The first: nan: liver: " in last
    assert not [note for note in notes if note.startswith("nan:")]
    assert [note for note in notes if note.startswith("percent:")]
    assert not folders.output.exists()


def test_one_case_is_a_cohort_without_intervals(folders: Folders) -> None:
    folders.add("a", a_map(0.8, 0.4), LESION)

    assert folders.froc() == 0

    point = folders.read("report.json")["organs"]["liver"]["choice"]["point"]
    assert point["threshold"] == pytest.approx(0.8)
    assert point["sensitivity_interval"] is None


def test_a_cohort_without_lesions_has_no_threshold(
    folders: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    for case in "de":
        folders.add(case, a_map(0.0, 0.5), empty())

    assert folders.froc() == 0

    assert "liver: The cohort has no lesions" in capsys.readouterr().err
    assert (folders.output / "froc.csv").read_text().splitlines()[1:] == [
        "liver,0.5,,1.000000,0,2,0,2"
    ]
    assert folders.read("operating-points.json")["points"] == []


def test_an_unreachable_target_is_an_answer(
    folders: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    folders.add("a", a_map(0.8, 0.4), LESION)
    folders.add("b", a_map(0.0, 0.4), LESION)

    assert folders.froc() == 0

    assert "Unreachable: sensitivity >= 0.9; best 50.0% at threshold 0.8" in capsys.readouterr().err
    assert folders.read("operating-points.json")["points"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("--target-sensitivity", "90"),
        ("--target-sensitivity", "0"),
        ("--hit", "nearby"),
        ("--hit", "coverage=much"),
        ("--hit", "peak=0.5"),
        ("--hit", "coverage=0.123"),
        ("--organs", "spleen"),
        ("--workers", "0"),
        ("--bootstrap", "some"),
    ],
    ids=" ".join,
)
def test_bad_usage_ends_in_two_with_one_line(
    words: tuple[str, ...], a_cohort: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    assert a_cohort.froc(*words) == 2

    assert capsys.readouterr().err.count("\n") == 1
    assert not a_cohort.output.exists()


@pytest.mark.parametrize("words", [("--floor", "0"), ("--min-volume-mm3", "-3")], ids=" ".join)
def test_options_out_of_range_end_in_three(
    words: tuple[str, ...], a_cohort: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    assert a_cohort.froc(*words) == 3

    assert words[1].strip("-") in capsys.readouterr().err
    assert not a_cohort.output.exists()


def record_model(folder: Path, model_id: str, sha256: str) -> None:
    provenance = {"model_id": model_id, "weights_sha256": sha256}
    record = {"findings": [{"organ": "liver"}], "provenance": provenance}
    (folder / "result.json").write_text(json.dumps(record), encoding="utf-8")


def test_the_model_is_read_from_the_records_of_the_predictions(a_cohort: Folders) -> None:
    for case in LIVERS:
        record_model(a_cohort.predictions / case, "some-v1", "ab" * 32)

    assert a_cohort.froc() == 0

    (point,) = load_operating_points(a_cohort.output / "operating-points.json")
    assert (point.model_id, point.weights_sha256) == ("some-v1", "ab" * 32)


@pytest.mark.parametrize(
    ("other", "words", "message"),
    [
        (("other-v1", "ab" * 32), (), "different models or weights"),
        (("some-v1", "cd" * 32), (), "different models or weights"),
        (("some-v1", "ab" * 32), ("--model", "other-v1"), "not 'other-v1'"),
    ],
)
def test_predictions_of_several_models_are_refused(
    other: tuple[str, str],
    words: tuple[str, ...],
    message: str,
    a_cohort: Folders,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record_model(a_cohort.predictions / "a", "some-v1", "ab" * 32)
    record_model(a_cohort.predictions / "b", *other)

    assert a_cohort.froc(*words) == 3

    assert message in capsys.readouterr().err


def test_it_is_said_when_nobody_knows_the_model(
    a_cohort: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    assert a_cohort.froc() == 0
    assert "Name it with --model" in capsys.readouterr().err

    assert a_cohort.froc("--model", "unheard-of") == 0
    assert "No model 'unheard-of' is at hand" in capsys.readouterr().err


@pytest.mark.parametrize(("kill", "code"), [(signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_a_killed_run_leaves_no_half_written_result_and_no_process(
    kill: signal.Signals, code: int, a_cohort: Folders
) -> None:
    words = ["froc", a_cohort.predictions, a_cohort.references, "-o", a_cohort.output]
    library = Path(__file__).parents[3] / "AtlasTumorLib"
    with subprocess.Popen(
        [sys.executable, "-m", "atlastumor", *map(str, words), "--workers", "2", "--json-progress"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(library)},
        start_new_session=True,
    ) as process:
        for line in process.stdout:
            if "Sweeping" in line:
                process.send_signal(kill)
                break
        process.stdout.read()  # ends when the last process that holds it has ended
    assert process.returncode == code
    assert not a_cohort.output.exists()
    assert a_cohort.froc() == 0  # and what is left behind is in nobody's way
    assert not [path for path in a_cohort.output.parent.iterdir() if path.name.startswith(".")]


def run_without(package: str, folders: Folders, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an interpreter where a package is missing."""
    folder_words = [str(folders.predictions), str(folders.references), "-o", str(folders.output)]
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from atlastumor.cli import main\n"
        f"sys.exit(main({['froc', *folder_words, '--workers', '1', *words]}))"
    )
    library = Path(__file__).parents[3] / "AtlasTumorLib"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=library
    )


def test_it_runs_where_there_is_no_torch(a_cohort: Folders) -> None:
    assert run_without("torch", a_cohort, "--no-figures").returncode == 0

    assert (a_cohort.output / "froc.csv").read_text() == CURVE


def test_without_matplotlib_it_runs_without_figures_only(a_cohort: Folders) -> None:
    refused = run_without("matplotlib", a_cohort)

    assert refused.returncode == 4
    assert "pip install matplotlib; or leave the figures out" in refused.stderr
    assert not a_cohort.output.exists()
    assert run_without("matplotlib", a_cohort, "--no-figures").returncode == 0
