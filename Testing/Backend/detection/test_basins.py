from __future__ import annotations

import numpy as np
import pytest

from atlastumor.detection.basins import (
    _keep_first,
    find_basins,
    find_saddles,
)
from atlastumor.detection.foreground import find_foreground
from atlastumor.errors import InputError


def a_ridge(*values: float) -> np.ndarray:
    """A map that is 0 but for one line along k."""
    probability = np.zeros((3, 3, len(values) + 2), np.float32)
    probability[1, 1, 1:-1] = values
    return probability


def test_voxels_are_ranked_from_the_highest_and_ties_in_order() -> None:
    voxels = find_foreground(a_ridge(0.2, 0.9, 0.005, 0.9), 0.01)

    assert voxels.value.tolist() == pytest.approx([0.9, 0.9, 0.2])
    positions = voxels.find_positions(np.arange(3))
    i, j, k = (voxels.find_indices(positions, axis) for axis in range(3))
    assert (i.tolist(), j.tolist(), k.tolist()) == ([1, 1, 1], [1, 1, 1], [2, 4, 1])


def test_the_floor_itself_counts() -> None:
    assert find_foreground(a_ridge(0.1, 0.3), np.float32(0.3)).value.size == 1
    assert find_foreground(a_ridge(0.1, 0.3), 0.3).value.size == 1


def test_two_peaks_have_two_basins_that_meet_at_the_saddle() -> None:
    voxels = find_foreground(a_ridge(0.5, 0.9, 0.3, 0.4, 0.8), 0.01)

    basins = find_basins(voxels)
    saddles = find_saddles(basins)

    assert voxels.value[basins.peak].tolist() == pytest.approx([0.9, 0.8])
    assert sorted([saddles.first[0], saddles.second[0]]) == [0, 1]
    assert voxels.value[saddles.rank].tolist() == pytest.approx([0.3])


def test_a_plateau_is_one_basin() -> None:
    voxels = find_foreground(np.full((4, 5, 6), 0.5), 0.01)

    basins = find_basins(voxels)

    assert basins.peak.tolist() == [0]
    assert not basins.basin.any()


def test_maps_that_are_thicker_than_what_is_held_at_once_are_read_whole() -> None:
    probability = np.random.default_rng(1).random((50, 4, 3)).astype(np.float32)

    one = find_foreground(probability, 0.2)
    other = find_foreground(np.asfortranarray(probability.astype(np.float64)), 0.2)

    assert np.array_equal(one.value, np.sort(probability[probability >= np.float32(0.2)])[::-1])
    assert all(
        np.array_equal(getattr(one, f), getattr(other, f)) for f in ("position", "rank", "order")
    )


def test_pairs_too_large_for_one_number_are_sorted_all_the_same() -> None:
    generator = np.random.default_rng(0)
    pair, rank = generator.integers(0, 9, 200), generator.integers(0, 1000, 200)

    quick, slow = _keep_first(pair, rank, 1000), _keep_first(pair, rank, 2**61)

    assert np.array_equal(quick[0], np.unique(pair))
    assert all(np.array_equal(a, b) for a, b in zip(quick, slow, strict=True))
    assert quick[1].tolist() == [rank[pair == one].min() for one in np.unique(pair)]


def test_a_map_below_the_floor_has_no_voxels() -> None:
    voxels = find_foreground(np.zeros((3, 4, 5)), 0.01)

    assert (voxels.value.size, voxels.shape) == (0, (3, 4, 5))


@pytest.mark.parametrize("wrong", [float("nan"), -0.01, 1.5, float("inf")])
def test_what_is_no_probability_is_refused(wrong: float) -> None:
    probability = np.zeros((40, 3, 3))
    probability[37, 1, 1] = wrong

    with pytest.raises(InputError, match=r"numbers in \[0, 1\] only"):
        find_foreground(probability, 0.01)


def test_a_map_has_three_dimensions() -> None:
    with pytest.raises(InputError, match=r"got the shape \(3, 3\)"):
        find_foreground(np.zeros((3, 3)), 0.01)
