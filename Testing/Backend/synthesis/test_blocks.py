"""An organ seen coarsely, on a box whose answers can be worked out by hand."""

import numpy as np
import pytest

from atlastumor.organs import find_organ, label_names
from atlastumor.synthesis.blocks import survey_organ
from atlastumor.volume import Grid, LabelMap, Scan

PANCREAS = find_organ("pancreas")
SPACING_MM = (1.0, 1.25, 5.0)  # blocks of 2, 2 and 1 voxels: 2 x 2.5 x 5 mm (2.5 rounds to even)


def survey(paint):
    labels = np.zeros((61, 60, 20), np.uint8)
    hu = np.full(labels.shape, -100, np.int16)
    paint(labels, hu)
    grid = Grid(labels.shape, np.diag([*SPACING_MM, 1.0]))
    return survey_organ(Scan(hu, grid), LabelMap(labels, grid, label_names()), PANCREAS)


def a_bar(labels, hu):
    labels[20:41, 20:40, 8:12] = 6  # 21 x 25 x 20 mm
    hu[labels == 6] = 90


def test_an_organ_that_is_not_there_has_no_blocks():
    assert survey(lambda _labels, _hu: None) is None


def test_blocks_cover_the_organ_and_ten_mm_around_it():
    blocks = survey(a_bar)

    assert blocks.start == (10, 12, 6)
    assert blocks.step == (2, 2, 1)
    assert blocks.spacing_mm == pytest.approx((2.0, 2.5, 5.0))
    assert blocks.organ.shape == (21, 18, 8)  # voxels 10-50, 12-47, 6-13
    assert blocks.box_of((5, 4, 2), (61, 60, 20)) == (slice(20, 22), slice(20, 22), slice(8, 9))


def test_a_block_is_organ_if_half_of_it_is_and_its_density_is_the_organs_alone():
    def paint(labels, hu):
        a_bar(labels, hu)
        hu[40, 20:40, 8:12] = 50

    blocks = survey(paint)

    assert blocks.organ[15, 4, 2]  # voxels 40 and 41 along i: one of them organ
    assert not blocks.organ[16].any()
    assert blocks.organ.sum() == 11 * 10 * 4
    assert blocks.density[15, 4, 2] == pytest.approx(50.0)
    assert blocks.density[10, 8, 3] == pytest.approx(90.0)


def test_depth_and_distances_are_in_mm():
    def paint(labels, hu):
        a_bar(labels, hu)
        labels[30, 30, 13] = 27  # another organ's tumor, one slice above

    blocks = survey(paint)

    assert blocks.depth_mm[5, 8, 3] == pytest.approx(2.0 - 1.0)  # at the face along i
    assert blocks.depth_mm[10, 8, 3] == pytest.approx(10.0 - 1.0)  # two slices from the next face
    assert blocks.depth_mm[~blocks.organ].max() == 0
    assert blocks.tumor_mm[10, 9, 3] == pytest.approx(4 * 5.0)
    assert blocks.face_mm[10, 9, 7] == pytest.approx(30.0)  # voxels 30 and 31 of 61 along i
    assert blocks.face_mm[15, 9, 7] == pytest.approx(20.0)
    assert np.isinf(survey(a_bar).tumor_mm).all()


def test_the_crowded_middle_of_an_organ_has_more_of_it_around_than_its_ends():
    blocks = survey(a_bar)

    most = np.unravel_index(np.argmax(blocks.crowding), blocks.crowding.shape)
    assert np.abs(np.array(most) - (10, 8.5, 3.5)).max() <= 1
    assert 0 < blocks.crowding.max() < 1
