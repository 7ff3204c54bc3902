from __future__ import annotations

import numpy as np
import pytest

from atlastumor.synthesis.texture import draw_texture


def test_a_texture_lies_between_0_and_1_and_near_one_half() -> None:
    textures = [
        draw_texture((40, 40, 20), (1.0, 1.0, 2.0), np.random.default_rng(seed))
        for seed in range(6)
    ]

    assert all(0.0 <= t.min() < t.max() <= 1.0 for t in textures)
    assert np.mean([t.mean() for t in textures]) == pytest.approx(0.5, abs=0.12)


def test_a_texture_is_the_same_in_mm_on_every_grid() -> None:
    fine = draw_texture((61, 61, 9), (0.5, 0.5, 4.0), np.random.default_rng(3))
    coarse = draw_texture((16, 16, 17), (2.0, 2.0, 2.0), np.random.default_rng(3))

    assert fine[::4, ::4] == pytest.approx(coarse[:, :, ::2], abs=1e-3)
    assert np.ptp(coarse) > 0.1


def test_a_texture_has_no_step_between_neighbors() -> None:
    texture = draw_texture((60, 60, 30), (0.8, 0.8, 2.0), np.random.default_rng(2))

    assert np.abs(np.diff(texture, axis=0)).max() < 0.1 * np.ptp(texture)
