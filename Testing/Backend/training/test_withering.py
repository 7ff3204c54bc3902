"""Pancreases wither; tumors in them and everything else stay."""

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.phantom.tissues import ORGAN_TISSUES, TUMOR_TISSUES, Tissue
from atlastumor.training.withering import wither_pancreas

PANCREAS = ORGAN_TISSUES["pancreas"]
TUMORS = TUMOR_TISSUES["pancreas"].all
MM = 1.5


@pytest.fixture(scope="module")
def anatomy():
    """A pancreas of 75 x 24 x 24 mm with a duct, a tumor and a vessel at its side."""
    i, j, k = np.mgrid[:60, :30, :30]
    tissues = np.full(i.shape, Tissue.MUSCLE, np.uint8)
    from_axis = (j - 15) ** 2 + (k - 15) ** 2
    tissues[(abs(i - 30) < 25) & (from_axis < 8**2)] = Tissue.PANCREAS
    tissues[(abs(i - 30) < 25) & (from_axis < 2)] = Tissue.PANCREATIC_DUCT
    tissues[(i - 45) ** 2 + (j - 10) ** 2 + (k - 15) ** 2 < 4**2] = TUMORS[0]
    tissues[:, 24:27, 14:17] = Tissue.VEIN
    return tissues


@pytest.fixture(scope="module")
def withered(anatomy):
    return [wither_pancreas(anatomy, MM, np.random.default_rng(seed)) for seed in range(40)]


def share_left(anatomy, changed):
    return (changed == Tissue.PANCREAS).sum() / (anatomy == Tissue.PANCREAS).sum()


def test_some_stay_as_they_are_and_the_others_lose_a_tenth_to_nine_tenths(anatomy, withered):
    shares = np.array([share_left(anatomy, one) for one in withered])

    assert 0.2 < (shares == 1).mean() < 0.6
    assert shares.min() > 0.1
    assert shares[shares < 1].max() > 0.75
    assert np.ptp(shares[shares < 1]) > 0.4


def test_what_is_lost_is_pancreas_and_becomes_fat(anatomy, withered):
    changed = [one != anatomy for one in withered]

    assert all((anatomy[where] == Tissue.PANCREAS).all() for where in changed)
    assert all(
        (one[where] == Tissue.VISCERAL_FAT).all()
        for one, where in zip(withered, changed, strict=True)
    )


def test_what_lies_near_a_tumor_stays(anatomy, withered):
    near = ndimage.distance_transform_edt(~np.isin(anatomy, TUMORS), MM) <= 6
    every = np.stack(withered)

    assert (every[:, near] == anatomy[near]).all()


def test_the_margin_goes_before_the_core_but_not_evenly(anatomy, withered):
    depth = ndimage.distance_transform_edt(np.isin(anatomy, (*TUMORS, *PANCREAS)), MM)
    depth *= anatomy == Tissue.PANCREAS
    tumor = ndimage.distance_transform_edt(~np.isin(anatomy, TUMORS), MM) <= 6
    lost = np.mean([one != anatomy for one in withered], axis=0)
    outer, inner = (depth > 0) & (depth < 3), depth > 6

    assert lost[outer & ~tumor].mean() > 2 * lost[inner & ~tumor].mean()
    some = next(one for one in withered if 0.3 < share_left(anatomy, one) < 0.7)
    gone = (some != anatomy)[outer & ~tumor]
    assert 0.05 < gone.mean() < 0.995


def test_the_same_seed_withers_alike_and_leaves_what_came_in(anatomy):
    before = anatomy.copy()
    one, other = (wither_pancreas(anatomy, MM, np.random.default_rng(1)) for _ in range(2))

    assert np.array_equal(one, other)
    assert np.array_equal(anatomy, before)


@pytest.mark.parametrize("seed", range(4))
def test_an_anatomy_without_a_pancreas_stays(seed):
    tissues = np.full((8, 8, 8), Tissue.LIVER, np.uint8)

    assert wither_pancreas(tissues, MM, np.random.default_rng(seed)) is tissues
