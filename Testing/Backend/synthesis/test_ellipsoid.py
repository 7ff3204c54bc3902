"""Deformed ellipsoids."""

import numpy as np
import pytest

from atlastumor.synthesis.elastic import displace, draw_knots
from atlastumor.synthesis.ellipsoid import make_ellipsoid
from atlastumor.synthesis.patch import Patch


def an_open_patch(half_mm, spacing_mm):
    """Nothing but allowed voxels around the center."""
    center = tuple(round(half_mm / mm) for mm in spacing_mm)
    shape = tuple(2 * n + 1 for n in center)
    return Patch(
        hu=np.zeros(shape, np.float32),
        organ=np.ones(shape, bool),
        labels=np.zeros(shape, np.uint8),
        spacing_mm=spacing_mm,
        center=center,
        box=tuple(slice(0, n) for n in shape),
    )


def grow(patch, diameter_mm, seed):
    allowed = np.ones(patch.shape, bool)
    return make_ellipsoid(patch, allowed, diameter_mm, np.random.default_rng(seed)).mask


def semi_axes(mask, spacing_mm):
    """Of the ellipsoid with the same second moments, mm, rising."""
    voxels = np.argwhere(mask) * spacing_mm
    return np.sqrt(5 * np.linalg.eigvalsh(np.cov(voxels.T)))


def test_semi_axes_differ_from_one_another_and_stay_near_the_radius():
    patch = an_open_patch(36.0, (1.0, 1.0, 1.5))

    ratios = np.array([semi_axes(grow(patch, 20.0, s), patch.spacing_mm) / 10 for s in range(12)])

    assert 0.5 < ratios.min() < 0.88
    assert 1.12 < ratios.max() < 1.9
    assert np.median(ratios[:, 2] / ratios[:, 0]) > 1.2


def test_the_longest_axis_points_anywhere():
    patch = an_open_patch(36.0, (1.5, 1.5, 1.5))
    longest = []
    for seed in range(24):
        voxels = np.argwhere(grow(patch, 20.0, seed)) * 1.5
        longest.append(np.linalg.eigh(np.cov(voxels.T))[1][:, -1])

    along = np.argmax(np.abs(longest), axis=1)

    assert set(along) == {0, 1, 2}


def test_the_surface_is_wavy_but_the_body_is_one_piece_near_an_ellipsoid():
    patch = an_open_patch(36.0, (1.0, 1.0, 1.0))
    parts = []
    for seed in range(12):
        mask = grow(patch, 24.0, seed)
        voxels = np.argwhere(mask)
        away = voxels - voxels.mean(axis=0)
        inverse = np.linalg.inv(5 * np.cov(away.T))
        parts.append((np.einsum("na,ab,nb->n", away, inverse, away) > 1).mean())

    assert all(0.0 < part < 0.2 for part in parts)  # outside the ellipsoid of its moments
    assert np.mean(parts) > 0.02


def test_one_seed_is_one_body_whatever_the_voxels_are():
    fine, coarse = an_open_patch(36.0, (1.0, 1.0, 1.0)), an_open_patch(36.0, (1.0, 2.0, 3.0))

    body, again = grow(fine, 24.0, 3)[:, ::2, ::3], grow(coarse, 24.0, 3)

    assert body.shape == again.shape
    assert 2 * (body & again).sum() / (body.sum() + again.sum()) > 0.95


def test_displacement_is_nothing_at_the_center_smooth_and_of_a_third_of_the_spread():
    patch = an_open_patch(40.0, (1.0, 1.0, 2.0))
    fields = [
        displace(draw_knots(np.random.default_rng(seed)), patch.offsets_mm(), knot_mm=10.0)
        for seed in range(4)
    ]

    for field in fields:
        assert [float(part[patch.center]) for part in field] == pytest.approx([0, 0, 0], abs=1e-6)
        assert max(np.abs(np.diff(part, axis=0)).max() for part in field) < 0.3
    centered = [part - part.mean() for field in fields for part in field]
    assert 0.25 < np.std(centered) < 0.45


@pytest.mark.parametrize("diameter_mm", [10.0, 34.0])
def test_where_nothing_cuts_it_its_centroid_is_the_center(diameter_mm):
    patch = an_open_patch(1.2 * diameter_mm, (1.0, 1.5, 2.0))

    for seed in range(12):
        voxels = np.argwhere(grow(patch, diameter_mm, seed)) - patch.center
        assert np.linalg.norm(voxels.mean(axis=0) * patch.spacing_mm) < 1.0
