"""A cohort of four: its sums worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from atlastumor.batch.cohort import find_cases
from atlastumor.batch.definitions import define
from atlastumor.batch.evaluate import Evaluation, evaluate_scores
from atlastumor.batch.scoring import EvaluationOptions, OrganScore, score_case
from atlastumor.detection.rates import wilson
from atlastumor.detection.rules import find_hit_rule
from Backend.batch.cohorts import empty, labels, write_labels
from Backend.batch.evaluations import CLOSE, LESION, evaluate
from Backend.detection.made_sweeps import RULE, a_sweep


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(tmp_path_factory.mktemp("cohort"))


def test_lesions_and_scans_are_counted_apart(evaluation: Evaluation) -> None:
    liver = evaluation.organs[0]

    assert (liver.n_scans, liver.n_tumor_scans, liver.n_clear_scans) == (4, 2, 2)
    assert (liver.tumor.n_hit, liver.tumor.n_total) == (1, 2)
    assert liver.tumor.interval == wilson(1, 2)


def test_at_patient_level_a_false_positive_counts_as_found_only_if_place_does_not(
    evaluation: Evaluation,
) -> None:
    patients = evaluation.organs[0].patients

    assert (patients.sensitivity.n_hit, patients.sensitivity.n_total) == (2, 2)
    assert (patients.localized.n_hit, patients.localized.n_total) == (1, 2)
    assert (patients.specificity.n_hit, patients.specificity.n_total) == (1, 2)


def test_false_positives_are_counted_over_all_scans(evaluation: Evaluation) -> None:
    assert evaluation.organs[0].fp_per_scan.value == 0.5
    assert evaluation.organs[0].fp_per_scan.n == 4


def test_dice_is_averaged_over_scans_with_a_tumor(evaluation: Evaluation) -> None:
    dsc = evaluation.organs[0].means["dsc"]
    dice = 2 * 24 / (24 + 32)

    assert dsc.value == pytest.approx(dice / 2)  # A and B; C's 0 and D's nothing do not count
    assert dsc.sd == pytest.approx(dice / math.sqrt(2))
    assert dsc.n == 2
    assert dsc.interval == (0.0, pytest.approx(dice))


def test_a_distance_to_nothing_is_counted_as_not_defined(tmp_path: Path) -> None:
    write_labels(tmp_path / "predictions", "0", labels(empty()))
    write_labels(tmp_path / "references", "0", labels(LESION))

    hd95 = evaluate(tmp_path).organs[0].means["hd95_mm"]

    assert (hd95.n, hd95.n_without) == (2, 1)
    assert math.isfinite(hd95.value)


def test_an_organ_without_any_tumor_has_specificity_only(evaluation: Evaluation) -> None:
    pancreas = evaluation.organs[1]

    assert pancreas.organ == "pancreas"
    assert pancreas.n_scans == 1
    assert pancreas.tumor.n_total == 0
    assert math.isnan(pancreas.tumor.value)
    assert pancreas.means["dsc"].n == 0
    assert pancreas.patients.specificity.n_total == 1


def test_lesions_are_sorted_by_size(evaluation: Evaluation) -> None:
    sizes = evaluation.organs[0].sizes  # 192 mm3: a ball of 3.6 mm radius

    assert (sizes["tiny"].n_hit, sizes["tiny"].n_total) == (1, 2)
    assert sizes["early"].n_total == 2
    assert sizes["small"].n_total == 0


def test_the_bootstrap_takes_over_from_ten_lesions_on(tmp_path: Path) -> None:
    for n in range(8):
        write_labels(tmp_path / "predictions", f"more{n}", labels(CLOSE))
        write_labels(tmp_path / "references", f"more{n}", labels(LESION))

    tumor = evaluate(tmp_path).organs[0].tumor

    assert (tumor.n_hit, tumor.n_total, tumor.method) == (9, 10, "bootstrap")
    assert tumor.interval is not None
    assert tumor.interval[0] < 0.9 <= tumor.interval[1]


def test_a_share_that_is_the_same_in_every_case_has_wilsons_interval() -> None:
    sweep: Any = a_sweep((1.0, "111000", 0))
    scores = [OrganScore(case, "liver", 0.5, 0.5, 1.0, 0.0, 1.0, 1.0, sweep) for case in "AB"]

    tumor = evaluate_scores(scores, [], EvaluationOptions(rule=RULE)).organs[0].tumor

    assert (tumor.interval, tumor.method) == (wilson(6, 12), "Wilson")


def test_the_same_seed_gives_the_same_intervals(evaluation: Evaluation, tmp_path: Path) -> None:
    again = evaluate(tmp_path)

    assert repr(again.organs) == repr(evaluation.organs)


def test_one_case_has_numbers_but_no_interval_of_a_mean(tmp_path: Path) -> None:
    options = EvaluationOptions()
    write_labels(tmp_path / "predictions", "A", labels(CLOSE))
    write_labels(tmp_path / "references", "A", labels(LESION))
    (case,) = find_cases(tmp_path / "predictions", tmp_path / "references").cases

    (liver,) = evaluate_scores(score_case(case, options).scores, [], options).organs

    assert liver.means["dsc"].interval is None
    assert math.isnan(liver.means["dsc"].sd)
    assert liver.tumor.interval == wilson(1, 1)


def test_the_rule_decides_and_is_named(tmp_path: Path) -> None:
    rule = find_hit_rule("union-iou", 0.9)

    evaluation = evaluate(tmp_path, EvaluationOptions(rule=rule, n_samples=0))

    assert evaluation.organs[0].tumor.n_hit == 0
    assert "IoU >= 0.90" in define(evaluation.options)["tumor_sensitivity"]
