"""What is read off curves whose answer is known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlastumor.scaling.estimating import NOT_ESTIMABLE, NOT_REACHED, find_equal_share, find_plateau
from atlastumor.scaling.fitting import PowerLaw, fit_power_law

SIZES = (4, 8, 16, 32)
RISING = np.full(101, 0.3)


def laws(a: float, b: float, c: float, spread: float = 0.0) -> PowerLaw:
    """The law of the means and a hundred samples around it."""
    factors = np.concatenate([[1.0], np.linspace(1 - spread, 1 + spread, 100)])
    return PowerLaw(a * factors, np.full(101, b), np.full(101, c))


def test_the_plateau_is_where_twice_the_data_gains_no_more() -> None:
    # a n^-1 - a (2n)^-1 = a / 2n = 0.05 at n = 10 a
    estimate = find_plateau(laws(1.0, 1.0, 0.1, 0.2), SIZES, RISING, gain=0.05)

    assert estimate.value == pytest.approx(10.0)
    assert (estimate.low, estimate.high) == pytest.approx((8.0, 12.0), abs=0.2)
    assert estimate.reached == 1.0
    assert estimate.tell() == f"10 (95 %: {estimate.low:.3g} to {estimate.high:.3g})"


def test_a_plateau_beyond_the_sizes_is_not_reached_though_the_curve_could_go_on() -> None:
    estimate = find_plateau(laws(4.0, 1.0, 0.0, 0.25), SIZES, RISING, gain=0.05)

    assert estimate.state == NOT_REACHED
    assert estimate.low == pytest.approx(30.0, abs=0.5)
    assert math.isinf(estimate.high)
    assert 0.05 < estimate.reached < 0.2
    assert estimate.tell().startswith("not reached (95 %: 30")


def test_where_accuracy_is_not_shown_to_rise_there_is_no_plateau_to_read_off() -> None:
    rise = np.linspace(-0.05, 0.3, 101)

    estimate = find_plateau(laws(0.0, math.nan, 0.9), SIZES, rise, gain=0.05)

    assert estimate.state == NOT_ESTIMABLE
    assert "not shown to rise" in estimate.tell()


def test_half_of_the_scans_suffice_for_an_arm_whose_error_falls_as_if_it_had_twice_as_many() -> (
    None
):
    base, arm = laws(1.0, 1.0, 0.1), laws(0.5, 1.0, 0.1, 0.1)

    estimate = find_equal_share(arm, base, SIZES, RISING, RISING)

    assert estimate.value == pytest.approx(0.5)
    assert (estimate.low, estimate.high) == pytest.approx((0.45, 0.55), abs=0.01)
    assert estimate.tell(as_share=True).startswith("50 % (95 %: 45 % to 55 %)")


def test_an_arm_of_three_sizes_that_stays_above_the_other_does_not_reach_it() -> None:
    sizes = (10, 30, 100)
    base = fit_power_law(sizes, np.full((101, 1), 1.0) * np.array(sizes) ** -0.2)
    arm = fit_power_law(sizes, np.full((101, 3), 100**-0.2 + 0.01))

    estimate = find_equal_share(arm, base, sizes, np.zeros(101), RISING)

    assert estimate.state == NOT_REACHED
    assert estimate.reached == 0.0


def test_an_arm_that_is_worse_with_all_scans_does_not_reach_the_other() -> None:
    estimate = find_equal_share(laws(1.0, 1.0, 0.2), laws(1.0, 1.0, 0.1), SIZES, RISING, RISING)

    assert estimate.state == NOT_REACHED
    assert estimate.reached == 0.0


def test_no_share_below_the_smallest_size_is_claimed() -> None:
    estimate = find_equal_share(laws(0.01, 1.0, 0.0), laws(1.0, 1.0, 0.1), SIZES, RISING, RISING)

    assert estimate.value == 4 / 32
    assert "at or below the smallest size" in estimate.tell(as_share=True)


def test_an_arm_of_real_scans_that_learned_nothing_cannot_be_matched() -> None:
    flat = np.zeros(101)

    estimate = find_equal_share(laws(0.5, 1.0, 0.1), laws(0.0, math.nan, 1.0), SIZES, RISING, flat)

    assert estimate.state == NOT_ESTIMABLE


def test_an_arm_whose_largest_size_is_missing_is_not_prolonged() -> None:
    unknown = np.full(101, math.nan)

    estimate = find_equal_share(laws(0.5, 1, 0.1), laws(1.0, 1, 0.1), SIZES, unknown, RISING)

    assert estimate.state == NOT_ESTIMABLE
    assert "no value at one end" in estimate.tell()
