"""Where tumors may lie: drawn places, clicks, what is allowed, and what is refused."""

import re

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import GridMismatchError, InputError, PlacementError
from atlastumor.organs import ORGANS, find_organ, label_names
from atlastumor.synthesis.patch import cut_patch, find_reach
from atlastumor.synthesis.placement import (
    check_center,
    choose_center,
    find_allowed,
    find_room,
    largest_diameter,
)
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.shapes import SHAPES
from atlastumor.volume import Grid, LabelMap
from Backend.synthesis.made_case import (
    CENTERS_RAS,
    COLON_MM,
    VESSEL_HU,
    Case,
    make_case,
    turn_by,
)

LIVER, KIDNEY, COLON = find_organ("liver"), find_organ("kidney"), find_organ("colon")
ON_THE_COLON_WALL = (0.0, 50.0, -45.0 + 18.0)


def with_labels(case, array):
    return Case(case.scan, LabelMap(array, case.labels.grid, label_names()))


def draw(case, request, seed):
    rng = np.random.default_rng(seed)
    return choose_center(case.scan, case.labels, find_organ(request.organ), request, rng)


def click(case, organ, ras):
    return check_center(case.scan, case.labels, organ, ras)


def patch_at(case, organ, center, diameter_mm):
    return cut_patch(case.scan, case.labels, organ, center, find_reach(diameter_mm))


# Drawn places


@pytest.mark.parametrize("organ", ORGANS, ids=lambda organ: organ.key)
def test_a_drawn_center_lies_in_the_organ_and_the_tumor_fits_there(a_case, organ):
    request = TumorRequest(organ.key, 14.0, 0)
    for seed in range(6):
        center = draw(a_case, request, seed)

        assert a_case.labels.array[center] in organ.labels
        assert find_room(patch_at(a_case, organ, center, 14.0), organ, request)[
            patch_at(a_case, organ, center, 14.0).center
        ]


def test_the_same_seed_draws_the_same_center_and_seeds_differ(a_case):
    request = TumorRequest("liver", 14.0, 0)

    drawn = [draw(a_case, request, seed) for seed in (0, 0, 1, 2, 3)]

    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 4


def test_both_kidneys_are_drawn_from(a_case):
    request = TumorRequest("kidney", 10.0, 0)

    sides = {int(a_case.labels.array[draw(a_case, request, seed)]) for seed in range(12)}

    assert sides == {3, 4}


def test_a_drawn_center_is_deep_enough_for_the_tumor(a_case):
    request = TumorRequest("liver", 30.0, 0)
    depth = ndimage.distance_transform_edt(a_case.labels.array == 5, a_case.scan.grid.spacing_mm)

    assert min(depth[draw(a_case, request, seed)] for seed in range(12)) > 12.0


def test_the_center_of_an_exophytic_tumor_lies_near_the_surface(a_case):
    request = TumorRequest("kidney", 20.0, 0, exophytic=True)
    kidneys = np.isin(a_case.labels.array, (3, 4))
    depth = ndimage.distance_transform_edt(kidneys, a_case.scan.grid.spacing_mm)

    assert max(depth[draw(a_case, request, seed)] for seed in range(12)) < 8.0


def test_vessels_are_avoided(a_case):
    request = TumorRequest("liver", 8.0, 0)

    around = [
        a_case.scan.array[tuple(slice(x - 1, x + 2) for x in draw(a_case, request, seed))].mean()
        for seed in range(40)
    ]

    assert max(around) < VESSEL_HU - 40


@pytest.mark.parametrize("key", ["colon", "esophagus"])
def test_tumors_of_hollow_organs_are_drawn_on_the_wall(a_case, key):
    request = TumorRequest(key, 10.0, 0)

    for seed in range(12):
        assert -50 <= a_case.scan.array[draw(a_case, request, seed)] <= 250


