"""Lesions found, missed and false, on boxes whose overlaps can be counted by hand."""

import numpy as np
import pytest

from atlastumor.detection import dice, match_lesions
from atlastumor.errors import GridMismatchError
from atlastumor.organs import find_organ
from atlastumor.volume import Grid, LabelMap

LIVER = find_organ("liver")


def a_label_map(*boxes, value=LIVER.tumor_label, spacing=(1.0, 1.0, 5.0), shape=(40, 40, 20)):
    array = np.zeros(shape, np.uint8)
    for box in boxes:
        array[tuple(slice(a, b) for a, b in box)] = value
    return LabelMap(array, Grid(shape, np.diag([*spacing, 1.0])), {value: "tumor"})


CUBE = ((5, 15), (5, 15), (5, 7))  # 200 voxels of 5 mm3: 1 mL


def test_the_same_lesion_is_found_with_iou_one():
    match = match_lesions(a_label_map(CUBE), a_label_map(CUBE))

    assert [(m.volume_ml, m.iou) for m in match.lesions] == [(pytest.approx(1.0), 1.0)]
    assert (match.n_found, match.n_false) == (1, 0)


def test_overlap_below_a_tenth_is_neither_found_nor_false():
    touching = ((14, 24), (5, 15), (5, 7))  # shares 20 of 200 + 200: IoU 20/380

    match = match_lesions(a_label_map(touching), a_label_map(CUBE))

    assert match.lesions[0].iou == pytest.approx(20 / 380)
    assert (match.n_found, match.n_false) == (0, 0)


def test_two_pieces_together_find_one_lesion():
    pieces = (((5, 7), (5, 15), (5, 7)), ((9, 11), (5, 15), (5, 7)))

    match = match_lesions(a_label_map(*pieces), a_label_map(CUBE))

    assert match.lesions[0].iou == pytest.approx(80 / 200)


def test_a_component_elsewhere_is_false_unless_it_is_a_crumb():
    far = ((30, 35), (30, 35), (15, 16))
    crumb = ((20, 22), (30, 31), (15, 16))  # 10 mm3

    match = match_lesions(a_label_map(far, crumb), a_label_map(CUBE))

    assert (match.n_reference, match.n_found, match.false_positives) == (1, 0, ("liver",))


def test_a_tumor_of_another_organ_does_not_count_as_a_hit():
    pancreas = a_label_map(CUBE, value=find_organ("pancreas").tumor_label)

    match = match_lesions(pancreas, a_label_map(CUBE))

    assert (match.n_found, match.false_positives) == (0, ("pancreas",))


def test_nothing_against_nothing_is_an_empty_match():
    match = match_lesions(a_label_map(), a_label_map())

    assert (match.n_reference, match.n_false) == (0, 0)


def test_the_equivalent_diameter_is_that_of_the_ball():
    match = match_lesions(a_label_map(), a_label_map(CUBE))

    assert match.lesions[0].diameter_mm == pytest.approx(12.407, abs=1e-3)


def test_dice_counts_an_organ_and_its_tumor_together():
    half = ((5, 10), (5, 15), (5, 7))
    reference = a_label_map(CUBE, value=LIVER.label)

    assert dice(a_label_map(half), reference, (LIVER.label, LIVER.tumor_label)) == 2 * 100 / 300
    assert np.isnan(dice(a_label_map(), a_label_map(), (1,)))


def test_different_grids_are_refused():
    with pytest.raises(GridMismatchError, match="one grid"):
        match_lesions(a_label_map(CUBE), a_label_map(CUBE, spacing=(1.0, 1.0, 4.0)))
