"""Patches that are turned, scaled and bent."""

import numpy as np
import pytest

from atlastumor.training.patches import crop
from atlastumor.training.warp import STILL, Warp, draw_warp, find_places

SIZE = np.array([12, 14, 16])
STRAIGHT = np.zeros((3, 2, 2, 2), np.float32)


def cut(array, corner, warp=STILL, source=SIZE):
    return find_places(np.array(corner), source, SIZE, warp).look_up(array)


@pytest.fixture
def numbers():
    return np.random.default_rng(4).integers(1, 200, (20, 18, 22)).astype(np.uint8)


@pytest.mark.parametrize("corner", [(3, 2, 4), (-5, 8, -3), (15, -9, 12)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float16])
def test_without_a_warp_it_is_a_crop(numbers, corner, kind):
    array = numbers.astype(kind)

    found = cut(array, corner)

    assert found.dtype == kind
    assert np.abs(found.astype(float) - crop(array, np.array(corner), SIZE)).max() < 0.02


@pytest.mark.parametrize("corner", [(3, 2, 4), (-5, 8, -3), (40, 0, 0)])
def test_what_lies_beyond_the_scan_is_told(numbers, corner):
    inside = find_places(np.array(corner), SIZE, SIZE, STILL).inside(numbers.shape)

    assert np.array_equal(inside, crop(numbers, np.array(corner), SIZE) > 0)


def test_a_quarter_turn_turns_the_patch(numbers):
    size = np.array([10, 10, 10])
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    corner = np.array([4, 4, 5])

    found = find_places(corner, size, size, Warp(turn, STRAIGHT)).look_up(numbers)

    assert np.array_equal(found, np.rot90(crop(numbers, corner, size), -1, axes=(0, 1)))


def test_a_source_twice_as_large_shows_twice_as_much():
    ramp = np.arange(40, dtype=np.float32)[:, None, None] * np.ones((1, 40, 40), np.float32)

    found = cut(ramp, (5, 5, 5), source=2 * SIZE)

    assert np.allclose(found[:, 3, 3], 5.5 + 2 * np.arange(12))


def test_a_shift_of_a_tenth_moves_by_a_tenth_of_the_edge():
    ramp = np.arange(60, dtype=np.float32)[:, None, None] * np.ones((1, 60, 60), np.float32)
    shifts = STRAIGHT.copy()
    shifts[0] = 0.1

    moved = cut(ramp, (20, 20, 20), Warp(np.eye(3), shifts))

    assert np.allclose(moved - cut(ramp, (20, 20, 20)), 1.2, atol=1e-4)


def test_labels_are_warped_with_their_image():
    image = np.zeros((60, 60, 60), np.float32)
    image[18:40, 22:44, 15:45] = 1.0
    size, corner = np.array([50, 50, 50]), np.array([5, 5, 5])
    for seed in range(4):
        warp = draw_warp(np.random.default_rng(seed), 1.0)
        places = find_places(corner, size, size, warp)
        shown, labeled = places.look_up(image), places.look_up(image.astype(np.uint8))

        nearest = 1 / 8  # of the eight voxels between which a place lies: at least its weight
        assert labeled[shown < nearest].max() == 0
        assert labeled[shown > 1 - nearest].min() == 1
        assert not np.array_equal(labeled, crop(image, corner, size))


def test_as_many_are_warped_as_asked():
    rng = np.random.default_rng(1)
    n = sum(draw_warp(rng, 0.3) is not STILL for _ in range(200))

    assert 40 < n < 80
    assert draw_warp(rng, 0.0) is STILL
