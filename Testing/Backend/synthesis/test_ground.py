"""Which voxels a tumor may take up."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import PlacementError
from atlastumor.organs import find_organ
from atlastumor.synthesis.placement import find_allowed, find_room
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.shapes import SHAPES
from atlastumor.synthesis.synthesize import synthesize
from atlastumor.volume import LabelMap
from Backend.synthesis.made_case import CENTERS_RAS, COLON_MM, Case, make_case
from Backend.synthesis.places import click, largest_named, patch_at

KIDNEY = find_organ("kidney")
COLON = find_organ("colon")
ON_THE_COLON_WALL = (0.0, 50.0, -45.0 + 18.0)


def test_a_tumor_of_a_solid_organ_may_take_its_voxels_and_no_others(a_case):
    patch = patch_at(a_case, KIDNEY, a_case.voxel_at(CENTERS_RAS["kidney"]), 24.0)

    allowed = find_allowed(patch, KIDNEY, TumorRequest("kidney", 24.0, 0))

    assert np.array_equal(allowed, patch.organ)


@pytest.mark.parametrize("diameter_mm", [16.0, 32.0])
def test_an_exophytic_tumor_may_grow_out_by_half_its_radius_into_fat(a_case, diameter_mm):
    at = a_case.voxel_at((62.0, -45.0, -38.0))
    patch = patch_at(a_case, KIDNEY, at, diameter_mm + 20.0)

    allowed = find_allowed(patch, KIDNEY, TumorRequest("kidney", diameter_mm, 0, exophytic=True))

    beyond = allowed & ~patch.organ
    away = ndimage.distance_transform_edt(~patch.organ, patch.spacing_mm)
    assert diameter_mm / 4 - 2.0 < away[beyond].max() <= diameter_mm / 4
    assert allowed[patch.organ].all()
    assert set(patch.labels[beyond]) == {0}
    assert patch.hu[beyond].max() < 0  # fat, not the spine


def test_bone_gas_and_other_organs_are_never_allowed():
    case = make_case((2.0, 2.0, 3.0))
    labels = case.labels.array.copy()
    scan_hu = case.scan.array.copy()
    at = case.voxel_at((84.0, -45.0, -38.0))  # the kidney's lateral surface
    scan_hu[at[0] + 1 :, :, at[2] + 2 :] = 600
    scan_hu[at[0] + 1 :, :, : at[2] - 1] = -900
    labels[at[0] + 1 :, : at[1] - 1, at[2] - 1 : at[2] + 2] = 5
    case = Case(type(case.scan)(scan_hu, case.scan.grid), LabelMap(labels, case.scan.grid, {}))
    patch = patch_at(case, KIDNEY, at, 24.0)

    allowed = find_allowed(patch, KIDNEY, TumorRequest("kidney", 24.0, 0, exophytic=True))

    beyond = allowed & ~patch.organ
    assert beyond.any()
    assert set(patch.labels[beyond]) == {0}
    assert patch.hu[beyond].max() < 150
    assert patch.hu[beyond].min() > -200


def test_a_tumor_of_a_hollow_organ_may_fill_wall_and_lumen_and_grow_through_the_wall(a_case):
    patch = patch_at(a_case, COLON, a_case.voxel_at(ON_THE_COLON_WALL), 24.0)

    allowed = find_allowed(patch, COLON, TumorRequest("colon", 24.0, 0))

    i, j, k = (side.start + at for side, at in zip(patch.box, np.nonzero(allowed), strict=True))
    ras = a_case.scan.grid.to_ras(np.stack([i, j, k], axis=-1))
    away = np.linalg.norm(ras[:, 1:] - np.array(CENTERS_RAS["colon"])[1:], axis=1)
    assert patch.hu[allowed & patch.organ].min() < -800
    assert COLON_MM[0] < away.max() <= COLON_MM[0] + 4.0  # max(3 mm, a quarter of the radius) + rim


@pytest.mark.parametrize("kind", SHAPES)
def test_a_tumor_of_the_colon_holds_on_to_its_wall(a_case, kind):
    request = TumorRequest("colon", 20.0, 0)
    patch = patch_at(a_case, COLON, click(a_case, COLON, ON_THE_COLON_WALL), 20.0)

    shape = SHAPES[kind](patch, find_room(patch, COLON, request), 20.0, np.random.default_rng(0))

    wall = patch.organ & (patch.hu > -50)
    assert (shape.mask & wall).sum() > 0.2 * shape.mask.sum()


def test_however_far_a_tumor_grows_out_the_organ_must_hold_half_of_it(a_case):
    patch = patch_at(a_case, KIDNEY, a_case.voxel_at(CENTERS_RAS["kidney"]), 100.0)

    with pytest.raises(PlacementError) as error:
        find_room(patch, KIDNEY, TumorRequest("kidney", 100.0, 0, exophytic=True))

    assert 50 < largest_named(error) < 59.6  # half of 111 mL are the 55 mL of the kidney


def test_noise_leaves_no_holes_in_what_is_allowed(a_case):
    noise = np.random.default_rng(0).normal(0, 40, a_case.scan.array.shape)
    hu = (a_case.scan.array + noise).astype(np.float32)
    case = Case(type(a_case.scan)(hu, a_case.scan.grid), a_case.labels)
    center = case.voxel_at(CENTERS_RAS["kidney"])
    request = TumorRequest("kidney", 40.0, 0, exophytic=True)

    quiet, noisy = (
        find_allowed(patch_at(each, KIDNEY, center, 40.0), KIDNEY, request)
        for each in (a_case, case)
    )

    assert np.count_nonzero(quiet & ~noisy) < 0.002 * np.count_nonzero(quiet)


@pytest.mark.parametrize("method", ["handcrafted", "cellular"])
def test_a_tumor_that_grows_out_keeps_to_its_share_and_its_size(a_case, method):
    kind = "automaton" if method == "cellular" else "ellipsoid"
    request = TumorRequest(
        "pancreas", 30.0, 1, method, kind, center_ras=CENTERS_RAS["pancreas"], exophytic=True
    )

    free, bound = (
        synthesize(a_case.scan, a_case.labels, replace(request, max_outside=share))
        for share in (0.5, 0.1)
    )

    assert free.outside_share > 0.1  # else the test tests nothing
    assert 0.05 < bound.outside_share <= 0.1
    assert bound.diameter_mm == pytest.approx(30.0, rel=0.01)
    assert bound.outgrowth_mm == 7.5


def test_the_organ_must_hold_what_may_not_lie_outside(a_case):
    patch = patch_at(a_case, KIDNEY, a_case.voxel_at(CENTERS_RAS["kidney"]), 100.0)
    request = TumorRequest("kidney", 100.0, 0, exophytic=True)

    sizes = []
    for share in (0.1, 0.5, 0.7):
        with pytest.raises(PlacementError) as error:
            find_room(patch, KIDNEY, replace(request, max_outside=share))
        sizes.append(largest_named(error))

    assert sizes == sorted(sizes)
    assert sizes[0] < 49 < sizes[2]  # 55 mL of kidney are 90 % of 49 mm
