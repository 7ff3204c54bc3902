"""Both samplers against numpy."""

import numpy as np
import pytest
import torch

from atlastumor.errors import Cancelled
from atlastumor.synthesis.difftumor.denoiser import Denoiser
from atlastumor.synthesis.diffusion.samplers import (
    draw_noise,
    sample_ancestral,
    sample_ddim,
)
from atlastumor.synthesis.diffusion.schedule import make_cosine_schedule
from Backend.synthesis.difftumor import description
from Backend.synthesis.difftumor.documented import fake_denoiser

SHAPE = (2, 3, 4, 2, 5)


def model(x, step, cond):
    """Depends on everything it is given, latent by latent."""
    return 0.6 * torch.tanh(x + cond[:, :3]) + 0.01 * step.view(-1, 1, 1, 1, 1)


def numpy_model(cond):
    cond = cond[:, :3].numpy().astype(np.float64)
    return lambda x, t: 0.6 * np.tanh(x + cond) + 0.01 * t


@pytest.fixture
def start():
    generator = torch.Generator().manual_seed(11)
    return torch.randn(SHAPE, generator=generator), torch.randn(SHAPE, generator=generator)


def seeded(seed=7):
    return torch.Generator().manual_seed(seed)


def test_ancestral_sampling_is_as_described(start):
    x, cond = start
    like = seeded()
    noises = [torch.randn(SHAPE, generator=like).numpy() for _ in range(3)]

    latent = sample_ancestral(model, make_cosine_schedule(4), x, cond, seeded())

    expected = description.ancestral(
        numpy_model(cond), description.cosine_betas(4), x.numpy().astype(np.float64), noises
    )
    np.testing.assert_allclose(latent, expected, atol=1e-4)


def test_ddim_is_as_described(start):
    x, cond = start

    latent = sample_ddim(model, make_cosine_schedule(200), x, cond, seeded())

    expected = description.ddim(
        numpy_model(cond), description.cosine_betas(200), x.numpy().astype(np.float64), 50
    )
    assert np.abs(expected).max() > 1  # nothing is clamped
    np.testing.assert_allclose(latent, expected, atol=1e-4, rtol=1e-4)


def test_both_agree_with_the_description_through_the_real_denoiser():
    state = fake_denoiser()
    network = Denoiser()
    network.load_state_dict(state)
    x, cond = torch.randn(1, 8, 3, 8, 8), torch.randn(1, 9, 3, 8, 8)
    noises = [draw_noise(x, like).numpy() for like in [seeded()] for _ in range(3)]

    def described(values, t):
        values = torch.from_numpy(values).to(torch.float32)
        return description.denoise(values, t, cond, state).numpy().astype(np.float64)

    with torch.inference_mode():
        early = sample_ancestral(network.eval(), make_cosine_schedule(4), x, cond, seeded())
        later = sample_ddim(network, make_cosine_schedule(200), x, cond, seeded(), n_samples=4)

    start = x.numpy().astype(np.float64)
    expected = description.ancestral(described, description.cosine_betas(4), start, noises)
    np.testing.assert_allclose(early, expected, atol=1e-4)
    expected = description.ddim(described, description.cosine_betas(200), start, 4)
    np.testing.assert_allclose(later, expected, atol=1e-4, rtol=1e-4)


def test_the_clean_latent_of_ancestral_sampling_stays_within_one(start):
    x, cond = start

    latent = sample_ancestral(
        lambda x, _step, _cond: -5 * x, make_cosine_schedule(4), x, cond, seeded()
    )

    assert float(latent.abs().max()) == pytest.approx(1)


def visited(sample, n_steps):
    steps = []

    def spy(x, step, _cond):
        steps.append(int(step[0]))
        return torch.zeros_like(x)

    sample(spy, make_cosine_schedule(n_steps), torch.zeros(1, 1, 1, 1, 1), None, seeded())
    return steps


def test_the_steps_are_the_documented_ones():
    assert visited(sample_ancestral, 4) == [3, 2, 1, 0]
    assert visited(sample_ddim, 200) == list(range(197, 0, -4))
    assert len(visited(sample_ddim, 200)) == 50


@pytest.mark.parametrize("sample", [sample_ancestral, sample_ddim])
def test_a_seed_means_one_latent(sample, start):
    x, cond = start
    schedule = make_cosine_schedule(4 if sample is sample_ancestral else 200)

    first, again, other = (sample(model, schedule, x, cond, seeded(seed)) for seed in (1, 1, 2))

    assert torch.equal(first, again)
    assert torch.equal(first, other) == (sample is sample_ddim)


@pytest.mark.parametrize("sample", [sample_ancestral, sample_ddim])
def test_every_step_is_announced_and_may_stop_it(sample, start):
    x, cond = start
    fractions = []

    def stop(fraction):
        fractions.append(fraction)
        if len(fractions) == 3:
            raise Cancelled

    schedule = make_cosine_schedule(4 if sample is sample_ancestral else 200)
    with pytest.raises(Cancelled):
        sample(model, schedule, x, cond, seeded(), on_step=stop)

    assert fractions[0] == 0
    assert fractions == sorted(fractions)
    assert len(fractions) == 3
