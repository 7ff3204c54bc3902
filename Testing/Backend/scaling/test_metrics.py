"""Metrics of rows that were counted by hand, and of samples of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlastumor.scaling.measuring import Row
from atlastumor.scaling.metrics import METRICS, list_cases, measure

NOTHING = np.zeros((0, 4), np.float32)


def row(case: str, organ: str, **more: float) -> Row:
    """A row of a scan without a tumor in which nothing is found, but for what is said."""
    fields = {"dsc": math.nan, "nsd": math.nan, "is_clear": True, "score": 0.0}
    counts = ("n_lesions", "n_found", "n_early", "n_early_found", "n_candidates", "n_false")
    return Row("a", case, organ, **{**fields, **dict.fromkeys(counts, 0), **more})


def ill(case: str, organ: str, **more: float) -> Row:
    return row(case, organ, is_clear=False, **more)


ROWS = [
    ill("one", "liver", dsc=0.8, nsd=0.6, n_lesions=3, n_found=2, n_early=2, n_early_found=1,
        n_candidates=2, score=0.9),
    ill("two", "liver", dsc=0.0, nsd=0.0, n_lesions=1, n_candidates=0, score=0.2),
    row("three", "liver", n_candidates=1, n_false=1, score=0.6),
    row("four", "liver", score=0.2),
    ill("one", "kidney", dsc=0.4, nsd=0.2, n_lesions=1, n_found=1, n_candidates=3, n_false=2,
        score=0.7),
    row("two", "kidney"),
]  # fmt: skip
LIVER = ROWS[:4]
CASES = list_cases(ROWS)


def test_every_metric_of_an_organ_is_what_one_counts_by_hand() -> None:
    found = {key: measure(LIVER, CASES, key, NOTHING)[0] for key in METRICS}

    assert found == pytest.approx(
        {
            "dsc": 0.4,
            "nsd": 0.3,
            "tumor_sensitivity": 0.5,
            "early_sensitivity": 0.5,
            "patient_sensitivity": 0.5,
            "specificity": 0.5,
            "auc": 0.625,  # 0.9 above both, 0.2 below one and level with the other
            "false_per_scan": 0.25,
        }
    )


def test_over_all_organs_each_organ_of_each_scan_counts_as_one_and_areas_are_averaged() -> None:
    found = {key: measure(ROWS, CASES, key, NOTHING)[0] for key in METRICS}

    assert found["dsc"] == pytest.approx((0.8 + 0.0 + 0.4) / 3)
    assert found["tumor_sensitivity"] == pytest.approx(3 / 5)
    assert found["specificity"] == pytest.approx(2 / 3)
    assert found["false_per_scan"] == pytest.approx(3 / 6)
    assert found["auc"] == pytest.approx((0.625 + 1.0) / 2)


@pytest.mark.parametrize("metric", METRICS)
def test_a_sample_is_what_one_gets_from_scans_that_are_there_as_often(metric: str) -> None:
    times = np.array([[2, 1, 1, 0], [0, 2, 0, 2]], np.float32)

    sampled = measure(LIVER, CASES, metric, times)[1:]

    for counts, value in zip(times, sampled, strict=True):
        copies = [
            Row(**{**vars(one), "case": f"{one.case}{k}"})
            for one, n in zip(LIVER, counts, strict=True)
            for k in range(int(n))
        ]
        cases = list_cases(copies)
        alone = measure(copies, cases, metric, np.zeros((0, len(cases)), np.float32))[0]
        assert value == pytest.approx(alone, nan_ok=True)


def test_what_nobody_has_is_not_a_number() -> None:
    clear = [row("one", "liver"), row("two", "liver")]

    found = {key: measure(clear, ("one", "two"), key, NOTHING[:, :2])[0] for key in METRICS}

    assert math.isnan(found["dsc"])
    assert math.isnan(found["tumor_sensitivity"])
    assert math.isnan(found["auc"])
    assert found["specificity"] == 1.0
