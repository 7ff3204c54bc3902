from __future__ import annotations

import numpy as np
import pytest

from atlastumor.synthesis.grain import find_detail, measure_grain, measure_spread
from Backend.synthesis.patches import NOISE_HU, SPACING_MM, make_noise

SHAPE = (48, 52, 20)


def correlation(noise: np.ndarray, axis: int) -> float:
    """Correlation of neighbors along an axis."""
    first = np.take(noise, range(noise.shape[axis] - 1), axis).ravel()
    second = np.take(noise, range(1, noise.shape[axis]), axis).ravel()
    return float(np.corrcoef(first, second)[0, 1])


def a_region() -> np.ndarray:
    i, j, k = np.indices(SHAPE)
    return ((i - 24) / 20) ** 2 + ((j - 26) / 14) ** 2 + ((k - 10) / 8) ** 2 < 1


def test_noise_drawn_is_as_strong_and_as_correlated_as_what_was_measured() -> None:
    noise = make_noise(SHAPE)

    drawn = measure_grain(100.0 + noise, a_region(), SPACING_MM).draw(np.random.default_rng(1))

    assert drawn.shape == SHAPE
    assert drawn.std() == pytest.approx(NOISE_HU, rel=0.12)
    for axis in range(3):
        assert correlation(drawn, axis) == pytest.approx(correlation(noise, axis), abs=0.1)
    assert correlation(noise, 0) > 0.5 > 0.1 > abs(correlation(noise, 2))


def test_drawn_noise_is_not_a_copy_of_the_measured() -> None:
    noise = make_noise(SHAPE)

    drawn = measure_grain(noise, a_region(), SPACING_MM).draw(np.random.default_rng(1))

    assert abs(np.corrcoef(noise.ravel(), drawn.ravel())[0, 1]) < 0.05


def test_a_few_bright_vessels_do_not_raise_the_noise() -> None:
    image = 100.0 + make_noise(SHAPE)
    vessels = image.copy()
    vessels[20:23, :, 8:10] += 90.0

    spreads = [measure_grain(x, a_region(), SPACING_MM).spread_hu for x in (image, vessels)]

    assert spreads[1] == pytest.approx(spreads[0], rel=0.1)


def test_what_lies_outside_the_region_does_not_count() -> None:
    image = np.where(a_region(), 100.0 + make_noise(SHAPE), -1000.0).astype(np.float32)

    detail = find_detail(image, a_region(), SPACING_MM)

    assert not detail[~a_region()].any()
    assert measure_spread(detail[a_region()]) == pytest.approx(NOISE_HU, rel=0.15)


@pytest.mark.parametrize("n_voxels", [0, 5])
def test_too_few_voxels_give_no_noise(n_voxels: int) -> None:
    region = np.zeros(SHAPE, bool)
    region[:n_voxels, 0, 0] = True

    grain = measure_grain(make_noise(SHAPE), region, SPACING_MM)

    assert grain.spread_hu == 0.0
    assert not grain.draw(np.random.default_rng(0)).any()


def test_an_even_image_gives_no_noise() -> None:
    grain = measure_grain(np.full(SHAPE, 40, np.float32), a_region(), SPACING_MM)

    assert not grain.draw(np.random.default_rng(0)).any()
