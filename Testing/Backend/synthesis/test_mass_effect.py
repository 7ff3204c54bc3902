from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.synthesis.mass_effect import PUSH_MARGIN_MM, push_aside
from Backend.synthesis.patches import find_distance, make_ball, make_patch

SPACING_MM = (1.0, 1.0, 1.0)


def a_block(distance_mm: float, hu: float) -> tuple:
    """Soft tissue with a dense plate some way from the middle, and a ball of 20 mm."""
    patch = make_patch(SPACING_MM, noise_hu=0.0, half_mm=30.0)
    ball = make_ball(patch, 20.0).mask
    image = np.full(patch.shape, 50.0, np.float32)
    labels = np.zeros(patch.shape, np.uint8)
    first = patch.center[0] + round(distance_mm)
    image[first : first + 3], labels[first : first + 3] = hu, 7
    return patch, ball, image, labels


def place_of(line: np.ndarray) -> float:
    """Middle of what is brighter than 50 along a line."""
    weight = np.clip(line - 50.0, 0.0, None)
    return float((np.arange(len(line)) * weight).sum() / weight.sum())


def test_what_lies_near_moves_away_and_its_label_with_it() -> None:
    patch, ball, image, labels = a_block(12.0, 150.0)
    i, j, k = patch.center

    pushed = push_aside(image, labels, ball, SPACING_MM)

    before, after = place_of(image[i:, j, k]), place_of(pushed.hu[i:, j, k])
    assert 1.5 < after - before < 3.0  # at most 0.15 x 20 mm, less with the distance
    was, now = (np.flatnonzero(x[:, j, k] == 7).mean() for x in (labels, pushed.labels))
    assert now - was == pytest.approx(after - before, abs=0.8)


def test_beyond_the_margin_no_bit_changes() -> None:
    _, ball, image, labels = a_block(12.0, 150.0)
    image += np.random.default_rng(0).normal(0, 10, image.shape).astype(np.float32)

    pushed = push_aside(image, labels, ball, SPACING_MM)

    far = ndimage.distance_transform_edt(~ball, SPACING_MM) >= PUSH_MARGIN_MM
    assert far.any()
    assert pushed.hu[far].tobytes() == image[far].tobytes()
    assert np.array_equal(pushed.labels[far], labels[far])
    assert not pushed.moved[far].any()
    assert np.array_equal(pushed.hu[~pushed.moved], image[~pushed.moved])


def test_bone_stays_where_it_is() -> None:
    patch, ball, image, labels = a_block(14.0, 700.0)
    i, j, k = patch.center

    pushed = push_aside(image, labels, ball, SPACING_MM)

    assert place_of(pushed.hu[i:, j, k]) == pytest.approx(place_of(image[i:, j, k]), abs=0.05)


def test_another_tumor_stays_where_it_is() -> None:
    patch, ball, image, labels = a_block(14.0, 150.0)
    labels[labels > 0] = 27
    i, j, k = patch.center

    pushed = push_aside(image, labels, ball, SPACING_MM)

    assert np.array_equal(pushed.labels == 27, labels == 27)
    assert np.array_equal(pushed.hu[labels == 27], image[labels == 27])
    assert place_of(pushed.hu[i:, j, k]) == pytest.approx(place_of(image[i:, j, k]), abs=0.05)


def test_nothing_is_folded() -> None:
    patch, ball, _, labels = a_block(12.0, 150.0)
    ramp = np.broadcast_to(patch.offsets_mm()[0], patch.shape).astype(np.float32)

    pushed = push_aside(ramp.copy(), labels, ball, SPACING_MM)

    i, j, k = patch.center
    outside = pushed.hu[i + 11 :, j, k]
    assert (np.diff(outside) > 0).all()


def test_noise_around_keeps_its_strength() -> None:
    patch = make_patch((1.0, 1.0, 1.5), half_mm=30.0)
    ball = make_ball(patch, 22.0).mask

    pushed = push_aside(patch.hu, patch.labels, ball, patch.spacing_mm)

    distance = find_distance(patch)
    ring = (distance > 12) & (distance < 17)
    assert pushed.hu[ring].std() == pytest.approx(patch.hu[ring].std(), rel=0.2)
