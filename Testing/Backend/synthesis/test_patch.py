"""Cutting patches from scans."""

import numpy as np
import pytest

from atlastumor.errors import GridMismatchError, InputError
from atlastumor.organs import find_organ, label_names
from atlastumor.synthesis.patch import cut_patch, find_reach
from atlastumor.volume import Grid, LabelMap, Scan
from Backend.synthesis.made_case import CENTERS_RAS

LIVER, KIDNEY = find_organ("liver"), find_organ("kidney")


def test_a_patch_holds_the_voxels_of_its_box_and_knows_its_center(a_case):
    at = a_case.voxel_at(CENTERS_RAS["liver"])

    patch = cut_patch(a_case.scan, a_case.labels, LIVER, at, 20.0)

    assert np.array_equal(patch.hu, a_case.scan.array[patch.box])
    assert np.array_equal(patch.labels, a_case.labels.array[patch.box])
    assert patch.hu.dtype == np.float32
    assert patch.spacing_mm == pytest.approx((2.0, 1.6, 4.0))
    assert patch.voxel_mm3 == pytest.approx(12.8)
    assert tuple(s.start + c for s, c in zip(patch.box, patch.center, strict=True)) == at


def test_a_patch_reaches_as_far_in_mm_along_every_axis(a_case):
    patch = cut_patch(a_case.scan, a_case.labels, LIVER, (60, 56, 20), 20.0)

    assert patch.shape == (2 * 10 + 1, 2 * 13 + 1, 2 * 5 + 1)  # 20 mm, 20.8 mm, 20 mm


def test_at_the_faces_of_a_scan_a_patch_is_smaller_and_its_center_still_right(a_case):
    patch = cut_patch(a_case.scan, a_case.labels, LIVER, (1, 112, 38), 20.0)

    assert patch.box == (slice(0, 12), slice(99, 113), slice(33, 39))
    assert patch.center == (1, 13, 5)
    assert patch.hu[patch.center] == a_case.scan.array[1, 112, 38]


def test_both_kidneys_and_their_tumors_are_organ_and_labels_tell_them_apart():
    labels = np.zeros((5, 4, 3), np.uint8)
    labels[0, 0, 0], labels[1, 0, 0], labels[2, 0, 0], labels[3, 0, 0] = 3, 4, 29, 5
    grid = Grid(labels.shape, np.diag([1, 1, 2, 1]))
    scan = Scan(np.zeros(labels.shape, np.int16), grid)

    patch = cut_patch(scan, LabelMap(labels, grid, label_names()), KIDNEY, (2, 2, 1), 9.0)

    assert patch.organ[:, 0, 0].tolist() == [True, True, True, False, False]
    assert patch.organ.sum() == 3
    assert patch.labels[2, 0, 0] == 29


def test_offsets_are_mm_from_the_center(a_case):
    patch = cut_patch(a_case.scan, a_case.labels, LIVER, (60, 56, 20), 8.0)

    i, j, k = patch.offsets_mm()

    assert (i.shape, j.shape, k.shape) == ((9, 1, 1), (1, 11, 1), (1, 1, 5))
    assert i.ravel() == pytest.approx([-8, -6, -4, -2, 0, 2, 4, 6, 8])
    assert k.ravel() == pytest.approx([-8, -4, 0, 4, 8])


def test_writing_to_a_patch_leaves_the_scan_alone(a_case):
    before = a_case.scan.array[60, 56, 20]

    patch = cut_patch(a_case.scan, a_case.labels, LIVER, (60, 56, 20), 8.0)
    patch.hu[:] = 1.0
    patch.labels[:] = 1

    assert a_case.scan.array[60, 56, 20] == before
    assert not (a_case.labels.array == 1).any()


def test_labels_of_another_grid_are_refused(a_case):
    grid = a_case.scan.grid
    moved = grid.affine.copy()
    moved[0, 3] += 1.0
    labels = LabelMap(a_case.labels.array, Grid(grid.shape, moved), label_names())

    with pytest.raises(GridMismatchError, match="does not lie on the scan's grid"):
        cut_patch(a_case.scan, labels, LIVER, (60, 56, 20), 8.0)


@pytest.mark.parametrize("center", [(-1, 5, 5), (5, 113, 5), (5, 5, 39)])
def test_a_center_outside_the_scan_is_refused(a_case, center):
    with pytest.raises(InputError, match="outside the scan"):
        cut_patch(a_case.scan, a_case.labels, LIVER, center, 8.0)


def test_a_patch_reaches_beyond_the_tumor_and_its_border():
    assert all(find_reach(d) > 0.75 * d + 9 for d in (3.0, 20.0, 150.0))
