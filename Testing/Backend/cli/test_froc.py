"""`atlastumor froc` from end to end, on cohorts whose curve can be worked out by hand."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from atlastumor.cli import main
from atlastumor.detection.operating_point import load_operating_points
from atlastumor.detection.sweep_files import load_sweep
from atlastumor.models.card import DEFAULT_MODEL, find_card

from ..batch.cohorts import SHAPE, labels, write_labels
from .froc_cohorts import CURVE, LESION, Folders, make_cohort


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


@pytest.fixture
def a_cohort(folders: Folders) -> Folders:
    return make_cohort(folders)


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


def test_false_positives_are_listed_by_size(a_cohort: Folders) -> None:
    # At 0.3 three scans have one of 8 voxels, 48 mm3: a ball of 2.3 mm radius.
    assert a_cohort.froc() == 0

    rows = (a_cohort.output / "false-positives.csv").read_text().splitlines()
    assert rows[1] == "liver,0.300000012,0,3,3,0.750000"
    assert [row.split(",")[-2] for row in rows[2:]] == ["0"] * 7
    sizes = a_cohort.read("report.json")["organs"]["liver"]["false_positives_by_radius"]
    assert sizes["<= 3 mm"] == 3


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
    sweep = load_sweep(a_cohort.output / "sweeps" / "b-liver.npz")
    assert (sweep.case, sweep.organ) == ("b", "liver")
    assert sweep.thresholds == pytest.approx([0.7, 0.6])


def test_figures_are_drawn_unless_they_are_not_wanted(a_cohort: Folders) -> None:
    words = [a_cohort.predictions, a_cohort.references, "-o", a_cohort.output, "--bootstrap", 20]
    assert main([str(word) for word in ("froc", *words, "--workers", 1)]) == 0

    names = {path.name for path in a_cohort.output.iterdir() if path.is_file()}
    assert names == {
        "false-positives.csv",
        "froc.csv",
        "froc-liver.svg",
        "froc-liver.png",
        "operating-points.json",
        "report.json",
        "result.json",
    }


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
