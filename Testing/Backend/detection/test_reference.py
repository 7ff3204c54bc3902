from __future__ import annotations

import math

import numpy as np
import pytest

from atlastumor.components import find_box
from atlastumor.detection.reference import (
    IGNORED,
    count_fewest_voxels,
    find_reference_lesions,
)
from atlastumor.errors import InputError

SPACING = (1.0, 2.0, 5.0)  # a voxel of 10 mm3
SHAPE = (9, 8, 7)


def a_mask(*blocks: tuple[slice, slice, slice]) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    for block in blocks:
        mask[block] = True
    return mask


def everywhere(shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(0, n) for n in shape)


def test_a_lesion_knows_its_volume_center_and_box() -> None:
    mask = a_mask((slice(2, 5), slice(1, 3), slice(4, 6)))

    (lesion,) = find_reference_lesions(mask, spacing_mm=SPACING).lesions

    assert (lesion.index, lesion.n_voxels) == (1, 12)
    assert lesion.volume_ml == pytest.approx(0.12)
    assert lesion.center_ijk == (3.0, 1.5, 4.5)
    assert lesion.box == (slice(2, 5), slice(1, 3), slice(4, 6))
    assert 4 / 3 * math.pi * lesion.radius_mm**3 == pytest.approx(120.0)
    assert lesion.diameter_mm == 2 * lesion.radius_mm


def test_voxels_that_touch_at_a_corner_are_one_lesion() -> None:
    mask = a_mask((slice(0, 2), slice(0, 2), slice(0, 2)), (slice(2, 4), slice(2, 4), slice(2, 4)))

    assert len(find_reference_lesions(mask, spacing_mm=SPACING).lesions) == 1


def test_crumbs_are_ignored_regions_and_listed() -> None:
    mask = a_mask((slice(0, 1), slice(0, 1), slice(0, 2)), (slice(4, 7), slice(4, 5), slice(4, 5)))

    reference = find_reference_lesions(mask, spacing_mm=SPACING, min_volume_mm3=30.0)

    assert [lesion.n_voxels for lesion in reference.lesions] == [3]
    assert [crumb.n_voxels for crumb in reference.crumbs] == [2]
    assert reference.n_ignored == 1
    parts = reference.parts_in(everywhere(SHAPE))
    assert (parts[0, 0, 0], parts[5, 4, 4], parts[8, 7, 6]) == (IGNORED, 1, 0)


def test_an_ignored_region_leaves_a_lesion_its_voxels() -> None:
    lesion = (slice(0, 3), slice(0, 2), slice(0, 2))
    ignore = a_mask((slice(2, 6), slice(0, 1), slice(0, 1)))

    reference = find_reference_lesions(a_mask(lesion), spacing_mm=SPACING, ignore=ignore)

    parts = reference.parts_in(everywhere(SHAPE))
    assert parts[:, 0, 0].tolist() == [1, 1, 1, IGNORED, IGNORED, IGNORED, 0, 0, 0]
    assert reference.n_ignored == 1


def test_an_empty_reference_has_neither_lesions_nor_ignored_regions() -> None:
    reference = find_reference_lesions(np.zeros(SHAPE, bool), spacing_mm=SPACING)

    assert (reference.lesions, reference.n_ignored, reference.shape) == ((), 0, SHAPE)
    assert not reference.parts_in(everywhere(SHAPE)).any()


def test_parts_can_be_read_in_a_box_that_reaches_beyond_them() -> None:
    reference = find_reference_lesions(
        a_mask((slice(3, 5), slice(3, 5), slice(3, 5))), spacing_mm=SPACING
    )

    part = reference.parts_in((slice(4, 8), slice(0, 4), slice(4, 7)))

    assert part.shape == (4, 4, 3)
    assert np.argwhere(part).tolist() == [[0, 3, 0]]


def test_the_order_of_memory_does_not_change_the_lesions() -> None:
    mask = np.random.default_rng(0).random(SHAPE) < 0.2

    one = find_reference_lesions(mask, spacing_mm=SPACING)
    other = find_reference_lesions(np.asfortranarray(mask), spacing_mm=SPACING)

    assert one.lesions == other.lesions


def test_rounding_does_not_raise_the_least_number_of_voxels() -> None:
    assert count_fewest_voxels(30.0, (0.1, 1.0, 3.0)) == 100
    assert count_fewest_voxels(30.1, (0.1, 1.0, 3.0)) == 101
    assert count_fewest_voxels(0.0, SPACING) == 1
    as_stored = float(np.nextafter(np.float32(1.0), np.float32(0.0)))  # 1 mm on a turned grid
    assert count_fewest_voxels(30.0, (as_stored, as_stored, as_stored)) == 30


def test_an_empty_mask_has_no_box() -> None:
    assert find_box(np.zeros(SHAPE, bool)) is None


@pytest.mark.parametrize(
    ("mask", "options", "message"),
    [
        (np.zeros((3, 3), bool), {}, r"shape \(3, 3\)"),
        (np.zeros(SHAPE, np.uint8), {}, "got uint8"),
        (np.zeros(SHAPE, bool), {"spacing_mm": (1.0, 0.0, 1.0)}, "three positive lengths"),
        (np.zeros(SHAPE, bool), {"min_volume_mm3": -1.0}, "give 0 or more"),
        (np.zeros(SHAPE, bool), {"ignore": np.zeros((1, 1, 1), bool)}, "of the reference's shape"),
    ],
)
def test_what_cannot_be_a_reference_is_refused(
    mask: np.ndarray, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        find_reference_lesions(mask, **{"spacing_mm": SPACING, **options})


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_box_is_the_smallest_whatever_the_order_of_the_axes(order: str) -> None:
    mask = np.zeros((9, 12, 7), bool, order=order)
    mask[2, 5, 6] = mask[4, 3, 1] = True

    assert find_box(mask) == (slice(2, 5), slice(3, 6), slice(1, 7))
    assert find_box(mask[::2]) == (slice(1, 3), slice(3, 6), slice(1, 7))
