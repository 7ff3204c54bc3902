"""What holds for every kind of shape, in every organ, at every size, on any grid."""

import math

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import PlacementError, UnknownKeyError
from atlastumor.organs import ORGANS, find_organ
from atlastumor.synthesis.patch import cut_patch, find_reach
from atlastumor.synthesis.placement import check_center, choose_center, find_room
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.shapes import SHAPES, find_shape
from Backend.synthesis.made_case import CENTERS_RAS, make_case, turn_by

TOUCHING = np.ones((3, 3, 3), bool)
SIZES_MM = (6.0, 12.0, 20.0, 32.0)
TURNS = {
    "mirrored": np.diag([-1.0, -1.0, 1.0]),
    "slices from the side": np.eye(3)[:, [1, 2, 0]] * [1, -1, 1],
    "oblique": turn_by(25.0) @ turn_by(15.0, (1, 2)),
}


def diameter_of(mask, voxel_mm3):
    return math.cbrt(6 / math.pi * mask.sum() * voxel_mm3)


def prepare(case, request, center):
    """The patch at a center and what is allowed there."""
    organ = find_organ(request.organ)
    patch = cut_patch(case.scan, case.labels, organ, center, find_reach(request.diameter_mm))
    return patch, find_room(patch, organ, request)


def make(case, request, center):
    patch, allowed = prepare(case, request, center)
    rng = np.random.default_rng(request.seed)
    return patch, allowed, SHAPES[request.shape](patch, allowed, request.diameter_mm, rng)


def assert_sound(patch, allowed, shape, diameter_mm):
    """Inside what is allowed, in one part, around the center, of the size asked for."""
    parts, n = ndimage.label(shape.mask, TOUCHING)
    assert n == 1
    assert parts[patch.center]
    assert not (shape.mask & ~allowed).any()
    off_by = abs(shape.mask.sum() * patch.voxel_mm3 - math.pi / 6 * diameter_mm**3)
    assert off_by <= patch.voxel_mm3 / 2 + 1e-3  # nearer is not possible


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("diameter_mm", SIZES_MM)
@pytest.mark.parametrize("organ", ORGANS, ids=lambda organ: organ.key)
def test_a_drawn_tumor_of_any_organ_and_size_is_sound(a_case, organ, diameter_mm, kind):
    request = TumorRequest(organ.key, diameter_mm, 3, shape=kind)
    rng = np.random.default_rng(request.seed)
    center = choose_center(a_case.scan, a_case.labels, organ, request, rng)

    patch, allowed, shape = make(a_case, request, center)

    assert_sound(patch, allowed, shape, diameter_mm)
    assert diameter_of(shape.mask, patch.voxel_mm3) == pytest.approx(diameter_mm, rel=0.1)
    if not organ.hollow:
        assert not (shape.mask & ~patch.organ).any()


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("turn", TURNS)
def test_a_tumor_at_a_click_is_sound_on_a_turned_grid(turn, kind):
    case = make_case((1.7, 3.5, 2.2), TURNS[turn])
    for organ in ORGANS:
        request = TumorRequest(organ.key, 18.0, 1, shape=kind)
        center = check_center(case.scan, case.labels, organ, CENTERS_RAS[organ.key])

        patch, allowed, shape = make(case, request, center)

        assert_sound(patch, allowed, shape, 18.0)


@pytest.mark.parametrize("kind", SHAPES)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_shape(a_case, kind):
    center = a_case.voxel_at(CENTERS_RAS["liver"])

    first, again, other = (
        make(a_case, TumorRequest("liver", 24.0, seed, shape=kind), center)[2] for seed in (4, 4, 5)
    )

    assert first.mask.tobytes() == again.mask.tobytes()
    assert first.mask.tobytes() != other.mask.tobytes()
    if first.cells is not None:
        assert first.cells.tobytes() == again.cells.tobytes()


@pytest.mark.parametrize("kind", SHAPES)
def test_a_tumor_on_thick_slices_is_as_round_as_on_thin_ones(kind):
    spreads = []
    for spacing in ((1.5, 1.5, 1.5), (1.5, 1.5, 5.0)):
        case = make_case(spacing)
        center = case.voxel_at((50.0, 10.0, 40.0))
        for seed in range(4):
            patch, _, shape = make(case, TumorRequest("liver", 26.0, seed, shape=kind), center)
            voxels = np.argwhere(shape.mask) * patch.spacing_mm
            spreads.append(voxels.std(axis=0))

    thin, thick = np.mean(spreads[:4], axis=0), np.mean(spreads[4:], axis=0)

    assert np.abs(thick / thin - 1).max() < 0.15


@pytest.mark.parametrize("kind", SHAPES)
def test_a_shape_that_does_not_fit_is_refused_and_the_size_named_is_made(a_case, kind):
    patch = cut_patch(
        a_case.scan, a_case.labels, find_organ("kidney"), a_case.voxel_at(CENTERS_RAS["kidney"]), 90
    )
    kidney = patch.labels == 4

    with pytest.raises(PlacementError, match=r"A tumor of 60 mm does not fit here") as error:
        SHAPES[kind](patch, kidney, 60.0, np.random.default_rng(0))
    largest = float(str(error.value).split("does is ")[1].split(" mm")[0])

    shape = SHAPES[kind](patch, kidney, largest, np.random.default_rng(0))
    assert_sound(patch, kidney, shape, largest)
    assert 40 < largest < 47.2  # the kidney has 55 mL


def test_kinds_of_shape_are_found_by_key():
    assert find_shape("ellipsoid") is SHAPES["ellipsoid"]
    with pytest.raises(UnknownKeyError, match=r"no shape 'cube'.*automaton, ellipsoid"):
        find_shape("cube")
