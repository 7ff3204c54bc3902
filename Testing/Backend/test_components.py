"""Connected parts of label maps, and what finding them costs."""

import tracemalloc

import numpy as np

from atlastumor.components import find_components, find_holes, grow_box, has_label

WHOLE = tuple(slice(0, 84) for _ in range(3))


def test_labels_are_found_as_numpy_finds_them():
    array = np.random.default_rng(0).integers(0, 5, (7, 8, 9)).astype(np.uint8)

    assert np.array_equal(has_label(array, (1, 4)), np.isin(array, (1, 4)))
    assert not has_label(array, ()).any()


def test_looking_for_labels_takes_two_bytes_a_voxel():
    array = np.ones((128, 128, 64), np.uint8, order="F")

    tracemalloc.start()
    has_label(array, (1, 2, 3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2.2 * array.size


def test_more_parts_than_two_bytes_can_number_are_all_found():
    array = np.zeros((84, 84, 84), np.uint8)
    array[::2, ::2, ::2] = 1

    parts = sum(1 for _ in find_components(array, 1, WHOLE))

    assert parts == 42**3 > 2**16


def test_a_part_comes_with_its_tight_box():
    array = np.zeros((84, 84, 84), np.uint8)
    array[3:5, 10, 20:25] = 7
    array[5, 11, 25] = 7  # touches by a corner
    array[70, 70, 70] = 7

    parts = sorted(find_components(array, 7, WHOLE), key=lambda part: part.box[0].start)

    assert [part.box for part in parts] == [
        (slice(3, 6), slice(10, 12), slice(20, 26)),
        (slice(70, 71), slice(70, 71), slice(70, 71)),
    ]
    assert [int(part.mask.sum()) for part in parts] == [11, 1]


def test_a_hole_is_what_no_way_over_faces_leads_out_of():
    mask = np.zeros((7, 7, 7), bool)
    mask[1:6, 1:6, 1:6] = True
    mask[3, 3, 2:5] = False
    mask[1, 1, 1] = False  # a nick in a corner

    assert np.argwhere(find_holes(mask)).tolist() == [[3, 3, 2], [3, 3, 3], [3, 3, 4]]
    mask[3, 3, 5] = False  # a tunnel to the outside
    assert not find_holes(mask).any()


def test_a_hole_reaches_the_faces_of_no_array():
    mask = np.ones((3, 3, 3), bool)
    mask[1, 1, 0] = False

    assert not find_holes(mask).any()


def test_a_grown_box_stays_within_the_volume():
    box = (slice(2, 4), slice(0, 3), slice(7, 9))

    assert grow_box(box, (1, 2, 3), (10, 10, 10)) == (slice(1, 5), slice(0, 5), slice(4, 10))
    assert grow_box(box, (0, 0, 0), (10, 10, 10)) == box
