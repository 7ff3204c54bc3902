from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import InputError
from atlastumor.organs import find_organ
from atlastumor.synthesis import Patch, Shape
from atlastumor.synthesis.compositing import CAPSULE_HU, Composite, composite, find_margin
from atlastumor.synthesis.grain import find_detail
from Backend.synthesis.patches import (
    DENSITY_HU,
    LIVER,
    NOISE_HU,
    SPACING_MM,
    find_distance,
    make_ball,
    make_patch,
    make_request,
)

CONTRAST_HU = -50.0


def make_composite(
    patch: Patch, shape: Shape, painted_hu: float = DENSITY_HU + CONTRAST_HU, **request: object
) -> Composite:
    painted = np.full(patch.shape, painted_hu, np.float32)
    return composite(patch, shape, painted, make_request(**request), np.random.default_rng(2))


def away_from(shape: Shape, patch: Patch) -> np.ndarray:
    return ndimage.distance_transform_edt(~shape.mask, patch.spacing_mm)


@pytest.mark.parametrize("mass_effect", [False, True])
@pytest.mark.parametrize("spacing_mm", [SPACING_MM, (3.0, 3.0, 3.0), (0.6, 0.6, 5.0)])
def test_no_bit_changes_beyond_the_margin(
    spacing_mm: tuple[float, float, float], mass_effect: bool
) -> None:
    patch = make_patch(spacing_mm)
    before = patch.hu.tobytes()
    shape = make_ball(patch, 18.0)

    made = make_composite(patch, shape, mass_effect=mass_effect, capsule=min(spacing_mm) < 2)

    assert made.margin_mm == find_margin(spacing_mm, mass_effect=mass_effect)
    outside = away_from(shape, patch) > made.margin_mm
    assert made.hu[outside].tobytes() == patch.hu[outside].tobytes()
    assert made.hu[~made.changed].tobytes() == patch.hu[~made.changed].tobytes()
    assert not made.changed[outside].any()
    assert made.changed[shape.mask].all()
    assert patch.hu.tobytes() == before


def test_the_margin_is_3_mm_or_a_voxel_along_each_axis() -> None:
    assert find_margin((1.0, 1.0, 1.0), mass_effect=False) == pytest.approx(27**0.5)
    assert find_margin((1.0, 1.0, 5.0), mass_effect=False) == pytest.approx((9 + 9 + 25) ** 0.5)
    assert find_margin((1.0, 1.0, 1.0), mass_effect=True) == 12.0


def test_the_middle_has_the_density_painted() -> None:
    patch = make_patch()
    shape = make_ball(patch, 24.0)

    made = make_composite(patch, shape)

    middle = find_distance(patch) < 8.0
    assert made.hu[middle].mean() - DENSITY_HU == pytest.approx(CONTRAST_HU, abs=2.5)


def test_noise_inside_is_as_strong_and_as_correlated_as_around() -> None:
    patch = make_patch()
    made = make_composite(patch, make_ball(patch, 30.0))

    distance = find_distance(patch)
    inside, around = distance < 12.0, patch.organ & (distance > 20.0)
    around = ndimage.binary_erosion(around, iterations=2)

    detail = [find_detail(made.hu, region, SPACING_MM)[region] for region in (inside, around)]
    assert detail[0].std() == pytest.approx(detail[1].std(), rel=0.15)
    steps = np.abs(np.diff(made.hu, axis=0))
    assert steps[inside[1:]].mean() == pytest.approx(steps[around[1:]].mean(), rel=0.15)
    assert made.hu[inside].std() == pytest.approx(NOISE_HU, rel=0.25)


def test_noise_is_not_added_twice_to_a_painting_that_has_it() -> None:
    patch = make_patch()
    shape, inside = make_ball(patch, 30.0), find_distance(patch) < 12.0

    made = composite(patch, shape, patch.hu + CONTRAST_HU, make_request(), np.random.default_rng(0))

    assert made.hu[inside].std() == pytest.approx(NOISE_HU, rel=0.15)


def test_noise_is_as_strong_in_the_border_as_elsewhere() -> None:
    patch = make_patch()
    made = make_composite(patch, make_ball(patch, 30.0), DENSITY_HU)

    border = np.abs(find_distance(patch) - 15.0) < 1.5

    assert made.hu[border].std() == pytest.approx(NOISE_HU, rel=0.15)


def test_there_is_no_seam() -> None:
    patch = make_patch()
    shape = make_ball(patch, 26.0)
    made = make_composite(patch, shape)

    border = np.abs(find_distance(patch) - 13.0) < 4.0
    within = patch.organ & (find_distance(patch) > 20.0)
    within = ndimage.binary_erosion(within, iterations=2)

    for axis in range(3):
        steps = np.abs(np.diff(made.hu, axis=axis))
        places = [np.take(m, range(1, m.shape[axis]), axis) for m in (border, within)]
        assert steps[places[0]].max() <= steps[places[1]].max() + abs(CONTRAST_HU)


