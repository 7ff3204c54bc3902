"""`atlastumor froc` from end to end, on cohorts whose curve can be worked out by hand."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlastumor.cli import main
from atlastumor.detection.case_sweep import CaseSweep
from atlastumor.detection.operating_point import load_operating_points
from atlastumor.models.card import DEFAULT_MODEL, find_card

from ..batch.cohorts import SHAPE, block, empty, labels, write_labels, write_map

LESION = block((1, 1, 1), (3, 3, 3))  # 8 voxels of 6 mm3, in the liver's half
ELSEWHERE = block((8, 6, 4), (10, 8, 6))
SPECK = block((5, 9, 7), (6, 10, 8))  # 6 mm3 is no candidate

# Case: probability in the lesion and elsewhere, and whether the lesion is there.
LIVERS = {
    "a": (0.8, 0.4, True),
    "b": (0.6, 0.7, True),
    "c": (0.3, 0.0, True),
    "d": (0.0, 0.5, False),
}
CURVE = """organ,threshold,sensitivity,fp_per_scan,tp,fp,n_lesions,n_scans
liver,0.800000012,0.333333,0.000000,1,0,3,4
liver,0.699999988,0.333333,0.250000,1,1,3,4
liver,0.600000024,0.666667,0.250000,2,1,3,4
liver,0.5,0.666667,0.500000,2,2,3,4
liver,0.400000006,0.666667,0.750000,2,3,3,4
liver,0.300000012,1.000000,0.750000,3,3,3,4
"""


class Folders:
    """Predictions, references and output of one test."""

    def __init__(self, root: Path) -> None:
        self.predictions, self.references = root / "predictions", root / "references"
        self.output = root / "out"

    def add(self, case: str, probability: np.ndarray, tumor: np.ndarray) -> None:
        write_map(self.predictions, case, "liver", probability)
        write_labels(self.references, case, labels(liver_tumor=tumor))

    def froc(self, *words: object) -> int:
        fast = ("--bootstrap", 20, "--workers", 1, "--no-figures")
        folders = (self.predictions, self.references, "-o", self.output)
        return main([str(word) for word in ("froc", *folders, *fast, *words)])

    def read(self, name: str) -> Any:
        return json.loads((self.output / name).read_text(encoding="utf-8"))


def a_map(in_lesion: float, elsewhere: float) -> np.ndarray:
    probability = np.zeros(SHAPE, np.float32)
    probability[LESION] = in_lesion
    probability[ELSEWHERE] = elsewhere
    probability[SPECK] = 0.99
    return probability


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


@pytest.fixture
def a_cohort(folders: Folders) -> Folders:
    for case, (in_lesion, elsewhere, has_lesion) in LIVERS.items():
        folders.add(case, a_map(in_lesion, elsewhere), LESION if has_lesion else empty())
    return folders


def test_the_curve_is_the_one_worked_out_by_hand(a_cohort: Folders) -> None:
    assert a_cohort.froc() == 0

    assert (a_cohort.output / "froc.csv").read_text() == CURVE


def test_the_target_is_reached_with_the_fewest_false_positives(a_cohort: Folders) -> None:
    assert a_cohort.froc("--target-sensitivity", 0.6) == 0

    liver = a_cohort.read("report.json")["organs"]["liver"]
    assert liver["choice"]["point"]["threshold"] == pytest.approx(0.6)
    assert liver["choice"]["point"]["fp_per_scan"] == 0.25
    assert liver["choice"]["point"]["fp_per_clear_scan"] == 0.0
    assert liver["patients"]["sensitivity_location_free"]["n_hit"] == 2
    assert liver["patients"]["specificity"]["value"] == 1.0
    assert liver["sensitivity_at_fp_per_scan"]["0.25"] == pytest.approx(2 / 3)
    assert liver["sizes"]["tiny"]["n_total"] == 3  # 48 mm3 is a ball of 2.3 mm radius


def test_the_operating_point_says_what_it_is_worth(a_cohort: Folders) -> None:
    assert a_cohort.froc("--model", DEFAULT_MODEL, "--data-set", "by hand") == 0

    (point,) = load_operating_points(a_cohort.output / "operating-points.json")
    assert point.threshold == np.float32(0.3)
    assert (point.model_id, point.data_set, point.organ) == (DEFAULT_MODEL, "by hand", "liver")
    assert point.weights_sha256 == find_card(DEFAULT_MODEL).weights.sha256
    assert (point.sensitivity, point.fp_per_scan) == (1.0, 0.75)
    assert (point.n_lesions, point.n_scans) == (3, 4)
    assert "IoU >= 0.10" in point.hit_text


def test_every_definition_stands_beside_the_numbers(
    a_cohort: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    assert a_cohort.froc("--hit", "coverage=0.5", "--strict", "--min-volume-mm3", 40) == 0

    definitions = a_cohort.read("report.json")["definitions"]
    assert definitions["hit_rule"]["name"] == "coverage"
    assert definitions["hit_rule"]["threshold"] == 0.5
    assert definitions["false_positives"] == "strict"
    assert definitions["min_volume_mm3"] == 40.0
    assert definitions["hit_rule"]["text"] in capsys.readouterr().out


def test_the_least_volume_decides_what_counts(a_cohort: Folders) -> None:
    # A speck of 6 mm3 becomes a candidate in every case, and lies nowhere near a lesion.
    assert a_cohort.froc("--min-volume-mm3", 5) == 0

    first = (a_cohort.output / "froc.csv").read_text().splitlines()[1]
    assert first == "liver,0.99000001,0.000000,1.000000,0,4,3,4"


def test_sweeps_are_kept_for_the_panel(a_cohort: Folders) -> None:
    assert a_cohort.froc() == 0

    names = sorted(path.name for path in (a_cohort.output / "sweeps").iterdir())
    assert names == [f"{case}-liver.npz" for case in "abcd"]
    sweep = CaseSweep.load(a_cohort.output / "sweeps" / "b-liver.npz")
    assert (sweep.case, sweep.organ) == ("b", "liver")
    assert sweep.thresholds == pytest.approx([0.7, 0.6])


def test_figures_are_drawn_unless_they_are_not_wanted(a_cohort: Folders) -> None:
    words = [a_cohort.predictions, a_cohort.references, "-o", a_cohort.output, "--bootstrap", 20]
    assert main([str(word) for word in ("froc", *words, "--workers", 1)]) == 0

    names = {path.name for path in a_cohort.output.iterdir() if path.is_file()}
    assert names == {
        "froc.csv",
        "froc-liver.svg",
        "froc-liver.png",
        "operating-points.json",
        "report.json",
        "result.json",
    }


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

    assert "None of 2 cases can be used. The first: nan: liver: " in capsys.readouterr().err
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


def test_label_maps_give_one_point_and_nothing_to_choose(
    folders: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    write_labels(folders.predictions, "a", labels(liver_tumor=LESION))
    write_labels(folders.references, "a", labels(liver_tumor=LESION))

    assert folders.froc("--organs", "liver") == 0

    assert "liver,1,1.000000,0.000000,1,0,1,1" in (folders.output / "froc.csv").read_text()
    assert folders.read("operating-points.json")["points"] == []
    assert "label maps" in capsys.readouterr().err


def test_several_processes_give_the_same_bytes(a_cohort: Folders, tmp_path: Path) -> None:
    a_cohort.add("nan", np.full(SHAPE, np.nan, np.float32), LESION)
    assert a_cohort.froc() == 0
    alone = {p.name: p.read_bytes() for p in a_cohort.output.iterdir() if p.suffix == ".csv"}

    a_cohort.output = tmp_path / "together"
    assert a_cohort.froc("--workers", 2) == 0

    assert {p.name: p.read_bytes() for p in a_cohort.output.iterdir() if p.name in alone} == alone
    assert not multiprocessing.active_children()
    assert len(list((a_cohort.output / "sweeps").iterdir())) == 4


def test_a_result_is_replaced_whole(a_cohort: Folders) -> None:
    assert a_cohort.froc() == 0
    for folder in (a_cohort.predictions, a_cohort.references):
        (folder / "a").rename(folder / "z")

    assert a_cohort.froc() == 0

    names = {path.name for path in (a_cohort.output / "sweeps").iterdir()}
    assert names == {f"{case}-liver.npz" for case in "bcdz"}


def test_json_progress_rises_and_ends_in_the_result(
    a_cohort: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    a_cohort.add("nan", np.full(SHAPE, np.nan, np.float32), LESION)

    assert a_cohort.froc("--json-progress") == 0

    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fractions = [one["fraction"] for one in said if one["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert said[-1]["event"] == "result"
    assert [problem["case"] for problem in said[-1]["problems"]] == ["nan"]
    assert all(Path(file).is_file() for file in said[-1]["files"])


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
