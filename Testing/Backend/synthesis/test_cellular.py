from __future__ import annotations

import numpy as np
import pytest

from atlastumor.synthesis import Shape
from atlastumor.synthesis.cellular import Cellular
from Backend.synthesis.patches import (
    DENSITY_HU,
    find_distance,
    make_ball,
    make_patch,
    make_request,
)


def test_crowded_tissue_takes_more_of_the_contrast_than_sparse_tissue() -> None:
    patch = make_patch()
    ball, distance = make_ball(patch, 30.0), find_distance(patch)
    cells = np.where(distance < 9.0, 1.0, 0.4).astype(np.float32) * ball.mask

    painted = Cellular().paint(
        patch, Shape(ball.mask, cells), make_request(), np.random.default_rng(0)
    )

    middle, outside = painted[distance < 7.0].mean(), painted[ball.mask & (distance > 12)].mean()
    assert middle < outside - 10.0 < DENSITY_HU - 10.0


@pytest.mark.parametrize("contrast_hu", [-60.0, 30.0])
def test_necrosis_is_darker_than_living_tumor_and_organ_and_no_darker_than_water(
    contrast_hu: float,
) -> None:
    patch = make_patch()
    ball, distance = make_ball(patch, 30.0), find_distance(patch)
    cells = np.where(distance < 8.0, -1.0, 1.0).astype(np.float32) * ball.mask

    painted = Cellular().paint(
        patch,
        Shape(ball.mask, cells),
        make_request(contrast_hu=contrast_hu),
        np.random.default_rng(0),
    )

    dead, living = painted[distance < 5.0], painted[ball.mask & (distance > 11.0)]
    assert dead.max() < min(living.mean(), DENSITY_HU) - 20.0
    assert dead.min() >= 0.0
    assert living.mean() - DENSITY_HU == pytest.approx(contrast_hu, abs=4.0)


def test_a_shape_without_cells_is_fuller_inside_than_at_its_border() -> None:
    patch = make_patch()
    shape, distance = make_ball(patch, 24.0), find_distance(patch)

    painted = Cellular().paint(patch, shape, make_request(), np.random.default_rng(0))

    assert painted[distance < 8.0].mean() < painted[shape.mask & (distance > 11.0)].mean() - 5.0
