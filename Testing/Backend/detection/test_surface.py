"""Surfaces of masks: areas and distances worked out by hand, and DeepMind's own numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from atlastumor.detection.overlap import mask_dice, volume_error
from atlastumor.detection.surface import hausdorff_95, measure_surfaces, surface_dice
from atlastumor.detection.surfels import area_table, find_surfels
from atlastumor.errors import GridMismatchError, InputError
from Backend.detection.surface_cases import SurfaceCase, ball, surface_cases

GOLDEN = {
    row["case"]: row
    for row in json.loads(Path(__file__).with_name("golden_surface.json").read_text())["cases"]
}
SPACING = (1.0, 2.0, 3.0)
CASES = list(surface_cases())


def block(low: tuple[int, ...], high: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def voxel(*ijk: int, shape: tuple[int, ...] = (12, 12, 12)) -> np.ndarray:
    return block(ijk, tuple(n + 1 for n in ijk), shape)


# Areas.


def test_one_voxel_is_an_octahedron_through_the_middles_to_its_neighbors() -> None:
    # Eight triangles; their legs are half a spacing, so each spans (3, 1.5, 1) mm2 half of a half.
    surfels = find_surfels(voxel(4, 5, 6), SPACING)

    triangle = math.sqrt((2 * 3) ** 2 + (1 * 3) ** 2 + (1 * 2) ** 2) / 8
    assert surfels.area_mm2 == pytest.approx(np.full(8, triangle), rel=1e-14)
    assert sorted(map(tuple, surfels.ijk)) == [
        (i, j, k) for i in (4, 5) for j in (5, 6) for k in (6, 7)
    ]


def test_the_inside_of_a_face_has_the_area_of_the_voxels_that_it_is_made_of() -> None:
    areas = area_table(SPACING)

    assert areas[0b00001111] == pytest.approx(2 * 3)  # the lower i: a face across i
    assert areas[0b00110011] == pytest.approx(1 * 3)
    assert areas[0b01010101] == pytest.approx(1 * 2)


def test_along_an_edge_the_surface_cuts_the_corner() -> None:
    # Two voxels along k: a rectangle, 3 mm long, across half a voxel of 1 mm and half one of 2 mm.
    assert area_table(SPACING)[0b00000011] == pytest.approx(3 * math.hypot(0.5, 1.0))


def test_neither_all_nor_none_of_eight_voxels_make_a_surface() -> None:
    areas = area_table(SPACING)

    assert areas[0] == areas[255] == 0
    assert (areas[1:255] > 0).all()


def test_a_surface_is_the_same_from_both_sides() -> None:
    areas = area_table((0.7, 1.1, 2.9))

    assert areas == pytest.approx(areas[::-1], rel=1e-14)


def test_diagonal_neighbors_are_two_surfaces() -> None:
    areas = area_table(SPACING)

    assert areas[0b10000001] == pytest.approx(2 * areas[1])
    assert areas[0b00001001] == pytest.approx(2 * areas[1])


def test_a_large_ball_has_about_the_area_of_a_ball() -> None:
    mask = ball((60, 40, 30), (30.0, 20.0, 15.0), 24.0, (1.0, 1.5, 2.0))

    area = find_surfels(mask, (1.0, 1.5, 2.0)).area_mm2.sum()

    assert area == pytest.approx(4 * math.pi * 24**2, rel=0.12)  # steps make it larger
    assert area > 4 * math.pi * 24**2


def test_the_border_of_the_grid_is_a_surface_too() -> None:
    whole = np.ones((3, 4, 5), bool)
    inner = np.pad(whole, 2)

    assert find_surfels(whole, SPACING).area_mm2.sum() == pytest.approx(
        find_surfels(inner, SPACING).area_mm2.sum(), rel=1e-14
    )


# DeepMind's own numbers.


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_numbers_are_those_of_the_definitions_own_package(case: SurfaceCase) -> None:
    golden = GOLDEN[case.name]

    scores = measure_surfaces(
        case.prediction,
        case.reference,
        spacing_mm=case.spacing_mm,
        tolerance_mm=case.tolerance_mm,
    )
    looked_up = surface_dice(
        case.prediction,
        case.reference,
        spacing_mm=case.spacing_mm,
        tolerance_mm=case.tolerance_mm,
    )

    assert abs(scores.nsd - golden["nsd"]) < 1e-12
    assert abs(looked_up - golden["nsd"]) < 1e-12
    assert abs(scores.hd95_mm - golden["hd95_mm"]) < 1e-12
    for mask, key in ((case.prediction, "prediction_mm2"), (case.reference, "reference_mm2")):
        area = find_surfels(mask, case.spacing_mm).area_mm2.sum()
        assert area == pytest.approx(golden[key], rel=1e-12)


def test_every_golden_number_is_compared() -> None:
    assert set(GOLDEN) == {case.name for case in CASES}


def test_the_speckle_holds_every_neighborhood() -> None:
    mask = next(case.reference for case in CASES if case.name == "speckle 0, 50 %")
    bits = [
        mask[i : i + 21, j : j + 23, k : k + 17].astype(int) << (4 * i + 2 * j + k)
        for i in (0, 1)
        for j in (0, 1)
        for k in (0, 1)
    ]

    assert set(np.unique(sum(bits))) == set(range(256))


# Distances by hand.


def test_two_voxels_2_mm_apart_agree_at_2_mm_and_not_below() -> None:
    one, other = voxel(4, 4, 4), voxel(4, 5, 4)  # one step along j

    assert surface_dice(one, other, spacing_mm=SPACING, tolerance_mm=2.0) == 1.0
    # Of 16 surfels, the four between them on each side belong to both: half of the area.
    assert surface_dice(one, other, spacing_mm=SPACING, tolerance_mm=1.999) == pytest.approx(0.5)
    assert hausdorff_95(one, other, spacing_mm=SPACING) == 2.0


def test_how_a_file_rounds_its_spacing_does_not_decide_over_the_tolerance() -> None:
    one, other = voxel(4, 4, 4), voxel(4, 5, 4)
    as_stored = float(np.nextafter(np.float32(2.0), np.float32(3.0)))  # 2 mm on a turned grid
    spacing = (1.0, as_stored, 3.0)

    assert surface_dice(one, other, spacing_mm=spacing, tolerance_mm=2.0) == 1.0
    assert measure_surfaces(one, other, spacing_mm=spacing, tolerance_mm=2.0).nsd == 1.0


@pytest.mark.parametrize(("axis", "mm"), [(0, 1.0), (1, 2.0), (2, 3.0)])
def test_distances_are_in_mm_along_every_axis(axis: int, mm: float) -> None:
    place = [4, 4, 4]
    place[axis] += 5

    apart = hausdorff_95(voxel(4, 4, 4), voxel(*place), spacing_mm=SPACING)

    assert apart == pytest.approx(5 * mm)


def test_a_speck_of_under_5_percent_of_the_area_does_not_count_in_the_percentile() -> None:
    reference = block((2, 2, 2), (9, 9, 9), (30, 12, 12))
    speck = reference | voxel(25, 5, 5, shape=(30, 12, 12))

    assert hausdorff_95(speck, reference, spacing_mm=(1.0, 1.0, 1.0)) == 0.0


def test_equal_masks_agree_wholly() -> None:
    mask = ball((12, 12, 12), (6.0, 6.0, 6.0), 5.0, SPACING)

    scores = measure_surfaces(mask, mask, spacing_mm=SPACING, tolerance_mm=0.0)

    assert (scores.nsd, scores.hd95_mm) == (1.0, 0.0)


def test_a_wide_tolerance_gives_the_same_by_either_way() -> None:
    # 20 mm reach over 41 x 41 x 41 steps, more than are looked up one by one.
    spacing = (1.0, 1.0, 1.0)
    one = ball((60, 12, 12), (6.0, 6.0, 6.0), 4.0, spacing)
    other = ball((60, 12, 12), (30.0, 6.0, 6.0), 4.0, spacing) | voxel(12, 6, 6, shape=(60, 12, 12))

    by_tree = surface_dice(one, other, spacing_mm=spacing, tolerance_mm=20.0)
    by_distance = measure_surfaces(one, other, spacing_mm=spacing, tolerance_mm=20.0).nsd

    assert 0 < by_tree < 1
    assert by_tree == by_distance


def test_the_order_of_the_array_in_memory_changes_nothing() -> None:
    case = CASES[3]
    arguments = {"spacing_mm": case.spacing_mm, "tolerance_mm": 2.0}

    rows = surface_dice(case.prediction, case.reference, **arguments)
    columns = surface_dice(
        np.asfortranarray(case.prediction), np.asfortranarray(case.reference), **arguments
    )

    assert rows == pytest.approx(columns, abs=1e-14)


def test_masks_far_from_the_origin_and_apart_from_each_other_are_measured_alike() -> None:
    near = surface_dice(voxel(1, 1, 1), voxel(1, 2, 1), spacing_mm=SPACING, tolerance_mm=1.0)
    far = surface_dice(
        voxel(390, 200, 10, shape=(400, 300, 12)),
        voxel(390, 201, 10, shape=(400, 300, 12)),
        spacing_mm=SPACING,
        tolerance_mm=1.0,
    )

    assert near == pytest.approx(far, rel=1e-14)


# Nothing there.


NOTHING, SOMETHING = np.zeros((12, 12, 12), bool), voxel(4, 4, 4)


def test_two_empty_masks_leave_nothing_to_measure() -> None:
    scores = measure_surfaces(NOTHING, NOTHING, spacing_mm=SPACING)

    assert math.isnan(scores.nsd)
    assert math.isnan(scores.hd95_mm)
    assert math.isnan(surface_dice(NOTHING, NOTHING, spacing_mm=SPACING))
    assert math.isnan(mask_dice(NOTHING, NOTHING))
    assert math.isnan(volume_error(NOTHING, NOTHING))


@pytest.mark.parametrize("pair", [(NOTHING, SOMETHING), (SOMETHING, NOTHING)])
def test_one_empty_mask_agrees_in_nothing(pair: tuple[np.ndarray, np.ndarray]) -> None:
    scores = measure_surfaces(*pair, spacing_mm=SPACING)

    assert (scores.nsd, scores.hd95_mm) == (0.0, math.inf)
    assert surface_dice(*pair, spacing_mm=SPACING) == 0.0
    assert mask_dice(*pair) == 0.0


# Overlap and volume.


def test_dice_is_twice_the_shared_part_over_both() -> None:
    one = block((0, 0, 0), (2, 2, 2), (4, 4, 4))
    other = block((0, 0, 0), (2, 2, 3), (4, 4, 4))

    assert mask_dice(one, other) == pytest.approx(2 * 8 / (8 + 12))


@pytest.mark.parametrize(("n", "error"), [(0, -1.0), (2, -0.5), (4, 0.0), (6, 0.5)])
def test_the_volume_error_is_signed_and_relative_to_the_reference(n: int, error: float) -> None:
    reference = block((0, 0, 0), (4, 1, 1), (8, 4, 4))
    prediction = block((0, 0, 0), (n, 1, 1), (8, 4, 4))

    assert volume_error(prediction, reference) == error


def test_the_volume_error_of_a_false_tumor_is_not_defined() -> None:
    assert math.isnan(volume_error(SOMETHING, NOTHING))


# What cannot be measured.


@pytest.mark.parametrize("measure", [mask_dice, volume_error])
def test_masks_of_different_shapes_cannot_be_compared(
    measure: Callable[[np.ndarray, np.ndarray], float],
) -> None:
    with pytest.raises(GridMismatchError, match=r"\(12, 12, 12\)"):
        measure(NOTHING, np.zeros((12, 12, 11), bool))


@pytest.mark.parametrize(
    ("spacing", "tolerance", "text"),
    [((1.0, 0.0, 1.0), 2.0, "spacing"), (SPACING, -1.0, "tolerance"), (SPACING, math.nan, "nan")],
)
def test_impossible_spacings_and_tolerances_are_refused(
    spacing: tuple[float, float, float], tolerance: float, text: str
) -> None:
    with pytest.raises(InputError, match=text):
        surface_dice(SOMETHING, SOMETHING, spacing_mm=spacing, tolerance_mm=tolerance)


def test_surfaces_of_masks_of_different_shapes_cannot_be_compared() -> None:
    with pytest.raises(GridMismatchError):
        surface_dice(NOTHING, np.zeros((12, 12, 11), bool), spacing_mm=SPACING)
