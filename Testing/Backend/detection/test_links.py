from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.detection import links
from atlastumor.detection.links import find_blocks, find_links, list_steps

TOUCHING = np.ones((3, 3, 3), bool)
SHAPE = (6, 7, 8)
ROW, PLANE = SHAPE[2], SHAPE[1] * SHAPE[2]
MARGIN = PLANE + ROW + 1


def a_box_of_heights(seed: int) -> np.ndarray:
    """A box with a border of background, and more of it inside."""
    generator = np.random.default_rng(seed)
    grain = ndimage.gaussian_filter(generator.random(SHAPE), 0.6)
    height = np.argsort(np.argsort(grain.ravel())).reshape(SHAPE).astype(np.int32) + 1
    height[generator.random(SHAPE) < 0.2] = 0
    inside = np.pad(np.ones([n - 2 for n in SHAPE], bool), 1)
    return np.where(inside, height, 0)


def count_higher_groups(height: np.ndarray, index: int) -> int:
    i, j, k = np.unravel_index(index, height.shape)
    around = height[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2]
    return ndimage.label(around > height[i, j, k], TOUCHING)[1]


@pytest.mark.parametrize("few", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_every_saddle_is_found_and_few_others(
    seed: int, few: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_FEW", few)  # all voxels in a row, or picked ones
    height = a_box_of_heights(seed)
    flat = height.ravel()
    place = np.flatnonzero(flat) - MARGIN
    true = [p for p in place.tolist() if count_higher_groups(height, p + MARGIN) > 1]

    found, _, _ = find_links(flat, find_blocks(flat, PLANE, ROW), place, PLANE, ROW)

    assert true
    assert set(true) <= set(found.tolist()) <= set(place.tolist())
    assert len(found) <= 1.2 * len(true) + 2


def test_what_is_said_to_be_connected_is_and_the_rest_holds_all_others() -> None:
    height = a_box_of_heights(0)
    flat = height.ravel()
    blocks = find_blocks(flat, PLANE, ROW)
    found, reached, others = find_links(flat, blocks, np.flatnonzero(flat) - MARGIN, PLANE, ROW)

    for at, one, other in zip(found.tolist(), reached.tolist(), others.tolist(), strict=True):
        own = flat[at + MARGIN]
        labels, n = ndimage.label(_around(height, at) > own, TOUCHING)
        tops = [blocks[at + step] for step in list_steps(PLANE, ROW)]
        groups = [_group(height, at, labels, top) if top > own else 0 for top in tops]
        in_one = {group for bit, group in enumerate(groups) if one >> bit & 1}
        in_other = {group for bit, group in enumerate(groups) if other >> bit & 1}
        assert len(in_one) == 1
        assert in_one | in_other == set(range(1, n + 1))


def _around(height: np.ndarray, at: int) -> np.ndarray:
    i, j, k = np.unravel_index(at + MARGIN, height.shape)
    return height[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2]


def _group(height: np.ndarray, at: int, labels: np.ndarray, top: int) -> int:
    return int(labels[_around(height, at) == top][0])
