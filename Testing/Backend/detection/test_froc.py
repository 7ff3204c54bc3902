"""The curve of a cohort, on counts that are written down."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlastumor.detection.froc import combine, sensitivity_at, thin_rows

from .made_sweeps import RULE, MadeSweep, a_sweep, random_sweep


@pytest.fixture
def a_cohort() -> list[MadeSweep]:
    """Two lesions in one scan, one in the next, none in the third, no candidate in the fourth."""
    return [
        a_sweep((0.9, "10", 0), (0.5, "11", 1), (0.2, "01", 3)),
        a_sweep((0.8, "0", 1), (0.5, "1", 1)),
        a_sweep((0.7, "", 1), (0.3, "", 2)),
        a_sweep(),
    ]


def test_counts_are_pooled_at_every_threshold_where_one_changes(a_cohort: list[MadeSweep]) -> None:
    curve = combine(a_cohort, RULE)

    assert curve.thresholds == pytest.approx([0.9, 0.8, 0.7, 0.5, 0.3, 0.2])
    assert list(curve.tp) == [1, 1, 1, 3, 3, 2]
    assert list(curve.fp) == [0, 1, 2, 3, 4, 6]
    assert list(curve.n_false_clear) == [0, 0, 1, 1, 2, 2]
    assert (curve.n_lesions, curve.n_scans, curve.n_clear) == (3, 4, 2)


def test_every_scan_counts_in_false_positives_per_scan(a_cohort: list[MadeSweep]) -> None:
    last = combine(a_cohort, RULE).point(5)

    assert last.fp_per_scan == 6 / 4
    assert last.fp_per_clear_scan == 2 / 2
    assert last.sensitivity == 2 / 3


def test_the_last_point_of_the_curve_is_kept_when_no_lesion_is_missed() -> None:
    # Two public evaluators report 2 of 3 here.
    curve = combine([a_sweep((0.9, "100", 0), (0.6, "110", 2), (0.3, "111", 2))], RULE)

    assert curve.sensitivity[-1] == 1.0
    assert curve.thresholds[-1] == np.float32(0.3)


def test_no_threshold_with_a_hit_of_its_own_is_dropped() -> None:
    # A curve without points on straight lines would keep 0.95 and 0.5 only.
    scores = [0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5]
    rows = [(score, "1" * (n + 1) + "0" * (9 - n), 0) for n, score in enumerate(scores)]

    assert combine([a_sweep(*rows)], RULE).thresholds == pytest.approx(scores)


def test_a_row_holds_down_to_just_above_the_next(a_cohort: list[MadeSweep]) -> None:
    curve = combine(a_cohort, RULE)

    assert curve.point(curve.row_at(0.5)).tp == 3
    assert curve.point(curve.row_at(0.501)).tp == 1
    assert curve.point(curve.row_at(0.01)).tp == 2
    assert curve.point(curve.row_at(0.95)).tp == 0


def test_the_curve_is_a_step_function(a_cohort: list[MadeSweep]) -> None:
    curve = combine(a_cohort, RULE)

    assert sensitivity_at(curve, 0.0) == 1 / 3
    assert sensitivity_at(curve, 0.74) == 1 / 3
    assert sensitivity_at(curve, 0.75) == 1.0
    assert sensitivity_at(curve, 8.0) == 1.0  # though the last row finds fewer


def test_sensitivity_is_zero_where_no_threshold_has_so_few_false_positives() -> None:
    assert sensitivity_at(combine([a_sweep((0.9, "1", 3))], RULE), 1.0) == 0.0


def test_strict_false_positives_count_what_touches_and_misses() -> None:
    curve = combine([a_sweep((0.9, "0", 1), (0.5, "1", 1), strict=(2, 1))], RULE, strict=True)

    assert list(curve.fp) == [2, 1]
    assert list(curve.n_false) == [1, 1]


def test_lesions_can_be_counted_in_part() -> None:
    sweep = a_sweep((0.9, "10", 1), (0.5, "11", 1), radii=(4.0, 9.0))

    curve = combine([sweep], RULE, counts=lambda lesion: lesion.radius_mm > 5)

    assert list(curve.tp) == [0, 1]
    assert list(curve.fp) == [1, 1]
    assert curve.n_lesions == 1


def test_without_lesions_there_is_no_sensitivity() -> None:
    curve = combine([a_sweep((0.9, "", 1))], RULE)

    assert math.isnan(sensitivity_at(curve, 1.0))
    assert np.isnan(curve.sensitivity).all()
    assert list(curve.fp_per_scan) == [1.0]


def test_without_candidates_the_curve_is_empty_and_says_zero() -> None:
    curve = combine([a_sweep(radii=(8.0,))], RULE)

    assert curve.thresholds.size == 0
    assert sensitivity_at(curve, 1.0) == 0.0
    assert curve.point(curve.row_at(0.5)).sensitivity == 0.0


def test_without_clear_scans_their_rate_is_undefined() -> None:
    point = combine([a_sweep((0.9, "1", 0))], RULE).point(0)

    assert math.isnan(point.fp_per_clear_scan)


def test_label_maps_are_known_by_their_only_probability() -> None:
    assert combine([a_sweep((1.0, "1", 2))], RULE).is_binary
    assert not combine([a_sweep((1.0, "1", 2), (0.5, "1", 3))], RULE).is_binary
    assert not combine([a_sweep()], RULE).is_binary


def test_a_curve_has_one_organ() -> None:
    with pytest.raises(ValueError, match="One organ's sweeps"):
        combine([], RULE)


def test_the_curve_equals_counting_case_by_case_at_every_threshold() -> None:
    generator = np.random.default_rng(5)
    cohort = [random_sweep(generator, 40, n % 4) for n in range(20)]

    curve = combine(cohort, RULE)

    thetas = np.unique(np.concatenate([sweep.thresholds for sweep in cohort]))
    for theta in thetas:
        rows = [(sweep, sweep.at(float(theta))) for sweep in cohort]
        point = curve.point(curve.row_at(float(theta)))
        assert point.tp == sum(s.hit_table[row].sum() for s, row in rows if row >= 0)
        assert point.fp == sum(s.n_false[row] for s, row in rows if row >= 0)


def test_thinning_keeps_the_ends_and_what_it_is_told_to() -> None:
    generator = np.random.default_rng(1)
    curve = combine([random_sweep(generator, 400, 3) for _ in range(3)], RULE)
    k = curve.thresholds.size

    rows = thin_rows(curve, 50, keep=(137, -1))

    assert {0, 137, k - 1} <= set(rows)
    assert 25 < rows.size <= 51
    assert (np.diff(rows) > 0).all()
    assert list(thin_rows(curve, k)) == list(range(k))
