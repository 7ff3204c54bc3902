"""How well a tumor can be seen: falls with grain, and is what an observer of the scan measures."""

from dataclasses import replace

import numpy as np
import pytest

from atlastumor.detection.reference import find_reference_lesions
from atlastumor.organs import ORGANS
from atlastumor.phantom import PhantomOptions, make_phantom
from atlastumor.phantom.noise import grain_power, scanner_noise, texture_power, tissue_texture
from atlastumor.phantom.visibility import measure_visibility

COARSE = PhantomOptions(in_plane_mm=4.0, slice_mm=5.0, noise_hu=10.0)
SEED = 3
SHAPE, SPACING = (24, 20, 16), (1.5, 1.5, 3.0)


@pytest.fixture(scope="module")
def seen():
    return measure_visibility(SEED, COARSE)


def test_there_is_one_index_for_each_lesion_of_the_phantom(seen):
    phantom = make_phantom(SEED, options=COARSE)

    for organ in ORGANS:
        labels = phantom.labels.array == organ.tumor_label
        spacing = phantom.scan.grid.spacing_mm
        assert len(seen[organ.key]) == len(
            find_reference_lesions(labels, spacing_mm=spacing).lesions
        )
    assert sum(map(len, seen.values())) == len(phantom.lesions) > 0


def test_grain_hides_tumors(seen):
    coarser = measure_visibility(SEED, replace(COARSE, noise_hu=40.0))

    pairs = [pair for key in seen for pair in zip(seen[key], coarser[key], strict=True)]
    assert all(0 < after < before for before, after in pairs)
    # Were there no texture, four times the grain would leave a quarter.
    assert all(after > 0.25 * before for before, after in pairs)


@pytest.mark.parametrize(
    ("draw", "power"),
    [
        (
            lambda rng: scanner_noise(rng, SHAPE, SPACING[0], 0.25),
            grain_power(SHAPE, SPACING, 0.25),
        ),
        (lambda rng: tissue_texture(rng, SHAPE, SPACING, 2.0), texture_power(SHAPE, SPACING, 2.0)),
    ],
    ids=["grain", "texture"],
)
def test_what_passes_a_filter_is_what_the_spectrum_says(draw, power):
    rng = np.random.default_rng(0)
    signal = np.zeros(SHAPE)
    signal[8:14, 7:12, 5:9] = 1.0
    answers = [float((signal * draw(rng)).sum()) for _ in range(600)]

    expected = np.sqrt((np.abs(np.fft.fftn(signal)) ** 2 * power).sum() / signal.size)
    assert power.mean() == pytest.approx(1.0)
    assert np.std(answers) == pytest.approx(expected, rel=0.12)
