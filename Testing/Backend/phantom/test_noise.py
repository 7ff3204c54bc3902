import numpy as np
import pytest

from atlastumor.phantom.noise import scanner_noise, tissue_texture


def test_noise_has_unit_deviation_and_no_mean() -> None:
    noise = scanner_noise(np.random.default_rng(0), (96, 80, 12), 0.8, 0.3)

    assert noise.mean() == pytest.approx(0, abs=1e-3)
    assert noise.std() == pytest.approx(1, abs=1e-3)


def test_noise_power_rises_with_frequency_and_falls_beyond_the_kernel() -> None:
    noise = scanner_noise(np.random.default_rng(0), (128, 128, 24), 0.8, 0.25)

    power = (np.abs(np.fft.fft2(noise, axes=(0, 1))) ** 2).mean(axis=2)[0]
    frequency = np.fft.fftfreq(128, 0.8)

    def around(f: float) -> float:
        return float(power[np.abs(np.abs(frequency) - f) < 0.03].mean())

    assert around(0.18) > 2 * around(0.03)  # f exp(-(f / f0)^2) peaks at f0 / sqrt(2) = 0.18
    assert around(0.18) > 10 * around(0.55)


def test_slices_are_hardly_correlated() -> None:
    noise = scanner_noise(np.random.default_rng(0), (96, 96, 16), 0.8, 0.3)

    neighbors = np.corrcoef(noise[:, :, :-1].ravel(), noise[:, :, 1:].ravel())[0, 1]

    assert 0.1 < neighbors < 0.35


def test_texture_is_as_coarse_in_millimeters_along_every_axis() -> None:
    texture = tissue_texture(np.random.default_rng(0), (64, 64, 64), (1.0, 2.0, 4.0), 4.0)

    def alike(axis: int, shift: int) -> float:
        return float((texture * np.roll(texture, shift, axis)).mean())

    assert alike(0, 4) == pytest.approx(alike(1, 2), abs=0.06)
    assert alike(1, 2) == pytest.approx(alike(2, 1), abs=0.06)
