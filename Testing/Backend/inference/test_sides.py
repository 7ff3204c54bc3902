from __future__ import annotations

import numpy as np
import pytest

from atlastumor.inference.orientation import find_orientation, orient, orient_grid
from atlastumor.inference.sides import split_sides
from atlastumor.organs import find_organ
from atlastumor.volume import Grid

KIDNEY = find_organ("kidney")
AFFINE = np.diag([4.0, 3.0, 5.0, 1.0])
AFFINE[0, 3] = -120.0  # R runs from -120 to 116 mm
GRID = Grid((60, 20, 20), AFFINE)


def two_kidneys() -> np.ndarray:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[8:18, 5:12, 4:16] = 3
    labels[40:52, 5:12, 4:16] = 3
    return labels


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SAL", "IRP"])
def test_the_patients_right_is_right_in_any_orientation(codes: str) -> None:
    orientation = find_orientation(GRID, codes)
    labels = np.ascontiguousarray(orient(two_kidneys(), orientation))

    split_sides(labels, orient_grid(GRID, orientation), KIDNEY, body_center_mm=0.0)

    expected = two_kidneys()
    expected[40:52][expected[40:52] == 3] = 4
    np.testing.assert_array_equal(labels, orient(expected, orientation))


def test_two_kidneys_are_told_apart_although_the_bodys_middle_is_misjudged() -> None:
    labels = two_kidneys()

    split_sides(labels, GRID, KIDNEY, body_center_mm=-115.0)

    assert (labels[8:18] == 3).any()
    assert not (labels[8:18] == 4).any()
    assert (labels[40:52] == 4).any()


@pytest.mark.parametrize(("center_mm", "label"), [(0.0, 3), (-110.0, 4)])
def test_a_single_kidney_lies_on_its_side_of_the_body(center_mm: float, label: int) -> None:
    labels = two_kidneys()
    labels[30:] = 0

    split_sides(labels, GRID, KIDNEY, body_center_mm=center_mm)

    assert (labels[8:18, 5:12, 4:16] == label).all()


def test_a_horseshoe_kidney_is_cut_in_the_middle() -> None:
    labels = two_kidneys()
    labels[18:40, 5:8, 4:8] = 3

    split_sides(labels, GRID, KIDNEY, body_center_mm=-2.0)

    right = np.flatnonzero((labels == 4).any(axis=(1, 2)))
    left = np.flatnonzero((labels == 3).any(axis=(1, 2)))
    assert left.tolist() == list(range(8, 30))
    assert right.tolist() == list(range(30, 52))


def test_a_part_cut_off_by_tumor_gets_the_side_of_the_rest() -> None:
    labels = two_kidneys()
    labels[18:26, 5:12, 4:16] = 29
    labels[26:28, 5:12, 4:16] = 3

    split_sides(labels, GRID, KIDNEY, body_center_mm=0.0)

    assert (labels[26:28, 5:12, 4:16] == 3).all()
    assert (labels[18:26, 5:12, 4:16] == 29).all()


def test_without_kidneys_nothing_happens() -> None:
    labels = np.zeros(GRID.shape, np.uint8)

    split_sides(labels, GRID, KIDNEY, body_center_mm=float("nan"))

    assert not labels.any()
