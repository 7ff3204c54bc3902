"""Lesions of phantoms whose answers can be worked out by hand."""

from __future__ import annotations

import math
import tracemalloc
from itertools import combinations

import numpy as np
import pytest

from atlastumor.components import Region
from atlastumor.lesions import find_region, measure_diameter, measure_fill, measure_lesions
from atlastumor.organs import ORGANS, find_organ
from atlastumor.volume import Grid, LabelMap

LIVER = find_organ("liver")
KIDNEY = find_organ("kidney")

ANISOTROPIC = np.diag([1.0, 1.0, 5.0, 1.0])


def oblique_affine() -> np.ndarray:
    """Spacing 1 x 2 x 3 mm, turned by 30 degrees about the S axis and moved."""
    turn = math.radians(30)
    rotation = np.array(
        [[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]]
    )
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([1.0, 2.0, 3.0])
    affine[:3, 3] = [-50.0, 20.0, 7.0]
    return affine


def label_map(array: np.ndarray, affine: np.ndarray = ANISOTROPIC) -> LabelMap:
    return LabelMap(array, Grid(array.shape, affine), {})


def empty(shape: tuple[int, int, int] = (20, 20, 10)) -> np.ndarray:
    return np.zeros(shape, np.uint8)


def measure(labels: LabelMap, organs=ORGANS, score: float = 0.5):
    return measure_lesions(labels, organs=organs, score_of=lambda *_: score)


def test_a_label_map_without_tumors_has_no_lesions():
    array = empty()
    array[:] = LIVER.label

    assert measure(label_map(array)).lesions == ()


def test_a_ball_has_the_volume_and_the_diameter_of_a_ball():
    i, j, k = np.indices((31, 31, 7))
    array = empty((31, 31, 7))
    ball = (i - 15) ** 2 + (j - 15) ** 2 + (5 * (k - 3)) ** 2 <= 10**2
    array[ball] = LIVER.tumor_label

    (lesion,) = measure(label_map(array)).lesions

    assert lesion.volume_ml == pytest.approx(ball.sum() * 5 / 1000)
    assert lesion.volume_ml == pytest.approx(4 / 3 * math.pi, rel=0.05)  # 10 mm radius: 4.19 mL
    assert lesion.diameter_mm == pytest.approx(20.0)
    assert lesion.centroid_ras == pytest.approx((15, 15, 15))
    assert lesion.point_ras == pytest.approx((15, 15, 15))
    assert (lesion.organ, lesion.index, lesion.label) == ("liver", 1, 27)
    assert lesion.box == ((5, 26), (5, 26), (1, 6))


def test_lesions_touching_at_a_corner_are_one():
    array = empty()
    array[2:4, 2:4, 2:4] = LIVER.tumor_label
    array[4:6, 4:6, 4:6] = LIVER.tumor_label

    (lesion,) = measure(label_map(array)).lesions

    assert lesion.volume_ml == pytest.approx(16 * 0.005)


def test_lesions_one_voxel_apart_are_two_and_the_larger_comes_first():
    array = empty()
    array[2:4, 2, 2] = LIVER.tumor_label
    array[5:9, 2, 2] = LIVER.tumor_label

    lesions = measure(label_map(array)).lesions

    assert [(one.index, one.volume_ml) for one in lesions] == [
        (1, pytest.approx(0.020)),
        (2, pytest.approx(0.010)),
    ]


def test_lesions_of_equal_volume_are_ordered_by_their_first_voxel():
    array = empty()
    array[12, 3, 1] = array[2, 9, 8] = array[2, 3, 9] = LIVER.tumor_label

    boxes = [lesion.box for lesion in measure(label_map(array)).lesions]

    assert boxes == [
        ((2, 3), (3, 4), (9, 10)),
        ((2, 3), (9, 10), (8, 9)),
        ((12, 13), (3, 4), (1, 2)),
    ]


def test_touching_tumors_of_two_organs_are_two_lesions():
    array = empty()
    array[2:4, 2, 2] = LIVER.tumor_label
    array[4:6, 2, 2] = KIDNEY.tumor_label

    assert [lesion.organ for lesion in measure(label_map(array)).lesions] == ["liver", "kidney"]


def test_only_the_organs_asked_for_are_measured():
    array = empty()
    array[2, 2, 2] = LIVER.tumor_label
    array[9, 2, 2] = KIDNEY.tumor_label

    lesions = measure(label_map(array), organs=(KIDNEY,)).lesions

    assert [lesion.organ for lesion in lesions] == ["kidney"]


