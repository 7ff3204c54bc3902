"""What fits where, and taking exactly as many voxels as a tumor needs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import PlacementError
from atlastumor.synthesis.patch import Patch
from atlastumor.synthesis.room import (
    count_voxels,
    cut_to_share,
    cut_to_size,
    has_room,
    largest_diameter,
    refuse,
)

TOUCHING = np.ones((3, 3, 3), bool)


def an_empty_patch(shape, spacing_mm, center):
    return Patch(
        hu=np.zeros(shape, np.float32),
        organ=np.ones(shape, bool),
        labels=np.zeros(shape, np.uint8),
        spacing_mm=spacing_mm,
        center=center,
        box=tuple(slice(0, n) for n in shape),
    )


def n_parts(mask):
    return ndimage.label(mask, TOUCHING)[1]


def test_the_voxels_of_a_ball_are_counted_by_volume():
    patch = an_empty_patch((3, 3, 3), (1.0, 2.0, 5.0), (1, 1, 1))

    assert count_voxels(patch, 20.0) == 419  # 4188.8 mm^3 of 10 mm^3 each
    assert count_voxels(patch, 1.0) == 1


def test_a_plate_has_room_for_what_it_holds_within_one_and_a_half_radii():
    patch = an_empty_patch((81, 81, 41), (1.0, 1.0, 2.0), (40, 40, 20))
    plate = np.zeros(patch.shape, bool)
    plate[:, :, 19:22] = True  # 6 mm thick: pi (1.5 r)^2 6 >= 4/3 pi r^3 up to r = 10.125

    assert has_room(patch, plate, 19.0)
    assert not has_room(patch, plate, 21.0)
    assert largest_diameter(patch, plate, (40, 40, 20)) == pytest.approx(20.0, abs=1.0)


def test_what_does_not_hang_together_with_the_center_is_no_room():
    patch = an_empty_patch((41, 41, 41), (1.0, 1.0, 1.0), (20, 20, 20))
    halves = np.ones(patch.shape, bool)
    halves[22] = False

    assert has_room(patch, halves, 16.0)
    halves[23:] = False
    alone = halves.copy()
    halves[23:] = True
    assert largest_diameter(patch, halves, (20, 20, 20)) == largest_diameter(
        patch, alone, (20, 20, 20)
    )


def test_nothing_fits_at_a_voxel_that_is_not_allowed():
    patch = an_empty_patch((21, 21, 21), (1.0, 1.0, 1.0), (10, 10, 10))
    allowed = np.ones(patch.shape, bool)
    allowed[10, 10, 10] = False

    assert largest_diameter(patch, allowed, (10, 10, 10)) == 0
    assert largest_diameter(patch, allowed, (5, 10, 10)) > 5


def test_a_refusal_names_the_largest_that_fits():
    assert str(refuse(40.0, 23.0)) == (
        "A tumor of 40 mm does not fit here; the largest that does is 23 mm."
    )
    assert "nor does any of 3 mm or more" in str(refuse(40.0, 0.0))


def lowest_flood(level, allowed, center, n_voxels):
    """The lowest threshold at which enough voxels hang together, tried one by one."""
    for threshold in np.sort(level[allowed]):
        mask = allowed & (level <= threshold)
        mask[center] = True
        parts, _ = ndimage.label(mask, TOUCHING)
        if (parts == parts[center]).sum() >= n_voxels:
            return threshold
    raise AssertionError


@pytest.mark.parametrize("seed", range(8))
def test_as_many_voxels_as_asked_for_are_taken_at_the_lowest_level_that_has_them(seed):
    rng = np.random.default_rng(seed)
    level = ndimage.gaussian_filter(rng.random((9, 10, 11)), 1.0)
    allowed = rng.random(level.shape) < 0.5
    center = (4, 5, 6)
    allowed[center] = True
    n_voxels = int(rng.integers(1, 45))

    mask = cut_to_size(level, allowed, center, n_voxels)

    assert mask.sum() == n_voxels
    assert mask[center]
    assert n_parts(mask) == 1
    assert not (mask & ~allowed).any()
    others = mask.copy()
    others[center] = False
    if others.any():
        assert level[others].max() <= lowest_flood(level, allowed, center, n_voxels)


def test_a_region_that_joins_at_once_is_taken_from_its_near_end():
    level = np.zeros((30, 1, 1))
    level[:5, 0, 0], level[5, 0, 0] = np.arange(5) / 10, 1.0  # a bar beyond a late bridge
    allowed = np.ones(level.shape, bool)

    mask = cut_to_size(level, allowed, (0, 0, 0), 10)

    assert mask.ravel().tolist() == [True] * 10 + [False] * 20


def test_equal_levels_are_taken_from_the_center_outwards():
    level = np.zeros((9, 9, 9))

    mask = cut_to_size(level, np.ones(level.shape, bool), (4, 4, 4), 27)

    assert mask[3:6, 3:6, 3:6].all()
    assert mask.sum() == 27


def test_too_few_voxels_and_a_center_not_allowed_are_refused():
    level = np.zeros((5, 5, 5))
    allowed = np.zeros(level.shape, bool)
    allowed[0] = True

    with pytest.raises(PlacementError, match="Only 25 of 26 voxels"):
        cut_to_size(level, allowed, (0, 0, 0), 26)
    with pytest.raises(PlacementError, match="No tumor may grow at this point"):
        cut_to_size(level, allowed, (4, 0, 0), 3)


def a_half_space():
    """An organ on one side of the center, which is its surface; levels are distances."""
    patch = an_empty_patch((41, 41, 41), (1.0, 1.0, 1.0), (20, 20, 20))
    patch = replace(patch, organ=np.broadcast_to(np.arange(41)[:, None, None] <= 20, patch.shape))
    i, j, k = patch.offsets_mm()
    return patch, np.sqrt((i + 4.0) ** 2 + j * j + k * k) / 10.0


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1])
def test_of_a_tumor_no_more_than_a_share_lies_outside_and_its_size_stays(share):
    patch, level = a_half_space()
    allowed = np.ones(patch.shape, bool)
    free = cut_to_share(level, patch, allowed, 20.0, 0.5)
    assert (free & ~patch.organ).sum() > 0.1 * free.sum()  # else the test tests nothing

    mask = cut_to_share(level, patch, allowed, 20.0, share)

    outside = (mask & ~patch.organ).sum() / mask.sum()
    assert share - 0.03 < outside <= share
    assert mask.sum() == free.sum()
    assert n_parts(mask) == 1
    assert mask[patch.center]


def test_a_share_that_is_kept_changes_nothing():
    patch, level = a_half_space()
    allowed = np.ones(patch.shape, bool)

    free = cut_to_size(level, allowed, patch.center, count_voxels(patch, 20.0))

    assert np.array_equal(cut_to_share(level, patch, allowed, 20.0, 0.3), free)


def test_where_the_organ_holds_too_little_a_tumor_is_refused():
    patch, level = a_half_space()
    patch = replace(patch, organ=patch.organ & (level < 0.45))

    with pytest.raises(PlacementError, match=r"More than 30% of this tumor would lie outside"):
        cut_to_share(level, patch, np.ones(patch.shape, bool), 20.0, 0.3)
