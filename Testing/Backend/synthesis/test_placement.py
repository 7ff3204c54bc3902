"""Drawn places, and sizes that do not fit."""

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import PlacementError
from atlastumor.organs import ORGANS, find_organ
from atlastumor.synthesis.placement import find_room, largest_diameter
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.shapes import SHAPES
from Backend.synthesis.made_case import CENTERS_RAS, VESSEL_HU, make_case
from Backend.synthesis.places import click, draw, largest_named, patch_at, with_labels

LIVER = find_organ("liver")


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


def test_of_an_organ_of_one_small_voxel_it_is_said_that_too_little_is_labelled():
    case = make_case((1.2, 1.2, 4.0))
    labels = np.zeros_like(case.labels.array)
    labels[case.voxel_at(CENTERS_RAS["liver"])] = 5

    with pytest.raises(PlacementError, match="holds too little of the liver"):
        draw(with_labels(case, labels), TumorRequest("liver", 6.0, 0), 0)


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