def test_other_tumors_and_the_faces_of_the_scan_are_kept_away_from(a_case):
    grid = a_case.scan.grid
    labels = a_case.labels.array.copy()
    ras = grid.to_ras(np.stack(np.indices(grid.shape), axis=-1))
    labels[np.linalg.norm(ras - (50.0, 20.0, 25.0), axis=-1) < 15] = LIVER.tumor_label
    away = ndimage.distance_transform_edt(labels != LIVER.tumor_label, grid.spacing_mm)
    case, request = with_labels(a_case, labels), TumorRequest("liver", 20.0, 0)

    for seed in range(12):
        center = draw(case, request, seed)

        assert away[center] > 11.0
        assert grid.to_ras(center)[2] < 76.0 - 8.0


def test_a_new_tumor_stays_apart_from_an_old_one_that_it_grows_beside(a_case):
    old = a_case.labels.array.copy()
    at = a_case.voxel_at(CENTERS_RAS["liver"])
    old[at[0] - 6 : at[0], at[1] - 4 : at[1] + 5, at[2] - 2 : at[2] + 3] = LIVER.tumor_label
    case, request = with_labels(a_case, old), TumorRequest("liver", 30.0, 0)
    center = (at[0] + 3, at[1], at[2])

    patch = patch_at(case, LIVER, center, 30.0)
    allowed = find_room(patch, LIVER, request)
    shape = SHAPES["ellipsoid"](patch, allowed, 30.0, np.random.default_rng(0))

    tumor = patch.labels == LIVER.tumor_label
    gap = ndimage.distance_transform_edt(~tumor, patch.spacing_mm)[shape.mask].min()
    assert 3.0 <= gap < 5.0
    assert ndimage.label(tumor | shape.mask, np.ones((3, 3, 3)))[1] == 2


# What is allowed


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


# Clicks


@pytest.mark.parametrize("turn", [np.eye(3), np.eye(3)[:, [2, 0, 1]], turn_by(30.0)])
def test_a_click_is_the_voxel_nearest_to_it(turn):
    case = make_case((2.0, 1.6, 4.0), turn)

    center = click(case, LIVER, (41.0, 3.0, 14.0))

    away = np.linalg.norm(case.scan.grid.to_ras(center) - (41.0, 3.0, 14.0))
    assert away <= np.linalg.norm((2.0, 1.6, 4.0)) / 2
    assert center == case.voxel_at((41.0, 3.0, 14.0))


def test_a_click_into_the_gas_of_the_colon_means_the_wall_nearest_to_it(a_case):
    r, a, s = CENTERS_RAS["colon"]

    center = click(a_case, COLON, (r, a + 8.0, s))

    ras = a_case.scan.grid.to_ras(center)
    assert a_case.labels.array[center] == 14
    assert a_case.scan.array[center] > -50
    assert np.linalg.norm(ras - (r, a + 8.0, s)) < 10.0  # the wall begins 8 mm away
    assert ras == pytest.approx((r, a + 16.0, s), abs=5.0)


@pytest.mark.parametrize(
    ("ras", "message"),
    [
        ((0.0, 0.0, 200.0), r"R 0.0, A 0.0, S 200.0 mm lies outside the scan. Click in the liver"),
        ((-118.0, 88.0, 0.0), r"lies in air, outside the body or in gas; the liver is \d+ mm away"),
        ((-30.0, 5.0, -20.0), r"lies the pancreas, not the liver; the liver is \d+ mm away"),
        ((62.0, -45.0, -38.0), r"lies the kidney, not the liver"),
        ((-80.0, 10.0, 20.0), r"No organ is labelled at .*; the liver is 8\d mm away, at R \d"),
    ],
)
def test_a_click_beside_the_organ_is_refused_with_what_is_there(a_case, ras, message):
    with pytest.raises(InputError, match=message):
        click(a_case, LIVER, ras)


def test_the_place_named_after_a_click_beside_the_organ_can_be_clicked(a_case):
    with pytest.raises(InputError) as error:
        click(a_case, LIVER, (-80.0, 10.0, 20.0))

    numbers = re.findall(r"(?:R|A|S) (-?[\d.]+)", str(error.value).split("away, at")[1])
    assert a_case.labels.array[click(a_case, LIVER, [float(x) for x in numbers])] == 5


def test_a_click_into_a_tumor_is_refused(a_case):
    labels = a_case.labels.array.copy()
    labels[a_case.voxel_at(CENTERS_RAS["liver"])] = LIVER.tumor_label

    with pytest.raises(PlacementError, match="there already is a tumor"):
        click(with_labels(a_case, labels), LIVER, CENTERS_RAS["liver"])


