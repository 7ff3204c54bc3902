"""Rates of scans."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlastumor.detection.bootstrap import draw_cases
from atlastumor.detection.rates import (
    Rate,
    measure_auc,
    measure_patients,
    settle_interval,
    wilson,
)

from .made_sweeps import RULE, a_sweep


def test_wilson_gives_the_textbook_values() -> None:
    # Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(29, 29)[1] == 1.0


def test_resampling_is_believed_for_ten_lesions_and_more() -> None:
    ends = np.array([[0.2, 0.5], [0.6, 0.8]])

    assert (settle_interval(ends, np.array([4, 7]), 10) == ends).all()
    few = settle_interval(ends, np.array([3, 6]), 9)
    assert [tuple(column) for column in few.T] == [wilson(3, 9), wilson(6, 9)]


def test_samples_that_cannot_vary_have_wilsons_ends() -> None:
    # Of 30: all, 29 and none found. An end of 29 must not promise more than that of 30.
    ends = np.array([[1.0, 0.95, 0.0], [1.0, 1.0, 0.0]])

    settled = settle_interval(ends, np.array([30, 29, 0]), 30)

    assert tuple(settled[:, 0]) == wilson(30, 30)
    assert tuple(settled[:, 1]) == (wilson(30, 30)[0], 1.0)
    assert tuple(settled[:, 2]) == wilson(0, 30)


@pytest.mark.parametrize(("n_hit", "n_total"), [(1, 0), (3, 2), (-1, 2), (0, 0)])
def test_wilson_wants_a_share(n_hit: int, n_total: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(n_hit, n_total)


def test_a_rate_speaks_for_itself() -> None:
    assert Rate(9, 10, (0.6, 0.98)).text == "90.0% (9/10; 60.0% to 98.0%)"
    assert Rate(1, 2, None, "n too small").text == "50.0% (1/2; n too small)"
    assert Rate(0, 0).text == "n/a"
    assert math.isnan(Rate(0, 0).value)


def test_a_scan_is_positive_wherever_its_candidate_lies_or_only_where_it_hits() -> None:
    hit = a_sweep((0.5, "10", 0))
    elsewhere = a_sweep((0.5, "0", 1))
    silent = a_sweep((0.2, "1", 0))
    alarmed, quiet = a_sweep((0.5, "", 1)), a_sweep()

    patients = measure_patients([hit, elsewhere, silent, alarmed, quiet], RULE, 0.5)

    assert (patients.sensitivity.n_hit, patients.sensitivity.n_total) == (2, 3)
    assert (patients.localized.n_hit, patients.localized.n_total) == (1, 3)
    assert (patients.specificity.n_hit, patients.specificity.n_total) == (1, 2)
    assert patients.specificity.interval == wilson(1, 2)


def test_a_scan_whose_tumors_are_too_small_to_count_is_neither_ill_nor_healthy() -> None:
    crumbs = a_sweep((0.5, "", 1), is_clear=False)

    patients = measure_patients([crumbs], RULE, 0.5)

    assert patients.sensitivity.text == patients.specificity.text == "n/a"


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    # 0.8 beats 0.6 and 0.2; 0.6 ties with 0.6 and beats 0.2: 3.5 of 4.
    ill = [a_sweep((0.8, "1", 0)), a_sweep((0.6, "1", 0))]
    healthy = [a_sweep((0.6, "", 1)), a_sweep((0.2, "", 1))]

    area, _ = measure_auc([*ill, *healthy])

    assert area == 3.5 / 4
    assert math.isnan(measure_auc(ill)[0])


def test_the_area_of_a_sample_is_that_of_the_cases_it_drew() -> None:
    sweeps = [
        a_sweep((0.8, "1", 0)),
        a_sweep((0.5, "1", 0)),
        a_sweep((0.6, "", 1)),
        a_sweep((0.5, "", 1)),
    ]
    times = draw_cases(np.array([1, 1, 0, 0]), 30, seed=1)

    _, areas = measure_auc(sweeps, times)

    assert areas is not None
    for area, row in zip(areas, times.astype(int), strict=True):
        drawn = [sweeps[c] for c in np.repeat(np.arange(4), row)]
        assert area == pytest.approx(measure_auc(drawn)[0], nan_ok=True)


@pytest.mark.parametrize(
    "scores",
    [
        ([0.8, 0.7], [0.3, 0.2]),  # all in order: every sample has 1
        ([0.5, 0.5], [0.5, 0.5]),  # none in order: every sample has 0.5
        ([0.4], [0.6, 0.3, 0.2]),  # one scan alone, drawn again and again
        ([0.6, 0.3, 0.2], [0.4]),
    ],
)
def test_an_area_that_samples_say_nothing_of_has_none(
    scores: tuple[list[float], list[float]],
) -> None:
    ill = [a_sweep((score, "1", 0)) for score in scores[0]]
    healthy = [a_sweep((score, "", 1)) for score in scores[1]]
    cohort = [*ill, *healthy]
    times = draw_cases(np.array([len(sweep.lesions) for sweep in cohort]), 30)

    area, samples = measure_auc(cohort, times)

    assert 0.0 <= area <= 1.0
    assert samples is None
