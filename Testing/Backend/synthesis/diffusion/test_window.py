"""The cube around a tumor: 1 mm, R A S, and back, on turned and anisotropic patches."""

import dataclasses
import itertools

import numpy as np
import pytest

from atlastumor.errors import PlacementError
from atlastumor.synthesis import Patch
from atlastumor.synthesis.diffusion.window import Window

SPACING_MM = (0.8, 2.0, 1.25)
CENTER = (30, 12, 21)
DIRECTIONS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
ORIENTATIONS = ["RAS", "LPS", "PIR", "SLA"]


def make_patch(axcodes, value=lambda r, a, s: r + 10 * a + 100 * s):
    """Values are a function of the offset from the center in R, A and S, mm."""
    shape = (61, 29, 40)
    offsets = np.zeros((3, *shape))
    for axis, code in enumerate(axcodes):
        world, sign = DIRECTIONS[code]
        index = np.arange(shape[axis]) - CENTER[axis]
        offsets[world] += np.expand_dims(sign * SPACING_MM[axis] * index, tuple({0, 1, 2} - {axis}))
    empty = np.zeros(shape, bool)
    return Patch(
        hu=value(*offsets).astype(np.float32),
        organ=empty,
        labels=empty.astype(np.uint8),
        spacing_mm=SPACING_MM,
        center=CENTER,
        box=tuple(slice(0, n) for n in shape),
        axcodes=axcodes,
    )


@pytest.mark.parametrize("axcodes", ORIENTATIONS)
def test_the_cube_runs_to_right_front_and_top_at_1_mm(axcodes):
    patch = make_patch(axcodes)

    cube = Window.around(patch, side=32).cut(patch.hu)

    assert cube.shape == (32, 32, 32)
    r, a, s = np.meshgrid(*[np.arange(-12, 13)] * 3, indexing="ij")
    np.testing.assert_allclose(cube[4:29, 4:29, 4:29], r + 10 * a + 100 * s, atol=2e-3)


@pytest.mark.parametrize("axcodes", ORIENTATIONS)
def test_what_is_linear_comes_back_at_every_voxel(axcodes):
    patch = make_patch(axcodes)
    mask = np.zeros(patch.shape, bool)
    mask[20:43, 9:16, 14:29] = True
    window = Window.around(patch, side=32)

    back = window.sample(window.cut(patch.hu), mask)

    np.testing.assert_allclose(back, patch.hu[mask], atol=5e-3)


def test_beyond_the_patch_its_faces_go_on():
    patch = make_patch("RAS", value=lambda r, _a, _s: r)

    cube = Window.around(patch, side=96).cut(patch.hu)

    assert cube[0, 48, 48] == pytest.approx(-30 * 0.8)
    assert cube[95, 48, 48] == pytest.approx(30 * 0.8)


@pytest.mark.parametrize("axcodes", ORIENTATIONS)
def test_a_ball_keeps_its_volume_and_place(axcodes):
    ball = make_patch(axcodes, value=lambda r, a, s: (r - 2) ** 2 + a**2 + s**2).hu <= 10**2
    patch = make_patch(axcodes)

    mask = Window.around(patch, side=96).cut_mask(ball)

    volume_mm3 = np.count_nonzero(ball) * np.prod(SPACING_MM)
    assert np.count_nonzero(mask) == pytest.approx(volume_mm3, rel=0.05)
    np.testing.assert_allclose(np.argwhere(mask).mean(axis=0), (50, 48, 48), atol=0.2)


def test_the_smallest_tumor_is_seen_by_the_coarse_mask():
    patch = make_patch("LPS")
    mask = np.zeros(patch.shape, bool)
    mask[CENTER] = True

    cube = Window.around(patch, side=96).cut_mask(mask)

    assert cube[::4, ::4, ::4].sum() == 1


def test_a_mask_that_ends_at_the_patchs_face_is_not_drawn_out():
    patch = make_patch("RAS")
    mask = np.zeros(patch.shape, bool)
    mask[:, 10:15, 15:28] = True  # all along i: 61 voxels of 0.8 mm

    cube = Window.around(patch, side=96).cut_mask(mask)

    assert np.count_nonzero(cube[:, 48, 48]) == pytest.approx(61 * 0.8, abs=1)


def test_a_tumor_that_leaves_the_cube_is_refused_with_its_reach():
    patch = make_patch("RAS")
    mask = np.ones(patch.shape, bool)

    with pytest.raises(PlacementError, match="cube of 32 mm; this tumor reaches 32 mm"):
        Window.around(patch, side=32).check(mask)
    Window.around(patch, side=96).check(mask)


def test_the_cubes_axes_are_those_of_the_nearest_orientation_whatever_the_patchs():
    codes = ["".join(c) for c in itertools.product("RL", "AP", "SI")]

    cubes = []
    for axcodes in codes:
        patch = make_patch(axcodes, value=lambda r, a, s: np.sin(r / 5) + np.cos(a / 7 + s / 9))
        inner = slice(5, 28)
        window = Window.around(dataclasses.replace(patch, axcodes=axcodes), side=32)
        cubes.append(window.cut(patch.hu)[inner, inner, inner])

    for cube in cubes[1:]:
        np.testing.assert_allclose(cube, cubes[0], atol=1e-4)
