from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import GridMismatchError
from atlastumor.inference import probability
from atlastumor.inference.orientation import find_orientation, orient, orient_grid
from atlastumor.inference.probability import ProbabilityMap
from atlastumor.inference.resample import resampled_grid
from atlastumor.volume import Grid

SCAN_GRID = Grid(
    (20, 15, 24), np.array([[1.5, 0, 0, 5], [0, 2, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1.0]])
)


@pytest.fixture
def a_map() -> ProbabilityMap:
    grid = resampled_grid(SCAN_GRID, (10, 10, 8))
    array = np.random.default_rng(0).random(grid.shape).astype(np.float16)
    return ProbabilityMap(array, grid)


def zoomed(a_map: ProbabilityMap) -> np.ndarray:
    return ndimage.zoom(
        a_map.array.astype(float), (2, 1.5, 3), order=1, mode="nearest", grid_mode=True
    )


def test_it_is_interpolated_linearly_to_the_scan(a_map: ProbabilityMap) -> None:
    found = a_map.to_grid(SCAN_GRID)

    assert found.dtype == np.float16
    np.testing.assert_allclose(found, zoomed(a_map), atol=1e-3)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SAR", "IPR", "PSL"])
def test_it_follows_the_scans_orientation(a_map: ProbabilityMap, codes: str) -> None:
    orientation = find_orientation(SCAN_GRID, codes)

    found = a_map.to_grid(orient_grid(SCAN_GRID, orientation))

    np.testing.assert_allclose(found, orient(zoomed(a_map), orientation), atol=1e-3)


def test_slabs_follow_one_another_without_gaps(
    a_map: ProbabilityMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = a_map.to_grid(SCAN_GRID)
    monkeypatch.setattr(probability, "_SLAB_VOXELS", 20 * 15 * 5)

    parts = list(a_map.slabs(SCAN_GRID))

    assert [(k0, k1) for k0, k1, _ in parts] == [(0, 5), (5, 10), (10, 15), (15, 20), (20, 24)]
    np.testing.assert_array_equal(np.concatenate([part for _, _, part in parts], axis=2), whole)


def test_a_box_is_a_cutout_of_the_whole(a_map: ProbabilityMap) -> None:
    box = (slice(3, 9), slice(0, 4), slice(20, 24))

    np.testing.assert_array_equal(a_map.part(SCAN_GRID, box), a_map.to_grid(SCAN_GRID)[box])


def test_a_grid_that_is_rotated_against_it_is_refused(a_map: ProbabilityMap) -> None:
    turned = SCAN_GRID.affine.copy()
    turned[:2, :2] = [[1.2, -1.2], [0.9, 1.6]]

    with pytest.raises(GridMismatchError):
        a_map.to_grid(Grid(SCAN_GRID.shape, turned))
