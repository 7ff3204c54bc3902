from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from atlastumor.inference.resample import (
    find_coarse_axis,
    make_matrix,
    make_taps,
    resampled_grid,
    resampled_shape,
)
from atlastumor.volume import Grid

SIZES = [(40, 17), (17, 40), (5, 12), (30, 31), (3, 2), (1, 4), (9, 9)]


@pytest.mark.parametrize(("n_old", "n_new"), SIZES)
@pytest.mark.parametrize("order", [1, 3])
def test_a_matrix_is_what_skimage_resize_computes(n_old: int, n_new: int, order: int) -> None:
    values = np.random.default_rng(n_old).normal(size=n_old)

    # skimage.transform.resize(mode="edge") is this call of scipy.
    expected = ndimage.zoom(values, n_new / n_old, order=order, mode="nearest", grid_mode=True)

    found = make_matrix(n_old, n_new, order=order) @ values
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_matrix_of_order_0_takes_what_map_coordinates_takes() -> None:
    values = np.arange(7.0)
    where = (np.arange(16) + 0.5) * 7 / 16 - 0.5

    expected = ndimage.map_coordinates(values, [where], order=0, mode="nearest")

    np.testing.assert_array_equal(make_matrix(7, 16, order=0) @ values, expected)


@pytest.mark.parametrize(("n_old", "n_new"), SIZES)
def test_averaging_keeps_a_constant(n_old: int, n_new: int) -> None:
    matrix = make_matrix(n_old, n_new, order=1, antialias=True)

    np.testing.assert_allclose(matrix @ np.full(n_old, 7.0), 7.0, atol=1e-5)


def test_averaging_over_four_samples_lowers_white_noise_as_its_triangle_says() -> None:
    noise = np.random.default_rng(0).normal(size=40_000)
    # Weights (1, 3, 5, 7, 7, 5, 3, 1) / 32 around a center between two samples.
    expected = np.sqrt(2 * (1 + 9 + 25 + 49)) / 32

    row = make_matrix(400, 100, order=1, antialias=True)
    averaged = noise.reshape(100, 400) @ row[1:-1].T

    assert averaged.std() == pytest.approx(expected, rel=0.05)


def test_averaging_to_denser_samples_is_linear() -> None:
    smooth = make_matrix(5, 12, order=1, antialias=True)

    np.testing.assert_allclose(smooth, make_matrix(5, 12, order=1), atol=1e-6)


def test_taps_of_one_lattice_to_itself_are_exact() -> None:
    taps = make_taps(6, 6)

    assert taps.is_exact
    assert torch.equal(taps.low, torch.arange(6))


def test_the_edge_holds_beyond_the_outermost_centers() -> None:
    taps = make_taps(2, 8)

    assert taps.low.tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    assert taps.weight.tolist() == [0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 0.0, 0.0]


def test_a_resampled_grid_covers_the_same_extent() -> None:
    grid = Grid(
        (10, 20, 8), np.array([[0, 2, 0, 5], [1.5, 0, 0, 6], [0, 0, -4, 7], [0, 0, 0, 1.0]])
    )

    finer = resampled_grid(grid, (15, 10, 16))

    edges = np.array([[-0.5, -0.5, -0.5], [1, 1, 1]])
    old = grid.to_ras(edges[0]), grid.to_ras(np.array(grid.shape) - 0.5)
    new = finer.to_ras(edges[0]), finer.to_ras(np.array(finer.shape) - 0.5)
    np.testing.assert_allclose(new, old, atol=1e-9)


def test_sizes_are_rounded_half_to_even_and_never_0() -> None:
    grid = Grid((5, 7, 1), np.diag([1.0, 1.0, 0.3, 1.0]))

    assert resampled_shape(grid, (2.0, 2.0, 2.0)) == (2, 4, 1)


@pytest.mark.parametrize(
    ("first", "second", "axis"),
    [
        ((0.7, 0.7, 5.0), (1.5, 1.5, 1.5), 2),
        ((5.0, 0.7, 0.7), (1.5, 1.5, 1.5), 0),
        ((0.7, 0.7, 2.0), (1.5, 1.5, 1.5), None),
        ((1.5, 1.5, 1.5), (0.7, 0.7, 5.0), 2),
        ((0.24, 1.25, 1.25), (1.5, 1.5, 1.5), None),
    ],
)
def test_a_coarse_axis_is_three_times_the_finest(
    first: tuple[float, float, float], second: tuple[float, float, float], axis: int | None
) -> None:
    assert find_coarse_axis(first, second) == axis


@pytest.mark.parametrize(
    ("n_old", "n_new", "step"), [(344, 171, 2.015625), (51, 30, 1.7), (60, 119, 0.74), (8, 4, 1.5)]
)
def test_of_two_equally_near_samples_the_one_that_monai_takes_is_taken(
    n_old: int, n_new: int, step: float
) -> None:
    from monai.networks.layers import AffineTransform

    samples = torch.arange(n_old, dtype=torch.float64).reshape(1, 1, n_old, 1, 1)
    theta = torch.diag(torch.tensor([step, 1.0, 1.0, 1.0], dtype=torch.float64))
    transform = AffineTransform(
        mode="nearest", padding_mode="border", align_corners=False, reverse_indexing=True
    )
    theirs = transform(samples, theta, spatial_size=(n_new, 1, 1)).reshape(-1)

    found = make_taps(n_old, n_new, order=0, step=step)

    assert found.low.tolist() == theirs.int().tolist()
