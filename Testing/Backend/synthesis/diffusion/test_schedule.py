"""The schedule against numbers worked out by hand."""

import numpy as np
import pytest
import torch

from atlastumor.synthesis.diffusion.schedule import BUFFERS, make_cosine_schedule
from Backend.synthesis.difftumor.description import cosine_betas
from Backend.synthesis.difftumor.documented import BUFFERS as DOCUMENTED


def test_the_buffers_are_the_documented_twelve():
    assert list(BUFFERS) == DOCUMENTED
    assert len(BUFFERS) == 12


def test_four_steps_have_the_documented_betas():
    betas = make_cosine_schedule(4).betas

    np.testing.assert_allclose(betas, [0.153, 0.417, 0.708, 0.9999], atol=5e-4)


@pytest.mark.parametrize("n_steps", [4, 200])
def test_betas_follow_the_cosine(n_steps):
    schedule = make_cosine_schedule(n_steps)

    assert schedule.n_steps == n_steps
    assert schedule.betas.dtype == torch.float32
    np.testing.assert_allclose(schedule.betas, cosine_betas(n_steps), rtol=1e-6)
    assert float(schedule.betas.max()) == pytest.approx(0.9999)


def test_the_other_buffers_are_what_their_names_say():
    schedule = make_cosine_schedule(4)
    betas = cosine_betas(4)
    kept = [1.0]
    for beta in betas:
        kept.append(kept[-1] * (1 - beta))

    for t in range(4):
        now, before, beta = kept[t + 1], kept[t], betas[t]
        variance = beta * (1 - before) / (1 - now)
        expected = {
            "betas": beta,
            "alphas_cumprod": now,
            "alphas_cumprod_prev": before,
            "sqrt_alphas_cumprod": now**0.5,
            "sqrt_one_minus_alphas_cumprod": (1 - now) ** 0.5,
            "log_one_minus_alphas_cumprod": np.log(1 - now),
            "sqrt_recip_alphas_cumprod": now**-0.5,
            "sqrt_recipm1_alphas_cumprod": ((1 - now) / now) ** 0.5,
            "posterior_variance": variance,
            "posterior_log_variance_clipped": np.log(max(variance, 1e-20)),
            "posterior_mean_coef1": beta * before**0.5 / (1 - now),
            "posterior_mean_coef2": (1 - before) * (1 - beta) ** 0.5 / (1 - now),
        }
        found = {name: float(getattr(schedule, name)[t]) for name in BUFFERS}
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_the_first_step_has_a_posterior_without_spread():
    schedule = make_cosine_schedule(4)

    assert float(schedule.posterior_variance[0]) == 0
    assert float(schedule.posterior_log_variance_clipped[0]) == pytest.approx(-46.0517, abs=1e-3)
    assert float(schedule.posterior_mean_coef1[0]) == pytest.approx(1)
