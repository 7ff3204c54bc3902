"""Patches that are cut from simulated scans of the training anatomies."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from atlastumor.errors import InputError
from atlastumor.organs import KEYS
from atlastumor.phantom import Tissue
from atlastumor.training.pool import SampleStream, make_scans
from atlastumor.training.recipe import FIRST_TUMOR, Recipe, outputs
from atlastumor.training.scans import ScannedAnatomy, draw_scanned, scan_anatomy

RECIPE = replace(Recipe(), patch=(24, 24, 24), tumor_focus=1.0)
SCANNED = replace(RECIPE, scan_share=1.0, scans_each=2, steps=8)
LIVER = 1 + KEYS.index("liver")
TUMOR = FIRST_TUMOR + KEYS.index("liver")


def a_liver_in_fat():
    tissues = np.full((80, 60, 70), Tissue.VISCERAL_FAT, np.uint8)
    tissues[14:58, 10:44, 16:60] = Tissue.LIVER
    tissues[30:40, 20:30, 30:40] = Tissue.LIVER_TUMOR_CORE
    return tissues


@pytest.fixture(scope="module")
def a_scan():
    return scan_anatomy(a_liver_in_fat(), RECIPE, np.random.default_rng(3))


@pytest.mark.parametrize("seed", range(4))
def test_labels_lie_where_the_scan_shows_what_they_name(seed):
    scan = scan_anatomy(a_liver_in_fat(), RECIPE, np.random.default_rng(seed))
    inside = slice(2, -2)  # air beside the body

    dense = scan.image[inside, inside] > 0.40  # 0 HU; fat is at 0.2
    labeled = np.isin(scan.channels[inside, inside], (LIVER, TUMOR))

    assert 2 * (dense & labeled).sum() / (dense.sum() + labeled.sum()) > 0.88
    assert 0.0 <= scan.image.min() < scan.image.max() <= 1.0
    assert outputs()[TUMOR] == {"channel": TUMOR, "kind": "tumor", "organ": "liver"}


def test_tumors_are_found_again(a_scan):
    (center,) = a_scan.tumors.centers

    assert list(a_scan.tumors.organs) == [KEYS.index("liver")]
    assert a_scan.channels[tuple(np.rint(center).astype(int))] == TUMOR


def test_a_scan_that_was_kept_is_the_same(a_scan, tmp_path):
    a_scan.save(tmp_path / "scan.npz")
    again = ScannedAnatomy.load(tmp_path / "scan.npz")

    assert np.array_equal(again.image, a_scan.image)
    assert np.array_equal(again.channels, a_scan.channels)
    assert np.array_equal(again.balance, a_scan.balance)
    assert all(map(np.array_equal, again.tumors, a_scan.tumors))
    assert [path.name for path in tmp_path.iterdir()] == ["scan.npz"]


def test_scans_of_an_earlier_version_are_refused(a_scan, tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, image=a_scan.image, channels=a_scan.channels, centers=a_scan.tumors.centers)

    with pytest.raises(InputError, match="lacks balance, odds, organs: an earlier version"):
        ScannedAnatomy.load(path)


def test_a_patch_shows_the_scan_and_nothing_beyond_it(a_scan):
    large = replace(RECIPE, patch=(160, 160, 160), warped=0.0)

    patch = draw_scanned(a_scan, large, np.random.default_rng(6))

    assert patch.image.shape == (1, 160, 160, 160)
    assert patch.image.dtype == patch.balance.dtype == torch.float32
    assert int((patch.channels > 0).sum()) == int((a_scan.channels > 0).sum())  # it holds it whole
    assert 0.0 <= float(patch.image.min()) < float(patch.image.max()) <= 1.0
    beyond = 160**3 - a_scan.channels.size
    assert int((patch.image == 0).sum()) >= beyond
    assert set(patch.channels.unique().tolist()) == {0, LIVER, TUMOR}


def test_patches_go_to_tumors(a_scan):
    for seed in range(8):
        patch = draw_scanned(a_scan, RECIPE, np.random.default_rng(seed))
        if (patch.channels == TUMOR).any():
            assert float(patch.balance[patch.channels == TUMOR].min()) > 1.0
            return
    pytest.fail("no patch shows the tumor")


def test_each_anatomy_is_scanned_as_often_as_asked_and_only_once(tmp_path):
    path = tmp_path / "anatomy-000007.npz"
    np.savez(path, tissues=a_liver_in_fat(), centers=np.zeros((0, 3)), organs=np.zeros(0, int))
    make_scans([path], SCANNED, workers=1)
    kept = sorted(tmp_path.glob("*-scan-*.npz"))
    times = [one.stat().st_mtime_ns for one in kept]

    make_scans([path], SCANNED, workers=1)
    samples = list(SampleStream([path], SCANNED, start=0))

    assert len(kept) == SCANNED.scans_each
    assert times == [one.stat().st_mtime_ns for one in kept]
    images = [ScannedAnatomy.load(one).image for one in kept]
    assert images[0].shape != images[1].shape  # each is stretched by itself
    assert len(samples) == SCANNED.steps * SCANNED.batch
