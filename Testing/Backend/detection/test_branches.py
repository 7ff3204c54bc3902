from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.detection.branches import Forest, grow_forest
from atlastumor.detection.foreground import find_foreground

TOUCHING = np.ones((3, 3, 3), bool)


def volumes_at(forest: Forest, n: int) -> list[int]:
    alive = np.flatnonzero((forest.peak < n) & (forest.death >= n))
    return sorted(forest.volume[forest.find_entries(alive, np.full(alive.size, n))].tolist())


def test_where_two_meet_the_higher_goes_on() -> None:
    probability = np.zeros((1, 1, 6), np.float32)
    probability[0, 0] = [0.5, 0.8, 0.3, 0.4, 0.9, 0.2]

    forest = grow_forest(find_foreground(probability, 0.01))

    assert forest.voxels.value[forest.peak].tolist() == pytest.approx([0.9, 0.8])
    assert forest.parent.tolist() == [0, 0]
    assert forest.voxels.value[forest.death[1]] == np.float32(0.3)
    assert [volumes_at(forest, n) for n in range(1, 7)] == [[1], [1, 1], [1, 2], [2, 2], [5], [6]]


def nested_deaths(forest: Forest) -> np.ndarray:
    """Ranks of voxels with which a branch is absorbed that has just absorbed another."""
    order = forest.order
    return forest.death[order[forest.death[order] == forest.death[forest.parent[order]]]]


def test_components_of_noise_have_the_volumes_of_a_labeling() -> None:
    n_nested = 0
    for seed in range(8):
        probability = np.random.default_rng(seed).random((12, 11, 10)).astype(np.float32)
        forest = grow_forest(find_foreground(probability, 0.1))
        nested = nested_deaths(forest)
        n_nested += nested.size
        for rank in {*nested.tolist(), *forest.death[forest.order[::6]].tolist()}:
            labels, _ = ndimage.label(probability >= forest.voxels.value[rank], TOUCHING)
            volumes = np.bincount(labels.ravel())[1:]
            assert volumes_at(forest, rank + 1) == sorted(volumes.tolist())
    assert n_nested


def test_no_voxels_make_no_branches() -> None:
    forest = grow_forest(find_foreground(np.zeros((3, 3, 3)), 0.5))

    assert (forest.peak.size, forest.volume.size) == (0, 0)
