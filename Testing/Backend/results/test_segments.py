from __future__ import annotations

import numpy as np

from atlastumor.lesions import find_region, measure_lesions
from atlastumor.organs import ORGANS, find_organ, label_names
from atlastumor.results.segments import number_segments
from atlastumor.results.terminology import to_terminology_entry
from atlastumor.volume import Grid, LabelMap

TYPES = "Segmentation category and type - 3D Slicer General Anatomy list"
REGIONS = "Anatomic codes - DICOM master list"


def test_there_is_a_segment_for_each_organ_side_and_lesion_in_view(a_segmentation):
    numbered = number_segments(a_segmentation.labels, a_segmentation.lesions)

    assert [(one.number, one.name) for one in numbered.segments] == [
        (1, "Liver"),
        (2, "Left kidney"),
        (3, "Right kidney"),
        (4, "Liver tumor 1"),
        (5, "Liver tumor 2"),
        (6, "Kidney tumor 1"),
    ]


def test_nothing_in_view_gives_no_segment(a_clean_segmentation):
    assert number_segments(a_clean_segmentation.labels, ()).segments == ()


def test_painting_slab_by_slab_gives_every_voxel_its_segment(a_segmentation):
    labels = a_segmentation.labels
    numbered = number_segments(labels, a_segmentation.lesions)

    painted = np.concatenate([numbered.paint(0, 3), numbered.paint(3, 4), numbered.paint(4, 10)], 2)

    left, right = find_organ("kidney").sides
    expected = np.zeros(labels.grid.shape, int)
    for number, label in ((1, 5), (2, left.label), (3, right.label)):
        expected[labels.array == label] = number
    for number, lesion in enumerate(a_segmentation.lesions, start=4):
        region = find_region(labels, lesion)
        expected[region.box][region.mask] = number
    assert painted.dtype == np.uint8
    assert (painted == expected).all()


def test_more_than_255_segments_are_numbered_in_two_bytes():
    array = np.zeros((60, 60, 12), np.uint8)
    for n, organ in enumerate(ORGANS[:3]):
        array[::6, ::6, 4 * n] = organ.tumor_label
    labels = LabelMap(array, Grid(array.shape, np.diag([1.0, 1, 5, 1])), label_names())
    lesions = measure_lesions(labels, organs=ORGANS, score_of=lambda *_: 0.5).lesions

    painted = number_segments(labels, lesions).paint(0, 12)

    assert len(lesions) == 300
    assert painted.dtype == np.uint16
    assert sorted(np.unique(painted)) == list(range(301))


def test_of_hundreds_of_tumors_the_smaller_ones_share_a_segment(many_tumors):
    labels, lesions = many_tumors.labels, many_tumors.lesions

    numbered = number_segments(labels, lesions)

    n_organs = sum(one.is_organ for one in numbered.segments)
    own, last = numbered.segments[n_organs:-1], numbered.segments[-1]
    assert [one.lesion for one in own] == [one for one in lesions if one.index <= 100]
    assert (last.name, last.key) == ("Liver tumors from 101 on", "AtlasTumor_liver_tumors_rest")
    assert last.lesion is None
    assert last.is_shared
    assert not last.is_organ
    assert [one.number for one in numbered.segments] == list(range(1, len(numbered.segments) + 1))
    painted = numbered.paint(0, labels.grid.shape[2])
    expected = np.zeros(labels.grid.shape, bool)
    for lesion in (one for one in lesions if one.index > 100):
        region = find_region(labels, lesion)
        expected[region.box][region.mask] = True
    np.testing.assert_array_equal(painted == last.number, expected)
    assert expected.any()


def test_a_hundred_tumors_of_an_organ_share_nothing(many_tumors):
    hundred = [one for one in many_tumors.lesions if one.index <= 100]

    assert not any(one.is_shared for one in number_segments(many_tumors.labels, hundred).segments)


def test_tumors_that_share_a_segment_are_masses_in_a_region(many_tumors):
    shared = number_segments(many_tumors.labels, many_tumors.lesions).segments[-1]

    mass = "SCT^49755003^Morphologically Altered Structure~SCT^4147007^Mass~^^"
    expected = f"{TYPES}~{mass}~{REGIONS}~SCT^10200004^Liver~^^"
    assert to_terminology_entry(shared) == expected


def test_terminology_says_organ_side_and_mass_in_region(a_segmentation):
    numbered = number_segments(a_segmentation.labels, a_segmentation.lesions)

    entries = {one.name: to_terminology_entry(one) for one in numbered.segments}

    organ = "SCT^123037004^Anatomical Structure"
    mass = "SCT^49755003^Morphologically Altered Structure~SCT^4147007^Mass~^^"
    kidney, left = "SCT^64033007^Kidney", "SCT^7771000^Left"
    assert entries["Liver"] == f"{TYPES}~{organ}~SCT^10200004^Liver~^^~{REGIONS}~^^~^^"
    assert entries["Left kidney"] == f"{TYPES}~{organ}~{kidney}~{left}~{REGIONS}~^^~^^"
    assert entries["Liver tumor 1"] == f"{TYPES}~{mass}~{REGIONS}~SCT^10200004^Liver~^^"
    assert entries["Kidney tumor 1"] == f"{TYPES}~{mass}~{REGIONS}~{kidney}~{left}"
