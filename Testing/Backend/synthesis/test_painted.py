"""Tumors of a shape that a user painted, and tumors at places drawn inside a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import InputError, PlacementError
from atlastumor.organs import find_organ
from atlastumor.synthesis import PAINTED, Painting, TumorRequest
from atlastumor.synthesis.result import SynthesisResult
from atlastumor.synthesis.synthesize import synthesize
from atlastumor.volume import Grid
from Backend.synthesis.contract import check_contract, find_tumor
from Backend.synthesis.made_case import CENTERS_RAS, Case, turn_by
from Backend.synthesis.places import largest_named

LIVER = CENTERS_RAS["liver"]
DEEP = (55.0, 10.0, 45.0)


def grid_around(middle: Any, spacing_mm: tuple[float, float, float], degrees: float) -> Grid:
    """A small turned grid of 50 mm and more."""
    affine = np.eye(4)
    affine[:3, :3] = turn_by(degrees) * spacing_mm
    affine[:3, 3] = np.array(middle) - affine[:3, :3] @ (25.0, 25.0, 25.0)
    return Grid((51, 51, 51), affine)


def paint(
    grid: Grid, middle: Any = DEEP, semi_mm: tuple[float, ...] = (13.0, 7.0, 9.0), bite: float = 5.0
) -> Painting:
    """An ellipsoid with a bite taken out of it."""
    ras = grid.to_ras(np.stack(np.indices(grid.shape), axis=-1))
    away = ras - np.array(middle)
    mask = ((away / semi_mm) ** 2).sum(axis=-1) <= 1
    mask &= np.linalg.norm(away - (semi_mm[0], 0.0, 0.0), axis=-1) > bite
    return Painting(mask, grid)


def grow(case: Case, painting: Painting, organ: str = "liver", **more: Any) -> SynthesisResult:
    values: dict[str, Any] = {"diameter_mm": painting.diameter_mm, "seed": 3, "shape": PAINTED}
    request = TumorRequest(organ, painting=painting, **(values | more))
    return synthesize(case.scan, case.labels, request)


@pytest.mark.parametrize("method", ["handcrafted", "cellular"])
def test_it_takes_the_painted_voxels_and_no_others(a_case: Case, method: str) -> None:
    painting = paint(a_case.scan.grid)

    result = grow(a_case, painting, method=method)

    assert np.array_equal(find_tumor(result, a_case.labels), painting.mask)
    assert result.diameter_mm == pytest.approx(painting.diameter_mm)
    assert result.notes == ()
    check_contract(a_case, result)


def test_painted_on_another_grid_it_has_the_same_place_form_and_size(a_case: Case) -> None:
    painting = paint(grid_around(DEEP, (1.0, 1.1, 0.9), 25.0))

    result = grow(a_case, painting)

    tumor, same = find_tumor(result, a_case.labels), paint(a_case.scan.grid).mask
    assert 2 * (tumor & same).sum() / (tumor.sum() + same.sum()) > 0.9
    assert result.diameter_mm == pytest.approx(painting.diameter_mm, rel=0.02)
    assert np.linalg.norm(np.array(result.lesion.centroid_ras) - painting.middle_ras) < 1.0


def test_its_middle_lands_on_a_click_and_a_diameter_scales_it(a_case: Case) -> None:
    painting, there = paint(a_case.scan.grid), (42.0, -4.0, 11.0)

    moved = grow(a_case, painting, center_ras=there)
    larger = grow(a_case, painting, center_ras=there, diameter_mm=1.4 * painting.diameter_mm)

    for result in (moved, larger):
        assert result.off_center_mm < 1.5
        check_contract(a_case, result)
    extents = [np.diff(result.lesion.box, axis=1).ravel() for result in (moved, larger)]
    assert extents[1][0] / extents[0][0] == pytest.approx(1.4, abs=0.15)


def test_what_no_tumor_may_take_is_left_out_and_said_up_to_a_tenth(a_case: Case) -> None:
    on_top = paint(a_case.scan.grid, (50.0, 10.0, 25.0 + 40.0 - 7.5), (20.0, 20.0, 9.0), 0.0)
    share = (a_case.labels.array[on_top.mask] == 5).mean()
    assert 0.9 < share < 0.99  # else the test tests nothing

    result = grow(a_case, on_top)

    tumor = find_tumor(result, a_case.labels)
    assert not (tumor & ~on_top.mask).any()
    assert (a_case.labels.array[tumor] == 5).all()
    assert f"{1 - tumor.sum() / on_top.mask.sum():.0%} of the painted shape" in result.notes[0]
    check_contract(a_case, result)


def test_what_whole_voxels_cannot_have_was_not_left_out(a_case: Case) -> None:
    painting = paint(a_case.scan.grid)

    result = grow(a_case, painting, diameter_mm=5.0)  # 5.1 voxels

    assert round(1000.0 * result.lesion.volume_ml / 12.8) == 5
    assert not any("left out" in note for note in result.notes)


def test_more_is_refused_with_the_largest_of_its_shape_that_fits(a_case: Case) -> None:
    beyond = paint(a_case.scan.grid, (50.0, 10.0, 25.0 + 36.0), (12.0, 12.0, 12.0), 0.0)

    with pytest.raises(PlacementError, match=r"only \d\d% of it lies where one of the liver") as e:
        grow(a_case, beyond)

    check_contract(a_case, grow(a_case, beyond, diameter_mm=largest_named(e)))
    with pytest.raises(PlacementError, match="only 0% of it"):
        grow(a_case, beyond, organ="pancreas")


def test_outside_its_organ_it_needs_leave_and_keeps_to_the_share(a_case: Case) -> None:
    at = (CENTERS_RAS["kidney"][0] + 18.0, *CENTERS_RAS["kidney"][1:])
    bulging = paint(a_case.scan.grid, at, (9.0, 9.0, 9.0), 0.0)
    with pytest.raises(PlacementError, match="lies where one of the kidney"):
        grow(a_case, bulging, "kidney")

    result = grow(a_case, bulging, "kidney", exophytic=True)

    assert 0.2 < result.outside_share <= 0.5
    with pytest.raises(PlacementError, match=r"would lie outside the kidney, and at most 10% may"):
        grow(a_case, bulging, "kidney", exophytic=True, max_outside=0.1)


def test_paintings_that_are_no_tumor_are_refused(a_case: Case) -> None:
    grid = a_case.scan.grid
    two = Painting(paint(grid).mask | paint(grid, LIVER, (6.0, 6.0, 6.0), 0.0).mask, grid)
    string = paint(grid, LIVER, (40.0, 2.0, 4.0), 0.0)
    far = paint(Grid(grid.shape, grid.affine + 900.0 * np.eye(4, k=3)), (950.0, 10.0, 45.0))

    for painting, text in (
        (two, "2 separate parts"),
        (string, r"reaches \d+ mm from its middle"),
        (far, "lies outside the scan"),
    ):
        with pytest.raises(InputError, match=text):
            grow(a_case, painting)


@pytest.mark.parametrize("organ", ["liver", "colon"])
def test_places_are_drawn_inside_a_mask_of_any_grid_and_differ(a_case: Case, organ: str) -> None:
    r, a, s = CENTERS_RAS[organ]
    middle = (r - 25.0, a, s)
    half = paint(grid_around(middle, (1.9, 2.0, 1.8), 40.0), middle, (22.0, 40.0, 40.0))
    at = []

    for seed in range(4):
        request = TumorRequest(organ, 12.0, seed, painting=half)
        result = synthesize(a_case.scan, a_case.labels, request)
        check_contract(a_case, result)
        at.append(result.center_ras)
        index = a_case.voxel_at(result.center_ras)
        assert a_case.labels.array[index] in find_organ(organ).labels
        i, j, k = np.rint(half.grid.to_ijk(result.center_ras)).astype(int)
        assert half.mask[i, j, k]

    assert len(set(at)) == 4


def test_a_mask_of_a_single_voxel_is_the_place(a_case: Case) -> None:
    mask = np.zeros(a_case.scan.grid.shape, bool)
    mask[a_case.voxel_at(DEEP)] = True

    request = TumorRequest("liver", 12.0, 1, painting=Painting(mask, a_case.scan.grid))
    result = synthesize(a_case.scan, a_case.labels, request)

    assert a_case.voxel_at(result.center_ras) == a_case.voxel_at(DEEP)


def test_a_mask_beside_the_organ_or_too_small_for_the_tumor_is_refused(a_case: Case) -> None:
    kidney = paint(a_case.scan.grid, CENTERS_RAS["kidney"], (8.0, 8.0, 8.0), 0.0)

    with pytest.raises(InputError, match="holds nothing of the liver"):
        synthesize(a_case.scan, a_case.labels, TumorRequest("liver", 12.0, 0, painting=kidney))
    request = TumorRequest("kidney", 90.0, 0, painting=kidney)
    with pytest.raises(PlacementError, match=r"inside the mask; the largest that does is \d+"):
        synthesize(a_case.scan, a_case.labels, request)


def test_parts_that_come_apart_where_no_tumor_may_grow_count_as_lost(a_case: Case) -> None:
    bar = paint(a_case.scan.grid, DEEP, (14.0, 6.0, 8.0), 0.0)
    scan = a_case.scan.array.copy()
    i, _, _ = a_case.voxel_at(DEEP)
    scan[i - 1 : i + 1] = 900  # a clip across it
    case = Case(type(a_case.scan)(scan, a_case.scan.grid), a_case.labels)

    with pytest.raises(PlacementError, match=r"only [34]\d% of it"):
        grow(case, bar)
    assert ndimage.label(bar.mask)[1] == 1
