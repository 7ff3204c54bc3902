from __future__ import annotations

import numpy as np
import pytest

from atlastumor.inference import postprocess as module
from atlastumor.inference.postprocess import (
    drop_distant_tumors,
    drop_unlikely_lesions,
    keep_largest_part,
    postprocess,
)
from atlastumor.models.specs import PostprocessSpec
from atlastumor.organs import find_organ
from atlastumor.volume import Grid

LIVER, KIDNEY = find_organ("liver"), find_organ("kidney")
GRID = Grid((40, 30, 20), np.diag([1.0, 2.0, 5.0, 1.0]))  # a voxel is 0.01 mL


def empty() -> np.ndarray:
    return np.zeros(GRID.shape, np.uint8)


def test_of_two_parts_the_larger_stays() -> None:
    labels = empty()
    labels[2:10, 2:10, 2:10] = 5
    labels[20:24, 2:10, 2:10] = 5

    keep_largest_part(labels, LIVER)

    assert (labels == 5).sum() == 8 * 8 * 8
    assert not labels[20:24].any()


def test_parts_joined_by_tumor_are_one() -> None:
    labels = empty()
    labels[2:10, 2:10, 2:10] = 5
    labels[10:14, 2:10, 2:10] = 27
    labels[14:17, 2:10, 2:10] = 5

    keep_largest_part(labels, LIVER)

    assert (labels == 5).sum() == 11 * 64


def test_each_half_of_a_paired_organ_keeps_its_largest_part() -> None:
    labels = empty()
    labels[2:8, 2:8, 2:8] = 3
    labels[30:34, 2:8, 2:8] = 4
    labels[20:22, 2:8, 2:8] = 3

    keep_largest_part(labels, KIDNEY)

    assert (labels == 3).sum() == 216
    assert (labels == 4).sum() == 144


def test_tumor_stays_up_to_the_margin_in_mm() -> None:
    labels = empty()
    labels[5:10, 5:10, 5:10] = 5
    labels[10:30, 7, 7] = 27  # 1 mm apart: the k-th lies k mm from the liver
    labels[7, 10:20, 7] = 27  # 2 mm apart
    labels[7, 7, 10:15] = 27  # 5 mm apart

    drop_distant_tumors(labels, GRID, LIVER, margin_mm=10.0)

    assert np.flatnonzero(labels[:, 7, 7] == 27).tolist() == list(range(10, 20))
    assert np.flatnonzero(labels[7, :, 7] == 27).tolist() == list(range(10, 15))
    assert np.flatnonzero(labels[7, 7, :] == 27).tolist() == [10, 11]


def test_tiles_do_not_change_which_tumor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(np.array([0, 5, 27], np.uint8), GRID.shape, p=[0.989, 0.001, 0.01])
    whole = labels.copy()
    drop_distant_tumors(whole, GRID, LIVER, margin_mm=7.0)

    monkeypatch.setattr(module, "_TILE", 7)
    drop_distant_tumors(labels, GRID, LIVER, margin_mm=7.0)

    assert 0 < (whole == 27).sum() < 0.01 * labels.size
    np.testing.assert_array_equal(labels, whole)


def test_tumor_without_organ_goes() -> None:
    labels = empty()
    labels[3:6, 3:6, 3:6] = 27

    drop_distant_tumors(labels, GRID, LIVER, margin_mm=10.0)

    assert not labels.any()


def test_a_small_lesion_becomes_the_organ_around_it() -> None:
    labels = empty()
    labels[5:20, 5:20, 5:15] = 4
    labels[8:10, 8:10, 8:10] = 29  # 0.08 mL
    labels[14:17, 14:17, 8:11] = 29  # 0.27 mL

    drop_unlikely_lesions(labels, GRID, KIDNEY, least_ml=0.1)

    assert (labels[8:10, 8:10, 8:10] == 4).all()
    assert (labels == 29).sum() == 27


def test_a_small_lesion_in_the_open_becomes_background() -> None:
    labels = empty()
    labels[8:10, 8:10, 8:10] = 27

    drop_unlikely_lesions(labels, GRID, LIVER, least_ml=0.1)

    assert not labels.any()


def test_a_lesion_of_exactly_the_least_volume_stays() -> None:
    labels = empty()
    labels[8:10, 8:10, 8:10] = 27

    drop_unlikely_lesions(labels, GRID, LIVER, least_ml=0.08)

    assert (labels == 27).sum() == 8


def test_a_sheet_becomes_the_organ_around_it_and_a_lump_stays() -> None:
    labels = empty()
    labels[2:38, 2:28, 2:18] = 4
    labels[5:7, 5:15, 4:8] = 29  # 2 x 20 x 20 mm: a tenth of the ball around it
    labels[15:35, 5:15, 8:12] = 29  # 20 x 20 x 20 mm

    drop_unlikely_lesions(labels, GRID, KIDNEY, least_fill=0.25)

    assert (labels[5:7, 5:15, 4:8] == 4).all()
    assert (labels == 29).sum() == 20 * 10 * 4


def test_only_organs_that_the_card_names_lose_flat_lesions() -> None:
    labels = empty()
    labels[5:7, 5:15, 4:8] = 29
    labels[20:22, 5:15, 4:8] = 27

    postprocess(labels, GRID, PostprocessSpec(min_fill={"liver": 0.25}), [LIVER, KIDNEY])

    assert (labels == 29).sum() == 80
    assert not (labels == 27).any()


def test_a_card_without_steps_leaves_organs_and_tumors_alone() -> None:
    labels = empty()
    labels[2:10, 2:10, 2:10] = 5
    labels[20:30, 2:10, 2:10] = 5
    labels[35, 20, 15] = 27
    before = labels.copy()

    postprocess(labels, GRID, PostprocessSpec(), [LIVER, KIDNEY])

    np.testing.assert_array_equal(labels, before)


def test_a_cards_steps_follow_one_another() -> None:
    labels = empty()
    labels[2:10, 2:10, 2:10] = 5
    labels[20:24, 2:10, 2:10] = 5  # a stray part
    labels[24:27, 4:7, 4:7] = 27  # a tumor of the stray part alone
    labels[5, 5, 5] = 27  # too small
    spec = PostprocessSpec(0.1, 8.0, ("liver",))

    postprocess(labels, GRID, spec, [LIVER])

    expected = empty()
    expected[2:10, 2:10, 2:10] = 5
    np.testing.assert_array_equal(labels, expected)
