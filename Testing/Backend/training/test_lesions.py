"""How well lesions of training scans stand out, and what they weigh."""

import numpy as np
import pytest

from atlastumor.organs import KEYS
from atlastumor.training.lesions import balance_lesions, find_lesions, measure_snr, weigh_snr
from atlastumor.training.recipe import FIRST_TUMOR

LIVER, KIDNEY = (KEYS.index(key) for key in ("liver", "kidney"))
NOISE_HU = 12.0
CUBE = np.s_[10:14, 10:14, 10:14]
LARGE = np.s_[20:30, 8:18, 8:18]


@pytest.fixture
def channels():
    found = np.zeros((40, 30, 30), np.uint8)
    found[4:34, 4:24, 4:24] = 1 + LIVER
    found[CUBE] = found[LARGE] = FIRST_TUMOR + LIVER
    found[36:38, 26:29, 26:29] = FIRST_TUMOR + KIDNEY
    return found


def show(channels, contrast):
    hu = np.random.default_rng(2).normal(100.0, NOISE_HU, channels.shape).astype(np.float32)
    hu[channels == 0] -= 200
    hu[channels >= FIRST_TUMOR] -= contrast
    return hu


def test_lesions_are_numbered_organ_by_organ(channels):
    lesions = find_lesions(channels)

    expected = sorted([LIVER, LIVER, KIDNEY])
    assert lesions.organs.tolist() == expected
    centers = {tuple(center) for center in lesions.centers}
    assert centers == {(11.5, 11.5, 11.5), (24.5, 12.5, 12.5), (36.5, 27.0, 27.0)}
    for number, center in enumerate(lesions.centers, start=1):
        assert lesions.parts[tuple(np.rint(center).astype(int))] == number


def test_nothing_is_found_where_no_lesion_is(channels):
    lesions = find_lesions(np.minimum(channels, 1 + LIVER))

    assert lesions.centers.shape == (0, 3)
    assert measure_snr(lesions, show(channels, 0.0), channels).shape == (0,)


@pytest.mark.parametrize("contrast", [20.0, 60.0])
def test_the_ratio_is_contrast_over_noise_times_the_root_of_the_extent(channels, contrast):
    lesions = find_lesions(channels)

    snr = measure_snr(lesions, show(channels, contrast), channels)

    small, large = snr[lesions.organs == LIVER]
    assert small == pytest.approx(contrast / NOISE_HU * 64**0.5, rel=0.25)
    assert large == pytest.approx(contrast / NOISE_HU * 1000**0.5, rel=0.1)


def test_where_nothing_surrounds_a_lesion_it_does_not_stand_out(channels):
    lesions = find_lesions(channels)

    snr = measure_snr(lesions, show(channels, 60.0), channels)

    assert snr[lesions.organs == KIDNEY].tolist() == [0.0]  # it lies in fat


def test_faint_lesions_weigh_most_and_are_chosen_most():
    weights, odds = weigh_snr(np.array([1.0, 12.0, 80.0], np.float32))

    for invisible, faint, plain in (weights, odds):
        assert invisible < plain < faint


def test_small_lesions_weigh_more_voxel_by_voxel():
    channels = np.zeros((40, 40, 40), np.uint8)
    channels[1:7, 1:7, 1:5] = FIRST_TUMOR  # 144 voxels of 27 mm3: 3.888 ml
    channels[10:20, 10:20, 10:20] = FIRST_TUMOR + 1  # 27 ml, more than a full lesion
    channels[28:33, 28:33, 28:33] = FIRST_TUMOR  # 3.375 ml
    channels[38, 38, 38] = FIRST_TUMOR  # so small that the ceiling holds

    balance = balance_lesions(channels, spacing_mm=3.0)

    assert balance[0, 0, 0] == balance[15, 15, 15] == 1.0
    assert balance[1, 1, 1] == pytest.approx((11.0 / 3.888) ** (2 / 3))
    assert balance[31, 31, 31] == pytest.approx((11.0 / 3.375) ** (2 / 3))
    assert balance[38, 38, 38] == 3.0


def test_lesions_weigh_what_they_are_given_beside_their_size(channels):
    lesions = find_lesions(channels)
    plain = balance_lesions(channels, spacing_mm=3.0)
    twice = np.where(lesions.organs == LIVER, 2.0, 1.0).astype(np.float32)

    weighed = balance_lesions(channels, 3.0, lesions, twice)

    assert weighed[CUBE] == pytest.approx(2 * plain[CUBE])
    assert weighed[LARGE] == pytest.approx(2 * plain[LARGE])
    assert weighed[37, 27, 27] == plain[37, 27, 27]


def test_where_lesions_are_weighed_the_borders_of_organs_weigh_less(channels):
    lesions = find_lesions(channels)

    weighed = balance_lesions(channels, 3.0, lesions, np.ones(len(lesions.organs), np.float32))

    assert weighed[3, 20, 20] == weighed[4, 20, 20] < weighed[5, 20, 20] == 1.0
    assert weighed[9, 11, 11] < 1.0 < weighed[10, 11, 11]  # beside a tumor, and in it