def test_an_organ_that_is_not_in_the_label_map_is_missed_by_name(a_case):
    case = with_labels(a_case, np.where(a_case.labels.array == 14, 0, a_case.labels.array))

    with pytest.raises(InputError, match="holds no colon"):
        click(case, COLON, CENTERS_RAS["colon"])
    with pytest.raises(InputError, match="holds no colon"):
        draw(case, TumorRequest("colon", 10.0, 0), 0)


def test_labels_of_another_grid_are_refused(a_case):
    labels = LabelMap(np.zeros((4, 4, 4), np.uint8), Grid((4, 4, 4), np.eye(4)), {})
    case = Case(a_case.scan, labels)

    with pytest.raises(GridMismatchError):
        click(case, LIVER, CENTERS_RAS["liver"])
    with pytest.raises(GridMismatchError):
        draw(case, TumorRequest("liver", 10.0, 0), 0)


def test_a_hollow_organ_of_gas_alone_has_no_wall(a_case):
    gas = type(a_case.scan)(np.full_like(a_case.scan.array, -900), a_case.scan.grid)

    with pytest.raises(PlacementError, match="no wall of soft tissue"):
        click(Case(gas, a_case.labels), COLON, CENTERS_RAS["colon"])


def test_an_organ_that_is_all_tumor_has_no_place_left(a_case):
    labels = np.where(a_case.labels.array == 5, LIVER.tumor_label, a_case.labels.array)
    labels[a_case.voxel_at(CENTERS_RAS["liver"])] = 5

    with pytest.raises(PlacementError, match="no place for a tumor beside those it has"):
        draw(with_labels(a_case, labels), TumorRequest("liver", 6.0, 0), 0)


# Sizes that do not fit


def largest_named(error):
    return float(re.findall(r"the largest that does is (\d+) mm", str(error.value))[0])


@pytest.mark.parametrize("exophytic", [False, True])
@pytest.mark.parametrize("organ", ORGANS, ids=lambda organ: organ.key)
def test_at_a_click_the_size_named_fits_and_the_next_does_not(a_case, organ, exophytic):
    center = click(a_case, organ, CENTERS_RAS[organ.key])

    def room(diameter_mm):
        request = TumorRequest(organ.key, diameter_mm, 0, exophytic=exophytic)
        patch = patch_at(a_case, organ, center, diameter_mm)
        return patch, find_room(patch, organ, request)

    with pytest.raises(PlacementError, match="A tumor of 140 mm does not fit here") as error:
        room(140.0)
    largest = largest_named(error)
    patch, allowed = room(largest)
    with pytest.raises(PlacementError):
        room(largest + 1.0)

    shape = SHAPES["ellipsoid"](patch, allowed, largest, np.random.default_rng(0))
    assert shape.mask.sum() * patch.voxel_mm3 == pytest.approx(np.pi / 6 * largest**3, rel=0.01)
    assert largest_diameter(patch, allowed, patch.center) >= largest


@pytest.mark.parametrize("key", ["pancreas", "kidney", "esophagus", "uterus"])
def test_where_no_drawn_place_has_room_the_size_named_is_found_one(a_case, key):
    with pytest.raises(PlacementError, match=f"at any place tried in this {key}") as error:
        draw(a_case, TumorRequest(key, 64.0, 0), 0)
    largest = largest_named(error)

    center = draw(a_case, TumorRequest(key, largest, 0), 1)

    assert a_case.labels.array[center] in find_organ(key).labels
    assert 20 < largest < 64


def test_however_far_a_tumor_grows_out_the_organ_must_hold_half_of_it(a_case):
    patch = patch_at(a_case, KIDNEY, a_case.voxel_at(CENTERS_RAS["kidney"]), 100.0)

    with pytest.raises(PlacementError) as error:
        find_room(patch, KIDNEY, TumorRequest("kidney", 100.0, 0, exophytic=True))

    assert 50 < largest_named(error) < 59.6  # half of 111 mL are the 55 mL of the kidney
