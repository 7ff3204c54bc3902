"""All that is said about an organ, from counts that are written down."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest

from atlastumor.detection.summary import SummaryOptions, summarize

from .made_sweeps import RULE, MadeSweep, a_sweep, random_sweep


@pytest.fixture
def a_cohort() -> list[MadeSweep]:
    """Ten scans with a lesion, nine found at 0.5, and two clear ones, one with a false alarm."""
    ill = [a_sweep((0.5, "1", 1), (0.2, "1", 2), radii=(8.0,)) for _ in range(9)]
    missed = a_sweep((0.6, "0", 1), (0.2, "1", 1), radii=(3.0,))
    return [*ill, missed, a_sweep((0.6, "", 1)), a_sweep()]


def test_a_summary_puts_all_numbers_together(a_cohort: list[MadeSweep]) -> None:
    summary = summarize(a_cohort, RULE, options=SummaryOptions(n_samples=300))

    assert summary.choice.threshold == 0.5
    assert summary.choice.sensitivity == 0.9
    assert summary.choice.fp_per_scan == 11 / 12
    assert summary.at_fp[1.0] == 0.9
    assert summary.at_fp[2.0] == 1.0
    assert summary.sizes["tiny"].text == "0.0% (0/1; n too small)"
    assert summary.sizes["early"].n_total == 10
    assert summary.patients is not None
    assert summary.patients.sensitivity.n_hit == 10  # the missed one has a false alarm
    assert summary.patients.localized.n_hit == 9
    assert summary.patients.specificity.n_hit == 1
    assert summary.mean_sensitivity == 0.9
    assert summary.false_sizes == (11, 0, 0, 0, 0, 0, 0, 0)
    assert summary.held_out is not None
    assert summary.bands is not None
    assert summary.bands.sensitivity_interval(0.5) is not None


def test_a_summary_is_json(a_cohort: list[MadeSweep]) -> None:
    record = summarize(a_cohort, RULE, options=SummaryOptions(n_samples=50)).to_dict()

    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["choice"]["point"]["threshold"] == 0.5
    assert record["sensitivity_at_fp_per_scan"]["0.125"] == 0.0
    assert record["patients"]["specificity"]["value"] == 0.5
    assert record["false_positives_by_radius"]["<= 3 mm"] == 11
    assert sum(record["false_positives_by_radius"].values()) == 11
    low, high = record["sensitivity_at_fp_per_scan_intervals"]["1"]
    assert low < record["sensitivity_at_fp_per_scan"]["1"] <= high


def test_scans_weigh_the_same_in_the_mean_per_scan() -> None:
    cohort = [a_sweep((0.5, "1111", 0)), a_sweep((0.5, "0", 0))]

    summary = summarize(cohort, RULE, options=SummaryOptions(target=0.5, n_samples=0))

    assert summary.choice.sensitivity == 0.8
    assert summary.mean_sensitivity == 0.5


def test_a_cohort_without_lesions_has_false_positives_and_specificity_only() -> None:
    summary = summarize([a_sweep((0.5, "", 1)), a_sweep()], RULE)

    assert summary.choice.threshold is None
    assert summary.false_sizes == ()
    assert list(summary.curve.fp_per_scan) == [0.5]
    assert summary.sizes == {}
    assert math.isnan(summary.mean_sensitivity)
    assert summary.held_out is None
    json.dumps(summary.to_dict(), allow_nan=False)


def test_one_scan_has_a_curve_and_no_intervals() -> None:
    summary = summarize([a_sweep((0.5, "1", 1))], RULE)

    assert summary.choice.threshold == 0.5
    assert summary.held_out is None
    point = summary.to_dict()["choice"]["point"]
    assert point["sensitivity_interval"] is None
    assert point["fp_per_scan_interval"] is None


def test_an_unreachable_target_is_judged_at_the_best_point() -> None:
    cohort = [a_sweep((0.5, "1", 1)), a_sweep((0.5, "0", 2))]

    summary = summarize(cohort, RULE, options=SummaryOptions(n_samples=20))

    assert summary.choice.threshold is None
    assert summary.patients is not None
    assert summary.patients.localized.n_hit == 1


@pytest.mark.slow
def test_500_cases_with_1000_samples_take_seconds() -> None:
    generator = np.random.default_rng(3)
    cohort = [random_sweep(generator, 300, n % 4) for n in range(500)]
    started = time.process_time()

    summarize(cohort, RULE, options=SummaryOptions(n_samples=1000))

    assert time.process_time() - started < 10.0  # under 2 s on a free core; tests share theirs
