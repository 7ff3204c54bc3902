"""Tumors grown cell by cell."""

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.synthesis.automaton import make_automaton
from atlastumor.synthesis.culture import make_culture, spread_to_patch
from atlastumor.synthesis.patch import Patch

SPACING_MM = (1.0, 1.0, 2.0)
CENTER = (30, 30, 15)


def an_organ(paint=None):
    """A block of 100 HU with whatever `paint(hu, i, j, k)` adds; positions in mm."""
    hu = np.full((61, 61, 31), 100.0, np.float32)
    patch = Patch(
        hu=hu,
        organ=np.ones(hu.shape, bool),
        labels=np.full(hu.shape, 5, np.uint8),
        spacing_mm=SPACING_MM,
        center=CENTER,
        box=tuple(slice(0, n) for n in hu.shape),
    )
    if paint is not None:
        paint(hu, *np.broadcast_arrays(*patch.offsets_mm()))
    return patch


def grow(patch, diameter_mm, seed, allowed=None):
    allowed = np.ones(patch.shape, bool) if allowed is None else allowed
    return make_automaton(patch, allowed, diameter_mm, np.random.default_rng(seed))


def test_cells_fill_the_middle_thin_out_at_the_border_and_end_with_the_mask():
    shape = grow(an_organ(), 16.0, 0)

    depth = ndimage.distance_transform_edt(shape.mask, SPACING_MM)
    assert shape.cells.dtype == np.float32
    assert not shape.cells[~shape.mask].any()
    assert (shape.cells[depth > 4] == 1).all()
    assert 0 < shape.cells[shape.mask].min() < 0.7
    assert shape.cells[shape.mask & (depth <= 1)].mean() < 0.95


def test_small_tumors_never_die_inside():
    assert all((grow(an_organ(), 12.0, s).cells >= 0).all() for s in range(12))


def test_about_half_of_large_tumors_die_in_the_middle_and_never_at_the_rim():
    dead = 0
    for seed in range(12):
        shape = grow(an_organ(), 21.0, seed)
        necrotic = shape.cells < 0
        dead += necrotic.any()
        if necrotic.any():
            depth = ndimage.distance_transform_edt(shape.mask, SPACING_MM)
            assert shape.cells.min() >= -1
            assert depth[necrotic].min() > 1.0
            assert necrotic.sum() < 0.6 * shape.mask.sum()

    assert 2 <= dead <= 10


def test_growth_turns_to_the_side_of_lower_density():
    def paint(hu, i, _j, _k):
        hu[i > 0] = 109.0  # above the median of 100 by nearly twice the least spread

    shifts = []
    for seed in range(4):
        voxels = np.argwhere(grow(an_organ(paint), 18.0, seed).mask) - CENTER
        shifts.append(voxels.mean(axis=0) * SPACING_MM)

    assert np.mean(shifts, axis=0)[0] < -0.7
    assert np.abs(np.mean(shifts, axis=0)[1:]).max() < 0.7


def a_vessel(hu, i, _j, _k):
    hu[np.abs(i - 5) <= 1.5] = 180.0  # a plate beside the center


def test_a_vessel_is_spared_at_first_and_invaded_by_a_larger_tumor():
    inside, mirrored = np.s_[34:37], np.s_[24:27]
    for seed in range(2):
        small, large = (grow(an_organ(a_vessel), size, seed).mask for size in (14.0, 26.0))

        assert small[mirrored].any()
        assert not small[inside].any()
        assert 20 < large[inside].sum() < 0.3 * large[mirrored].sum()


def test_growth_keeps_to_what_is_allowed_and_flows_around_what_is_not():
    allowed = np.ones(an_organ().shape, bool)
    allowed[34, 20:41, :] = False

    mask = grow(an_organ(), 22.0, 1, allowed).mask

    assert not (mask & ~allowed).any()
    assert mask.sum() * 2.0 == pytest.approx(np.pi / 6 * 22**3, abs=1.0)


def test_a_tumor_fills_a_thin_organ_that_its_lattice_cannot_resolve():
    allowed = np.zeros(an_organ().shape, bool)
    allowed[:, 30, 14:17] = True  # one voxel thin: 1 mm

    mask = grow(an_organ(), 8.0, 1, allowed | (np.abs(np.arange(61) - 30) <= 1)[:, None]).mask

    assert mask.sum() == 134  # 268 mm^3


def test_what_is_put_on_the_lattice_comes_back_where_it_was():
    patch = an_organ()
    culture = make_culture(patch, np.ones(patch.shape, bool), 14.0)
    ramp = (np.arange(culture.side) - culture.side // 2) * culture.pitch_mm
    cube = np.broadcast_to(ramp[:, None, None], (culture.side,) * 3).astype(np.float32)

    back = spread_to_patch(culture, cube.ravel(), patch)

    half = ramp[-1]
    expected = np.clip(patch.offsets_mm()[0], -half, half)
    assert np.abs(back - expected).max() < 1e-4
    assert culture.is_open[culture.center]
    assert culture.n_wanted == pytest.approx(np.pi / 6 * 28**3, rel=0.01)
