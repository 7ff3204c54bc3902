"""Distances between two groups of tumors, the classifier, and tumors as points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from atlastumor.batch.realism.classifier import tell_apart
from atlastumor.batch.realism.distances import Group, measure_distances
from atlastumor.batch.realism.embedding import find_pairs, find_plane, standardize
from atlastumor.batch.realism.features import FEATURES, Feature

PLAIN = (Feature("a", "A", "", ""), Feature("b", "B", "", "", is_log=True))


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def group(values: list[float] | np.ndarray, per_case: int = 1) -> Group:
    """Numbers, so many of each case."""
    values = np.asarray(values, float)
    return Group(values, [f"case-{n // per_case}" for n in range(len(values))])


def test_distances_are_scipys() -> None:
    real, made = rng().normal(0, 2, 40), rng().normal(1, 3, 25).round(1)

    apart, ks = measure_distances(group(real), group(made), rng(), n_samples=20)

    expected = stats.wasserstein_distance(real, made) / real.std(ddof=1)
    assert apart.value == pytest.approx(expected)
    assert ks.value == pytest.approx(stats.ks_2samp(real, made).statistic)


def test_a_shift_by_two_standard_deviations_is_two() -> None:
    real = np.array([1.0, 3.0, 5.0, 7.0])

    apart, ks = measure_distances(
        group(real), group(real + 2 * real.std(ddof=1)), rng(), n_samples=0
    )

    assert apart.value == pytest.approx(2.0)
    assert ks.value == pytest.approx(0.75)
    assert math.isnan(apart.low)


def test_equal_groups_are_not_apart_and_chance_gives_more() -> None:
    values = rng().normal(size=30)

    apart, ks = measure_distances(group(values), group(values), rng())

    assert (apart.value, ks.value) == (0.0, 0.0)
    assert 0.0 < apart.by_chance < 1.0


def test_groups_that_differ_are_farther_apart_than_by_chance() -> None:
    apart, ks = measure_distances(
        group(rng().normal(size=40)), group(rng().normal(2.0, 1.0, 40)), rng()
    )

    assert apart.by_chance < apart.low < apart.value < apart.high
    assert ks.by_chance < ks.value <= 1.0


def test_tumors_of_few_patients_tell_less() -> None:
    values = np.repeat(rng().normal(size=8), 10)

    many = measure_distances(group(values), group(values + 0.5), rng())[0]
    few = measure_distances(group(values, 10), group(values + 0.5, 10), rng())[0]

    assert few.value == pytest.approx(many.value)
    assert few.high - few.low > 2 * (many.high - many.low)
    assert few.by_chance > 2 * many.by_chance


def test_undefined_numbers_do_not_count_and_too_few_give_none() -> None:
    nan = math.nan
    apart, _ = measure_distances(
        group([1.0, 2.0, nan, 3.0]), group([1.0, nan, 2.0, 3.0]), rng(), n_samples=0
    )
    none, ks = measure_distances(group([1.0, nan]), group([1.0, 2.0]), rng())
    flat, _ = measure_distances(group([1.0, 1.0]), group([1.0, 2.0]), rng(), n_samples=0)

    assert apart.value == 0.0
    assert math.isnan(none.value)
    assert math.isnan(ks.value)
    assert math.isnan(flat.value)


def test_the_same_seed_gives_the_same_interval() -> None:
    sides = group(rng().normal(size=9)), group(rng().normal(1, 1, 9))

    assert measure_distances(*sides, rng()) == measure_distances(*sides, rng())


@pytest.mark.parametrize(("shift", "low", "high"), [(0.0, 0.35, 0.65), (3.0, 0.95, 1.0)])
def test_the_classifier_tells_what_differs_and_nothing_else(
    shift: float, low: float, high: float
) -> None:
    points = rng().normal(size=(200, 4))
    is_real = np.arange(200) < 80
    points[is_real, 2] += shift

    assert low <= tell_apart(points, is_real, [str(n) for n in range(200)], rng()) <= high


def test_the_classifier_is_not_fooled_by_patients_it_knows() -> None:
    """Points that tell patients apart but not kinds."""
    patients = rng().normal(0, 1, (40, 6))
    points = np.repeat(patients, 5, axis=0) + rng().normal(0, 0.01, (200, 6))
    is_real = np.arange(200) < 100

    assert tell_apart(points, is_real, [str(n // 5) for n in range(200)], rng()) < 0.75


def test_the_classifier_says_nothing_of_few() -> None:
    points, is_real = rng().normal(size=(24, 2)), np.arange(24) < 12

    assert math.isnan(tell_apart(points[6:], is_real[6:], ["x"] * 18, rng()))
    assert math.isnan(tell_apart(points, is_real, [str(n % 4) for n in range(24)], rng()))


def test_features_are_brought_to_the_scale_of_the_reference() -> None:
    table = np.array([[1.0, 1.0], [3.0, math.e**2], [5.0, math.e**4], [math.nan, math.e**2]])
    reference = np.array([True, True, False, False])

    points = standardize(table, reference, PLAIN)

    assert points == pytest.approx(np.array([[-1, -1], [1, 1], [3, 3], [0, 1]]))


def test_a_feature_that_does_not_vary_or_is_never_defined_lies_at_zero() -> None:
    table = np.full((3, len(FEATURES)), math.nan)
    table[:, 2] = 7.0

    assert not standardize(table, np.ones(3, bool)).any()


def test_the_plane_shows_the_axes_along_which_points_differ_most() -> None:
    points = np.zeros((60, 3))
    points[:, 1] = 5 * rng().normal(size=60)
    points[:, 2] = np.tile([1.0, -1.0], 30)

    plane = find_plane(points)

    assert plane.shares.sum() == pytest.approx(1.0)
    assert abs(plane.axes[0]) == pytest.approx([0, 1, 0], abs=0.1)
    assert plane.axes[0, 1] > 0
    assert plane.points.shape == (60, 2)


def test_pairs_are_nearest_first_and_use_each_point_once() -> None:
    first, second = np.array([[0.0], [10.0], [1.0]]), np.array([[0.9], [9.0]])

    assert find_pairs(first, second, 5) == [
        (2, 0, pytest.approx(0.1)),
        (1, 1, pytest.approx(1.0)),
    ]
