from __future__ import annotations

import numpy as np
import pytest

from atlastumor.components import Region
from atlastumor.inference.mixing import (
    MeanMap,
    SpreadMap,
    absorb_tumors,
    find_outline,
    merge_labels,
    paint_tumors,
    rank_labels,
)
from atlastumor.inference.probability import ProbabilityMap, find_overlap
from atlastumor.organs import find_organ
from atlastumor.volume import Grid

LIVER, KIDNEY = find_organ("liver"), find_organ("kidney")
GRID = Grid((6, 5, 8), np.diag([2.0, 3.0, 1.5, 1.0]))
TURNED = Grid(
    (6, 5, 8), np.array([[-2.0, 0, 0, 10], [0, 3, 0, 0], [0, 0, -1.5, 10.5], [0, 0, 0, 1]])
)


def a_map(value: float, grid: Grid = GRID) -> ProbabilityMap:
    return ProbabilityMap(np.full(grid.shape, value, np.float16), grid)


def a_slope(grid: Grid) -> ProbabilityMap:
    """Probability that rises along S, from 0 to 1, whichever way the grid lies."""
    k = grid.to_ras(np.stack(np.indices(grid.shape), axis=-1))[..., 2] / 10.5
    return ProbabilityMap(k.astype(np.float16), grid)


def test_maps_of_different_grids_are_averaged_and_compared_where_they_lie() -> None:
    maps = (a_slope(GRID), a_slope(TURNED), a_map(0.0))

    mean, spread = MeanMap(maps).to_grid(GRID), SpreadMap(maps).to_grid(GRID)

    slope = np.arange(8) / 7
    np.testing.assert_allclose(mean[2, 3], 2 * slope / 3, atol=1e-3)
    np.testing.assert_allclose(spread[2, 3], slope * np.sqrt(2) / 3, atol=1e-3)


def test_numbers_that_are_all_alike_spread_by_nothing_and_opposite_ones_by_a_half() -> None:
    assert SpreadMap((a_map(0.7), a_map(0.7))).to_grid(GRID).max() == 0
    assert (SpreadMap((a_map(0.0), a_map(1.0))).to_grid(GRID) == 0.5).all()


def test_a_mean_is_nothing_outside_of_an_outline_also_in_boxes_that_miss_it() -> None:
    mask = np.ones((2, 2, 3), bool)
    mask[0, 0, 0] = False
    within = Region((slice(1, 3), slice(2, 4), slice(4, 7)), mask)
    mean = MeanMap((a_map(0.5),), within)

    whole = mean.to_grid(GRID)
    part = mean.part(GRID, (slice(2, 5), slice(0, 3), slice(5, 6)))
    missed = mean.part(GRID, (slice(0, 6), slice(0, 5), slice(0, 2)))

    expected = np.zeros(GRID.shape)
    expected[within.box][mask] = 0.5
    np.testing.assert_array_equal(whole, expected)
    np.testing.assert_array_equal(part, expected[2:5, 0:3, 5:6])
    assert not missed.any()


def test_an_outline_that_is_nowhere_leaves_nothing() -> None:
    outline = find_outline(np.zeros(GRID.shape, np.uint8), LIVER)

    assert not MeanMap((a_map(1.0),), outline).to_grid(GRID).any()


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        (
            ((0, 2), (1, 3), (0, 9)),
            ((1, 5), (0, 2), (3, 4)),
            (((1, 2), (0, 1), (3, 4)), ((0, 1), (1, 2), (0, 1))),
        ),
        (((0, 2), (0, 2), (0, 2)), ((2, 4), (0, 2), (0, 2)), None),
    ],
)
def test_boxes_overlap_where_both_are(inner: object, outer: object, expected: object) -> None:
    def box(sides: object) -> tuple[slice, ...]:
        return tuple(slice(*side) for side in sides)  # type: ignore[attr-defined]

    found = find_overlap(box(inner), box(outer))

    assert found == (None if expected is None else tuple(map(box, expected)))


def test_tumors_come_before_organs_and_earlier_organs_before_later_ones() -> None:
    ranks = rank_labels([LIVER, KIDNEY])
    order = [0, KIDNEY.labels[0], LIVER.label, KIDNEY.tumor_label, LIVER.tumor_label]
    into = np.array(order, np.uint8).repeat(5).reshape(1, 5, 5)
    other = np.tile(np.array(order, np.uint8), 5).reshape(1, 5, 5)

    merge_labels(into, other, [LIVER, KIDNEY], ranks)

    places = np.maximum.outer(np.arange(5), np.arange(5))
    np.testing.assert_array_equal(into[0], np.array(order)[places])
    assert len({int(ranks[label]) for label in KIDNEY.labels}) == 1


def test_organs_that_are_not_wanted_are_not_merged() -> None:
    into = np.zeros((2, 2, 2), np.uint8)

    merge_labels(
        into, np.full((2, 2, 2), KIDNEY.labels[0], np.uint8), [LIVER], rank_labels([LIVER])
    )

    assert not into.any()


def test_tumors_become_the_half_of_the_organ_that_they_touch() -> None:
    left, right = KIDNEY.labels
    labels = np.zeros((9, 3, 3), np.uint8)
    labels[:3], labels[6:] = left, right
    labels[1, 1, 1] = labels[7, 1, 1] = labels[4, 1, 1] = KIDNEY.tumor_label

    absorb_tumors(labels, [KIDNEY], [KIDNEY])

    assert (labels[:3] == left).all()
    assert (labels[6:] == right).all()
    assert labels[4, 1, 1] == 0


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_painting_stays_within_and_says_how_likely_it_was(threshold: float) -> None:
    labels = np.zeros(GRID.shape, np.uint8, order="F")
    labels[1:4, 1:4, 2:7] = LIVER.label
    labels[1, 1, 2] = KIDNEY.tumor_label
    within = find_outline(labels, LIVER)

    highest = paint_tumors(
        labels,
        GRID,
        LIVER,
        MeanMap((a_slope(GRID),), within),
        threshold=threshold,
        ranks=rank_labels([KIDNEY, LIVER]),
    )

    first = 4 if threshold else 2
    assert (labels[2, 2, first:7] == LIVER.tumor_label).all()
    assert (labels[2, 2, 2:first] == LIVER.label).all()
    assert labels[1, 1, 2] == KIDNEY.tumor_label
    assert np.count_nonzero(labels) == 3 * 3 * 5
    assert highest == pytest.approx(6 / 7, abs=1e-3)
