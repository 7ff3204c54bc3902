"""Lesions by size."""

from __future__ import annotations

import numpy as np
import pytest

from atlastumor.detection.bootstrap import draw_cases
from atlastumor.detection.rates import wilson
from atlastumor.detection.size_bins import SIZE_BINS, measure_sizes

from .made_sweeps import RULE, MadeLesion, MadeSweep, a_sweep


def classes(radius_mm: float) -> list[str]:
    return [one.key for one in SIZE_BINS if one.holds(MadeLesion(radius_mm))]


@pytest.mark.parametrize(
    ("radius_mm", "expected"),
    [
        (2.0, ["tiny", "early"]),
        (5.0, ["tiny", "early"]),
        (5.1, ["small", "early"]),
        (10.0, ["small"]),  # 20 mm across is no longer under 20 mm
        (10.1, ["medium"]),
        (19.9, ["medium"]),
        (20.0, ["large"]),
        (80.0, ["large"]),
    ],
)
def test_edges_belong_to_one_class(radius_mm: float, expected: list[str]) -> None:
    assert classes(radius_mm) == expected


@pytest.fixture
def a_cohort() -> list[MadeSweep]:
    """A scan per lesion: 4 tiny of which 3 are found, 5 small of which 4, 10 medium of which 9."""
    hits = "1110" + "11110" + "1111111110"
    radii = (3.0,) * 4 + (8.0,) * 5 + (15.0,) * 10
    return [a_sweep((0.5, hit, 0), radii=(r,)) for hit, r in zip(hits, radii, strict=True)]


def test_few_lesions_get_wilson_and_fewer_get_nothing(a_cohort: list[MadeSweep]) -> None:
    times = draw_cases(np.ones(19, np.int64), 500)

    rates = measure_sizes(a_cohort, RULE, 0.5, times=times)

    assert rates["tiny"].text == "75.0% (3/4; n too small)"
    assert rates["small"].interval == wilson(4, 5)
    assert (rates["medium"].n_hit, rates["medium"].n_total) == (9, 10)
    assert rates["medium"].method == "bootstrap"
    assert rates["large"].value != rates["large"].value
    assert (rates["early"].n_hit, rates["early"].n_total) == (7, 9)


def test_the_interval_of_many_is_that_of_the_samples(a_cohort: list[MadeSweep]) -> None:
    times = draw_cases(np.ones(19, np.int64), 500)

    rate = measure_sizes(a_cohort, RULE, 0.5, times=times)["medium"]

    medium = times[:, 9:]
    shares = medium[:, :9].sum(axis=1) / medium.sum(axis=1)
    assert rate.interval == pytest.approx(tuple(np.percentile(shares, [2.5, 97.5])))


def test_above_all_candidates_nothing_is_found(a_cohort: list[MadeSweep]) -> None:
    assert measure_sizes(a_cohort, RULE, 0.6)["medium"].n_hit == 0
