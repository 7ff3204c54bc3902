"""Which threshold is chosen, and what is said when there is none."""

from __future__ import annotations

import math

import pytest

from atlastumor.detection.bootstrap import bootstrap
from atlastumor.detection.choice import choose_by_false_positives, choose_threshold
from atlastumor.detection.froc import combine

from .made_sweeps import RULE, a_sweep

TEN = "1111111111"


def found(n: int) -> str:
    return TEN[:n] + "0" * (10 - n)


def test_of_all_thresholds_that_reach_the_target_the_one_with_fewest_false_positives_wins() -> None:
    # FP falls again at 0.3, where two false components merge: bisection would not see it.
    sweep = a_sweep((0.8, found(9), 3), (0.5, found(10), 4), (0.3, found(9), 2), (0.1, TEN, 7))

    choice = choose_threshold(combine([sweep], RULE), 0.9)

    assert choice.threshold == pytest.approx(0.3)
    assert (choice.sensitivity, choice.fp_per_scan) == (0.9, 2.0)
    assert choice.highest_feasible is not None
    assert choice.highest_feasible.threshold == pytest.approx(0.8)


def test_of_equals_the_highest_threshold_wins() -> None:
    sweep = a_sweep((0.8, found(9), 2), (0.5, found(10), 2), (0.3, found(9), 2))

    assert choose_threshold(combine([sweep], RULE), 0.9).threshold == pytest.approx(0.8)


def test_sensitivity_that_falls_again_is_seen() -> None:
    sweep = a_sweep((0.8, found(5), 0), (0.5, found(10), 1), (0.3, found(4), 1))

    assert choose_threshold(combine([sweep], RULE), 0.9).threshold == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "target"), [(9, 0.9), (7, 0.7), (3, 0.3), (10, 1.0)])
def test_a_target_that_is_met_exactly_is_met(n: int, target: float) -> None:
    assert choose_threshold(combine([a_sweep((0.5, found(n), 0))], RULE), target).threshold == 0.5


def test_an_unreachable_target_names_the_best_there_is() -> None:
    sweep = a_sweep((0.75, found(6), 1), (0.5, found(8), 2), (0.25, found(7), 2))

    choice = choose_threshold(combine([sweep], RULE), 0.9)

    assert choice.threshold is None
    assert choice.point is None
    assert (choice.sensitivity, choice.fp_per_scan) == (0.8, 2.0)
    assert choice.reason == (
        "Unreachable: sensitivity >= 0.9; best 80.0% at threshold 0.5 with 2 FP per scan."
    )
    assert not choice.floor_reached


def test_it_is_said_when_the_floor_cuts_the_curve_off() -> None:
    choice = choose_threshold(combine([a_sweep((0.75, found(6), 1), (0.5, found(8), 2))], RULE))

    assert choice.floor_reached
    assert "floor was reached" in choice.reason


def test_a_cohort_without_lesions_has_no_choice() -> None:
    choice = choose_threshold(combine([a_sweep((0.5, "", 2))], RULE))

    assert choice.threshold is None
    assert math.isnan(choice.sensitivity)
    assert "no lesions" in choice.reason
    assert choose_by_false_positives(combine([a_sweep((0.5, "", 2))], RULE), 4).threshold is None


def test_a_cohort_without_candidates_has_no_choice() -> None:
    curve = combine([a_sweep(radii=(8.0,))], RULE)

    assert "no candidate at any threshold" in choose_threshold(curve).reason
    assert choose_by_false_positives(curve, 1.0).threshold is None


def test_presets_find_the_most_within_their_false_positives() -> None:
    sweep = a_sweep((0.8, found(5), 1), (0.6, found(7), 2), (0.4, found(7), 1), (0.2, TEN, 9))
    curve = combine([sweep], RULE)

    assert choose_by_false_positives(curve, 2).threshold == pytest.approx(0.4)
    assert choose_by_false_positives(curve, 0.5).threshold is None
    assert (
        "No threshold has at most 0.5 FP per scan" in choose_by_false_positives(curve, 0.5).reason
    )


def test_the_conservative_threshold_reaches_the_target_at_the_lower_end_of_its_interval() -> None:
    # At 0.6 three scans of 40 are missed, so that many samples fall under 90 %; at 0.3 none is,
    # and Wilson's lower end of 40 out of 40 is 91 %.
    found_early = [a_sweep((0.6, "1", 0), (0.3, "1", 1)) for _ in range(37)]
    cohort = [*found_early, *[a_sweep((0.6, "0", 0), (0.3, "1", 1)) for _ in range(3)]]
    bands = bootstrap(cohort, RULE, n=500)

    choice = choose_threshold(combine(cohort, RULE), 0.9, bands=bands)

    assert choice.threshold == pytest.approx(0.6)
    assert choice.conservative is not None
    assert choice.conservative.threshold == pytest.approx(0.3)


@pytest.mark.parametrize("target", [0.0, 1.1, -1.0, math.nan])
def test_a_target_is_a_sensitivity(target: float) -> None:
    with pytest.raises(ValueError, match="above 0 and up to 1"):
        choose_threshold(combine([a_sweep((0.5, "1", 2))], RULE), target)


def test_a_lower_end_that_just_reaches_the_target_is_conservative_enough() -> None:
    # Of 50 lesions 48 are found at 0.6; the lower end is 45 of 50, which is 0.9.
    found = [a_sweep((0.6, "1", 0), (0.3, "1", 1)) for _ in range(48)]
    cohort = [*found, *[a_sweep((0.6, "0", 0), (0.3, "1", 1)) for _ in range(2)]]
    bands = bootstrap(cohort, RULE, n=500)

    choice = choose_threshold(combine(cohort, RULE), 0.9, bands=bands)

    assert bands.sensitivity_interval(0.6) == (0.9, 1.0)
    assert choice.conservative is not None
    assert choice.conservative.threshold == pytest.approx(0.6)