@pytest.mark.parametrize(
    ("start", "stop", "diameter_mm"),
    [
        ((3, 3, 3), (4, 4, 4), 0.0),  # one voxel
        ((3, 3, 3), (13, 4, 4), 9.0),  # a bar of ten voxels
        ((3, 3, 3), (4, 4, 5), 5.0),  # two voxels across slices
        ((3, 3, 3), (7, 6, 4), math.hypot(3, 2)),  # a plate
        ((3, 3, 3), (5, 7, 6), math.sqrt(1 + 9 + 100)),  # a brick, corner to corner
    ],
)
def test_the_diameter_of_a_box_is_the_distance_of_its_farthest_voxel_centers(
    start, stop, diameter_mm
):
    array = empty()
    array[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = LIVER.tumor_label

    (lesion,) = measure(label_map(array)).lesions

    assert lesion.diameter_mm == pytest.approx(diameter_mm, abs=1e-9)


def test_an_oblique_grid_measures_in_millimetres_along_its_own_axes():
    array = empty()
    array[2:6, 3:7, 4:6] = LIVER.tumor_label
    labels = label_map(array, oblique_affine())

    (lesion,) = measure(labels).lesions

    assert lesion.volume_ml == pytest.approx(32 * 6 / 1000)
    assert lesion.diameter_mm == pytest.approx(math.sqrt(3**2 + 6**2 + 3**2))
    assert lesion.centroid_ras == pytest.approx(tuple(labels.grid.to_ras([3.5, 4.5, 4.5])))


def test_the_diameter_of_scattered_points_equals_that_over_all_pairs():
    rng = np.random.default_rng(7)
    for flatten in ((1, 1, 1), (1, 1, 0), (0, 1, 0)):
        points = rng.normal(size=(60, 3)) * flatten

        farthest = max(np.linalg.norm(a - b) for a, b in combinations(points, 2))

        assert measure_diameter(points) == pytest.approx(farthest)


@pytest.mark.parametrize(
    ("semi_mm", "share"), [((20, 20, 20), 1.0), ((10, 20, 20), 0.5), ((10, 10, 20), 0.25)]
)
@pytest.mark.parametrize("is_hollow", [False, True])
def test_an_ellipsoid_fills_the_ball_around_it_as_its_axes_say(semi_mm, share, is_hollow):
    affine = np.diag([1.0, -1.0, 2.0, 1.0])
    affine[:3, 3] = [30.0, -40.0, 500.0]
    away = np.indices((46, 46, 23)) - np.array([22.0, 22.0, 11.0]).reshape(3, 1, 1, 1)
    mm = away * np.array([1.0, 1.0, 2.0]).reshape(3, 1, 1, 1)
    radius = np.sqrt(((mm / np.reshape(semi_mm, (3, 1, 1, 1))) ** 2).sum(axis=0))
    mask = (radius <= 1) & ~(is_hollow & (radius < 0.5))

    fill = measure_fill(
        Region(tuple(slice(0, n) for n in mask.shape), mask), Grid(mask.shape, affine)
    )

    assert fill == pytest.approx(share, rel=0.08)


def test_a_single_voxel_is_not_flat():
    mask = np.ones((1, 1, 1), bool)

    assert measure_fill(Region((slice(3, 4),) * 3, mask), Grid((9, 9, 9), np.eye(4))) == math.inf


def test_the_point_of_a_bent_lesion_lies_inside_it():
    array = empty()
    array[2:13, 2, 5] = array[2:13, 12, 5] = array[2, 2:13, 5] = LIVER.tumor_label
    labels = label_map(array, oblique_affine())

    (lesion,) = measure(labels).lesions

    center = tuple(np.rint(labels.grid.to_ijk(lesion.centroid_ras)).astype(int))
    point = labels.grid.to_ijk(lesion.point_ras)
    assert array[center] == 0
    assert point == pytest.approx(np.rint(point))
    assert array[tuple(np.rint(point).astype(int))] == LIVER.tumor_label


def test_the_score_comes_from_the_voxels_of_the_lesion_alone():
    array = empty()
    array[2:4, 2:4, 2] = array[9:10, 2, 2] = LIVER.tumor_label
    seen = []

    def score_of(organ, box, mask):
        seen.append((organ.key, int(mask.sum()), array[box][mask].tolist()))
        return 0.25 * len(seen)

    lesions = measure_lesions(label_map(array), organs=(LIVER,), score_of=score_of).lesions

    assert seen == [("liver", 4, [27] * 4), ("liver", 1, [27])]
    assert [lesion.score for lesion in lesions] == [0.25, 0.5]


def test_a_lesion_of_a_paired_organ_knows_its_side():
    left, right = KIDNEY.sides
    array = empty((40, 20, 10))
    array[2:12, 4:12, 2:8] = right.label
    array[28:38, 4:12, 2:8] = left.label
    array[4:6, 6:8, 4] = array[30:33, 6:8, 4] = array[20, 6, 4] = KIDNEY.tumor_label

    sides = [lesion.side for lesion in measure(label_map(array)).lesions]

    assert sides == ["left", "right", None]


def test_regions_hold_exactly_the_voxels_and_are_found_again_from_the_lesion():
    rng = np.random.default_rng(3)
    array = (rng.random((40, 37, 33)) < 0.05).astype(np.uint8) * LIVER.tumor_label
    labels = label_map(array, oblique_affine())

    measured = measure(labels)

    rebuilt = np.zeros_like(array)
    for lesion, region in zip(measured.lesions, measured.regions, strict=True):
        again = find_region(labels, lesion)
        assert again.box == region.box
        assert (again.mask == region.mask).all()
        rebuilt[region.box] += region.mask.astype(np.uint8) * LIVER.tumor_label
    assert (rebuilt == array).all()


def test_blocks_split_components_as_one_labelling_of_the_whole_does():
    from scipy import ndimage

    rng = np.random.default_rng(5)
    mask = rng.random((50, 41, 29)) < 0.06
    _, expected = ndimage.label(mask, np.ones((3, 3, 3)))

    lesions = measure(label_map(mask.astype(np.uint8) * LIVER.tumor_label)).lesions

    assert len(lesions) == expected


def test_a_lesion_that_is_not_in_the_label_map_is_refused():
    array = empty()
    array[2:4, 2, 2] = LIVER.tumor_label
    (lesion,) = measure(label_map(array)).lesions

    with pytest.raises(ValueError, match="not in this label map"):
        find_region(label_map(empty()), lesion)


def test_specks_in_opposite_corners_of_a_large_scan_cost_little_memory():
    array = np.zeros((256, 256, 500), np.uint8)  # 33 MB
    array[:2, :2, :2] = array[-3:, -3:, -3:] = LIVER.tumor_label
    labels = label_map(array)

    tracemalloc.start()
    lesions = measure(labels).lesions
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(lesions) == 2
    assert peak < 1.5 * array.nbytes
