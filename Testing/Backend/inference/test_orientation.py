from __future__ import annotations

import itertools

import numpy as np
import pytest

from atlastumor.inference.orientation import (
    find_orientation,
    find_tilt_degrees,
    orient,
    orient_grid,
)
from atlastumor.volume import Grid

PAIRS = ("RL", "AP", "SI")
CODES = [
    "".join(letters)
    for pairs in itertools.permutations(PAIRS)
    for letters in itertools.product(*pairs)
]


def test_there_are_48_orientations() -> None:
    assert len(set(CODES)) == 48


@pytest.mark.parametrize("codes", CODES)
def test_turning_moves_no_voxel_in_space(codes: str) -> None:
    oblique = np.array([[2, 0.3, 0, 9], [-0.2, 3, 0.1, 8], [0, -0.4, 5, 7], [0, 0, 0, 1.0]])
    grid = Grid((3, 4, 5), oblique)
    places = grid.to_ras(np.moveaxis(np.indices(grid.shape), 0, -1))

    orientation = find_orientation(grid, codes)
    turned = orient_grid(grid, orientation)

    assert turned.axcodes == codes
    shown = np.stack([orient(places[..., axis], orientation) for axis in range(3)], axis=-1)
    expected = turned.to_ras(np.moveaxis(np.indices(turned.shape), 0, -1))
    np.testing.assert_allclose(shown, expected, atol=1e-9)


def test_turning_copies_nothing() -> None:
    array = np.zeros((3, 4, 5), np.int16)
    grid = Grid(array.shape, np.diag([1.0, 2.0, 3.0, 1.0]))

    view = orient(array, find_orientation(grid, "SPL"))
    view[0, 1, 2] = 7

    assert np.shares_memory(view, array)
    assert array[0, 2, 0] == 7


@pytest.mark.parametrize("degrees", [0.0, 10.0, 44.0])
def test_the_tilt_of_an_oblique_grid_is_found(degrees: float) -> None:
    angle = np.radians(degrees)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    grid = Grid((3, 4, 5), affine @ np.diag([2.0, 3.0, 4.0, 1.0]))

    tilts = [
        find_tilt_degrees(orient_grid(grid, find_orientation(grid, codes)))
        for codes in ("RAS", "SPL")
    ]

    assert tilts == pytest.approx([degrees, degrees], abs=1e-5)
