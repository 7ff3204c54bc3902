"""Drawing cases again and again."""

from __future__ import annotations

import numpy as np
import pytest

from atlastumor.detection.bootstrap import FP_GRID, bootstrap, draw_cases, find_interval
from atlastumor.detection.froc import combine, sensitivity_at
from atlastumor.detection.rates import wilson

from .made_sweeps import RULE, a_sweep, random_sweep


def test_every_case_can_be_drawn_the_last_one_too() -> None:
    times = draw_cases(np.ones(7, np.int64), 2000)

    assert times.shape == (2000, 7)
    assert (times.sum(axis=1) == 7).all()
    assert times.mean(axis=0) == pytest.approx(np.ones(7), abs=0.08)


def test_a_sample_without_lesions_is_drawn_anew() -> None:
    n_lesions = np.array([2, 0, 0, 0, 0])

    times = draw_cases(n_lesions, 500)

    assert (times @ n_lesions > 0).all()


def test_a_cohort_without_lesions_is_drawn_as_it_is() -> None:
    assert (draw_cases(np.zeros(4, np.int64), 10).sum(axis=1) == 4).all()


def test_the_same_seed_draws_the_same_samples() -> None:
    n_lesions = np.ones(5, np.int64)

    assert np.array_equal(draw_cases(n_lesions, 20, seed=3), draw_cases(n_lesions, 20, seed=3))
    assert not np.array_equal(draw_cases(n_lesions, 20, seed=3), draw_cases(n_lesions, 20, seed=4))


def test_intervals_hold_the_middle_of_the_samples_that_have_a_value() -> None:
    samples = np.column_stack([np.arange(101.0), np.full(101, np.nan)])
    samples[0, 1] = 4.0

    ends = find_interval(samples)

    assert ends[:, 0] == pytest.approx([2.5, 97.5])
    assert ends[:, 1] == pytest.approx([4.0, 4.0])


def test_bands_equal_counting_every_sample_by_itself() -> None:
    generator = np.random.default_rng(8)
    cohort = [random_sweep(generator, 6, n % 4) for n in range(9)]
    n_lesions = np.array([len(sweep.lesions) for sweep in cohort])
    highest, lowest = wilson(12, 12)[0], wilson(0, 12)[1]

    bands = bootstrap(cohort, RULE, n=60, seed=2, target=0.5)

    curves = [
        combine([cohort[c] for c in np.repeat(np.arange(9), times.astype(int))], RULE)
        for times in draw_cases(n_lesions, 60, seed=2)
    ]
    for row, threshold in enumerate(bands.thresholds):
        points = [curve.point(curve.row_at(float(threshold))) for curve in curves]
        sensitivity = np.percentile([point.sensitivity for point in points], [2.5, 97.5])
        sensitivity = [min(sensitivity[0], highest), max(sensitivity[1], lowest)]
        assert bands.sensitivity[:, row] == pytest.approx(sensitivity, abs=1e-6)
        fp = np.percentile([point.fp_per_scan for point in points], [2.5, 97.5])
        assert bands.fp_per_scan[:, row] == pytest.approx(fp, abs=1e-6)
    for column, limit in enumerate(FP_GRID):
        read = [sensitivity_at(curve, limit) for curve in curves]
        expected = np.percentile(read, [2.5, 97.5])
        expected = [min(expected[0], highest), max(expected[1], lowest)]
        assert bands.sensitivity_at_fp[:, column] == pytest.approx(expected, abs=1e-6)


def test_the_interval_of_the_threshold_is_made_of_thresholds_that_were_evaluated() -> None:
    cohort = [a_sweep((0.9 - 0.1 * n, "1", 0)) for n in range(5)]

    bands = bootstrap(cohort, RULE, n=300)

    assert bands.threshold is not None
    assert set(bands.threshold) <= {float(t) for t in bands.thresholds}
    assert bands.threshold[0] < bands.threshold[1]
    assert bands.unreachable == 0.0


def test_the_share_of_samples_that_miss_the_target_is_told() -> None:
    # 1 of 2 scans has its lesion found: a sample reaches 90 % if it drew that scan twice.
    bands = bootstrap([a_sweep((0.5, "1", 0)), a_sweep((0.5, "0", 1))], RULE, n=4000)

    assert bands.unreachable == pytest.approx(0.75, abs=0.03)
    assert bands.threshold == (0.5, 0.5)


def test_one_case_has_no_interval() -> None:
    bands = bootstrap([a_sweep((0.5, "1", 1))], RULE, n=50)

    assert bands.sensitivity is None
    assert bands.fp_interval(0.5) is None


def test_one_case_with_lesions_among_others_has_intervals_of_false_positives_only() -> None:
    bands = bootstrap([a_sweep((0.5, "1", 1)), a_sweep((0.5, "", 3))], RULE, n=200)

    assert bands.sensitivity_interval(0.5) is None
    assert bands.fp_interval(0.5) == (1.0, 2.0)  # as no sample lacks the only lesion


def test_intervals_are_known_where_it_was_resampled_only() -> None:
    bands = bootstrap([a_sweep((0.5, "1", 1)), a_sweep((0.5, "0", 1))], RULE, n=50)

    assert bands.sensitivity_interval(0.5) is not None
    assert bands.sensitivity_interval(0.4) is None


def test_finding_every_lesion_does_not_make_it_certain() -> None:
    bands = bootstrap([a_sweep((0.5, "1", 1)), a_sweep((0.5, "1", 1))], RULE, n=50)

    assert bands.sensitivity_interval(0.5) == (wilson(2, 2)[0], 1.0)
    assert bands.sensitivity_at_fp[0, -1] == wilson(2, 2)[0]


def test_few_lesions_have_wilsons_interval_along_the_whole_curve() -> None:
    # 9 lesions; 4 are found at 0.5 and, with more false positives, 8 at 0.25.
    first = [a_sweep((0.5, "1", 0), (0.25, "1", 1)) for _ in range(4)]
    second = [a_sweep((0.5, "0", 0), (0.25, "1", 1)) for _ in range(4)]

    bands = bootstrap([*first, *second, a_sweep((0.5, "0", 0))], RULE, n=50)

    assert bands.sensitivity_interval(0.5) == wilson(4, 9)
    assert bands.sensitivity_interval(0.25) == wilson(8, 9)
    at_eighth, at_one = FP_GRID.index(1 / 8), FP_GRID.index(1.0)
    assert tuple(bands.sensitivity_at_fp[:, at_eighth]) == wilson(4, 9)
    assert tuple(bands.sensitivity_at_fp[:, at_one]) == wilson(8, 9)


def test_finding_no_lesion_does_not_make_it_certain_either() -> None:
    bands = bootstrap([a_sweep((0.5, "0", 1)) for _ in range(12)], RULE, n=50)

    assert bands.sensitivity_interval(0.5) == (0.0, wilson(0, 12)[1])


def test_what_is_the_same_in_every_case_has_no_interval_by_drawing_cases() -> None:
    # Of each case 6 of 12 lesions are found, without a false positive at 0.5, with one at 0.25.
    half = "1" * 6 + "0" * 6

    bands = bootstrap([a_sweep((0.5, half, 0), (0.25, half, 1)) for _ in range(2)], RULE, n=50)

    assert bands.fp_interval(0.5) is None
    assert bands.fp_interval(0.25) is None
    assert bands.sensitivity_interval(0.5) == wilson(12, 24)