def test_a_border_without_noise_falls_in_several_steps() -> None:
    patch = make_patch((0.8, 0.8, 2.0), noise_hu=0.0)
    made = make_composite(patch, make_ball(patch, 26.0))

    i, j, k = patch.center
    line = made.hu[i:, j, k][: round(24.0 / 0.8)]

    assert np.abs(np.diff(line)).max() < 0.7 * abs(CONTRAST_HU)
    assert (np.diff(line) > -1e-3).all()
    assert line[0] == DENSITY_HU + CONTRAST_HU
    assert line[-1] == DENSITY_HU


def test_a_capsule_is_a_bright_rim_between_tumor_and_organ() -> None:
    patch = make_patch((0.8, 0.8, 1.0), noise_hu=0.0)
    shape = make_ball(patch, 24.0)

    plain, made = (make_composite(patch, shape, capsule=capsule) for capsule in (False, True))

    i, j, k = patch.center
    line = made.hu[i : i + 24, j, k]
    brightest = int(np.argmax(line))
    assert abs(brightest * 0.8 - 11.0) <= 1.7
    assert DENSITY_HU < line[brightest] < DENSITY_HU + 2 * CAPSULE_HU
    rim = np.abs(find_distance(patch) - 11.2) < 0.8
    assert made.hu[rim].mean() - plain.hu[rim].mean() > 0.5 * abs(CONTRAST_HU)
    middle = find_distance(patch) < 7.0
    assert np.array_equal(made.hu[middle], plain.hu[middle])
    assert np.array_equal(made.labels, plain.labels)
    assert np.array_equal(made.changed, plain.changed)


def test_a_capsule_that_would_fill_the_tumor_is_refused() -> None:
    patch = make_patch((3.0, 3.0, 3.0))

    with pytest.raises(InputError, match=r"A capsule of 3.0 mm would fill most of this tumor"):
        make_composite(patch, make_ball(patch, 9.0), capsule=True)


def test_mass_effect_moves_a_vessel_and_the_tumor_stays_its_size() -> None:
    patch = make_patch(noise_hu=0.0)
    hu = patch.hu.copy()
    i, j, k = patch.center
    hu[i + 13 : i + 15] = 200.0
    patch, shape = dataclasses.replace(patch, hu=hu), make_ball(patch, 20.0)

    plain, pushed = (make_composite(patch, shape, mass_effect=push) for push in (False, True))

    assert np.argmax(pushed.hu[i:, j, k]) > np.argmax(plain.hu[i:, j, k])
    tumors = [made.labels == LIVER.tumor_label for made in (plain, pushed)]
    assert np.array_equal(tumors[0], shape.mask)
    assert np.array_equal(tumors[1], shape.mask)


def test_labels_change_in_the_tumor_alone() -> None:
    patch = make_patch()
    shape = make_ball(patch, 20.0)

    made = make_composite(patch, shape)

    assert (made.labels[shape.mask] == LIVER.tumor_label).all()
    assert np.array_equal(made.labels[~shape.mask], patch.labels[~shape.mask])


def test_the_wall_of_a_hollow_organ_takes_its_noise_from_soft_tissue_around() -> None:
    colon = find_organ("colon")
    patch = make_patch()
    distance = find_distance(patch)
    hu = (patch.hu - 60.0).astype(np.float32)
    lumen = distance < 9.0
    hu[lumen] = np.random.default_rng(0).normal(-500, 300, np.count_nonzero(lumen))
    organ = distance < 12.0
    patch = dataclasses.replace(
        patch, hu=hu, organ=organ, labels=np.where(organ, colon.label, 0).astype(np.uint8)
    )
    shape = make_ball(patch, 20.0)

    made = make_composite(patch, shape, 60.0, organ="colon")

    assert made.hu[distance < 7.0].std() == pytest.approx(NOISE_HU, rel=0.25)


def test_a_painting_of_no_numbers_and_an_empty_shape_are_refused() -> None:
    patch = make_patch(half_mm=15.0)
    shape = make_ball(patch, 8.0)

    with pytest.raises(InputError, match="densities that are no numbers"):
        make_composite(patch, shape, np.nan)
    with pytest.raises(InputError, match="shape is empty"):
        make_composite(patch, Shape(np.zeros(patch.shape, bool)))


def test_the_same_seed_gives_the_same_bytes() -> None:
    patch = make_patch(half_mm=20.0)

    first, second = (
        make_composite(patch, make_ball(patch, 12.0), mass_effect=True) for _ in range(2)
    )

    assert first.hu.tobytes() == second.hu.tobytes()
