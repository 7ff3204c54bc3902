from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import InputError, UnknownKeyError
from atlastumor.organs import KEYS, find_organ
from atlastumor.phantom import Anatomy, TumorOptions, make_anatomy
from atlastumor.phantom.tumor_painting import _draw_radius
from atlastumor.phantom.tumors import NEIGHBORS, measure_tumors, size_class
from atlastumor.volume import Grid


@pytest.fixture(scope="module")
def bodies() -> list[Anatomy]:
    """Five women crowded with tumors, in anisotropic voxels."""
    crowded = TumorOptions(per_organ_probability=1.0, count_range=(1, 3), clear_probability=0.0)
    return [
        make_anatomy(
            seed,
            spacing_mm=(3.5, 3.5, 4.0),
            tumors=crowded,
            field_of_view="abdomen-pelvis",
            sex="female",
        )
        for seed in range(2_000_100, 2_000_105)
    ]


def test_every_organ_gets_tumors(bodies: list[Anatomy]) -> None:
    assert {lesion.organ for body in bodies for lesion in body.lesions} == set(KEYS)


def test_no_tumor_touches_the_border_of_the_view(bodies: list[Anatomy]) -> None:
    labels = [find_organ(key).tumor_label for key in KEYS]
    for body in bodies:
        tumors = np.isin(body.labels, labels)
        for axis in range(3):
            assert not np.take(tumors, (0, -1), axis).any()


def test_tumors_keep_a_distance(bodies: list[Anatomy]) -> None:
    labels = [find_organ(key).tumor_label for key in KEYS]
    for body in bodies:
        _, n = ndimage.label(np.isin(body.labels, labels), NEIGHBORS)

        assert n == len(body.lesions)


def test_recorded_volumes_add_up_to_the_label_map(bodies: list[Anatomy]) -> None:
    for body in bodies:
        for key in KEYS:
            recorded = sum(lesion.volume_ml for lesion in body.lesions if lesion.organ == key)
            painted = (body.labels == find_organ(key).tumor_label).sum() * body.grid.voxel_ml

            assert recorded == pytest.approx(painted)


def test_tumors_lie_in_or_at_their_organ(bodies: list[Anatomy]) -> None:
    for body in bodies:
        for key in KEYS:
            organ = find_organ(key)
            either = np.isin(body.labels, (*organ.labels, organ.tumor_label))
            if not either.any():
                continue
            part = body.labels[ndimage.find_objects(either.astype(int))[0]]
            tumor = part == organ.tumor_label
            if tumor.any() and np.isin(part, organ.labels).any():
                away = ndimage.distance_transform_edt(
                    ~np.isin(part, organ.labels), body.grid.spacing_mm
                )
                parts, n = ndimage.label(tumor, NEIGHBORS)

                assert max(ndimage.minimum(away, parts, range(1, n + 1))) <= 6.0


def test_small_medium_and_large_come_four_to_two_to_one() -> None:
    rng = np.random.default_rng(0)

    drawn = Counter(size_class(_draw_radius(rng, "liver")) for _ in range(7000))

    assert drawn["tiny"] == pytest.approx(1000, rel=0.15)
    assert drawn["small"] == pytest.approx(3000, rel=0.1)
    assert drawn["medium"] == pytest.approx(2000, rel=0.1)
    assert drawn["large"] == pytest.approx(1000, rel=0.15)


def test_a_tumor_is_measured_in_its_own_voxels() -> None:
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[4:8, 5:10, 6:9] = find_organ("liver").tumor_label
    grid = Grid((20, 20, 20), np.diag([2.0, 1.0, 5.0, 1.0]))

    (lesion,) = measure_tumors(labels, grid)

    assert lesion.volume_ml == pytest.approx(4 * 5 * 3 * 10 / 1000)
    assert lesion.center_ras == pytest.approx((11.0, 7.0, 35.0))
    assert lesion.diameter_mm == pytest.approx(2 * (600 * 3 / 4 / np.pi) ** (1 / 3))


def test_tumors_that_touch_at_a_corner_are_one() -> None:
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[2, 2, 2] = labels[3, 3, 3] = find_organ("colon").tumor_label

    assert len(measure_tumors(labels, Grid((6, 6, 6), np.eye(4)))) == 1


def test_a_body_without_tumors_has_none() -> None:
    body = make_anatomy(1, spacing_mm=5.0, tumors=TumorOptions(per_organ_probability=0.0))

    assert body.lesions == ()


def test_only_the_organs_asked_for_get_tumors() -> None:
    only = TumorOptions(1.0, (1, 1), organs=("kidney",), clear_probability=0.0)

    body = make_anatomy(2, spacing_mm=4.0, tumors=only, field_of_view="abdomen-pelvis")

    assert [lesion.organ for lesion in body.lesions] == ["kidney"]


@pytest.mark.parametrize(
    "options",
    [
        {"per_organ_probability": 1.5},
        {"clear_probability": -0.1},
        {"count_range": (0, 2)},
        {"count_range": (3, 2)},
        {"gap_mm": 0.0},
    ],
)
def test_a_bad_tumor_option_is_an_input_error(options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        TumorOptions(**options)


def test_an_unknown_organ_is_named() -> None:
    with pytest.raises(UnknownKeyError, match="lung"):
        TumorOptions(organs=("lung",))
