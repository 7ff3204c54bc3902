"""The small denoiser, and how it speaks to the samplers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from atlastumor.synthesis.diffusion.conditioning import make_condition
from atlastumor.synthesis.diffusion.network import CubeDenoiser, predict_noise
from atlastumor.synthesis.diffusion.samplers import sample_ancestral
from atlastumor.synthesis.diffusion.schedule import make_cosine_schedule
from Backend.synthesis.diffusion.small import WIDTHS, make_network


def test_a_new_one_predicts_nothing_and_keeps_the_shape() -> None:
    network = CubeDenoiser(widths=WIDTHS)
    x, cond = torch.randn(2, 1, 8, 16, 24), torch.randn(2, 2, 8, 16, 24)

    v = network(x, torch.tensor([0, 15]), cond)

    assert v.shape == x.shape
    assert not v.any()


def test_it_hears_the_texture_inside_the_mask_only_and_the_step() -> None:
    network = make_network()
    x, cond = torch.randn(1, 1, 8, 8, 8), torch.randn(1, 2, 8, 8, 8)
    cond[:, 1] = 0.0
    cond[:, 1, 2:6, 2:6, 2:6] = 1.0
    outside = torch.where(cond[:, 1:] > 0, x, x + 3.0)
    inside = torch.where(cond[:, 1:] > 0, x + 3.0, x)
    step = torch.tensor([3])

    with torch.inference_mode():
        v = network(x, step, cond)

        assert torch.equal(network(outside, step, cond), v)
        assert not torch.allclose(network(inside, step, cond), v)
        assert not torch.allclose(network(x, step + 5, cond), v)


def test_folding_keeps_voxels_in_place() -> None:
    """A voxel far from another cannot be felt by the first convolution of folded cells."""
    network = make_network()
    cond = torch.zeros(1, 2, 8, 8, 8)
    cond[:, 1] = 1.0
    changed = cond.clone()
    changed[0, 0, 1, 2, 5] = 1.0

    with torch.inference_mode():
        folded = [network.stem(_fold_by_hand(c)) for c in (cond, changed)]

    i, j, k = np.nonzero((folded[0] != folded[1]).any(dim=1)[0].numpy())
    assert (set(i), set(j), set(k)) == ({0, 1}, {0, 1, 2}, {1, 2, 3})


def _fold_by_hand(cond: torch.Tensor) -> torch.Tensor:
    from atlastumor.synthesis.diffusion.network import _fold

    return _fold(torch.cat([torch.zeros_like(cond[:, :1]), cond], dim=1))


def test_unfolding_undoes_folding() -> None:
    from atlastumor.synthesis.diffusion.network import _fold, _unfold

    x = torch.randn(2, 3, 4, 6, 8)

    assert torch.equal(_unfold(_fold(x)), x)


def test_a_network_that_knows_the_answer_lets_the_sampler_find_it() -> None:
    """v from the definition: with a clean texture known, sampling ends exactly there."""
    schedule = make_cosine_schedule(16)
    clean = torch.rand(1, 1, 8, 8, 8) * 1.6 - 0.8

    class Oracle(torch.nn.Module):
        def forward(self, x: torch.Tensor, step: torch.Tensor, _c: torch.Tensor) -> torch.Tensor:
            kept = schedule.alphas_cumprod[int(step[0])]
            noise = (x - kept.sqrt() * clean) / (1 - kept).sqrt()
            return kept.sqrt() * noise - (1 - kept).sqrt() * clean

    generator = torch.Generator().manual_seed(4)
    start = torch.randn(clean.shape, generator=generator)
    model = predict_noise(Oracle(), schedule)  # type: ignore[arg-type]

    found = sample_ancestral(model, schedule, start, torch.zeros(1, 2, 8, 8, 8), generator)

    torch.testing.assert_close(found, clean, atol=1e-3, rtol=0)


def test_what_it_sees_is_relative_to_the_organ_and_hides_what_the_tumor_replaces() -> None:
    hu = torch.full((1, 1, 8, 8, 8), 110.0)
    hu[..., 0] = -1000.0
    mask = torch.zeros_like(hu)
    mask[..., 2:6] = 1.0
    numbers = torch.tensor([100.0]), torch.tensor([-60.0])

    seen = make_condition(hu, mask, *numbers)
    other = make_condition(torch.where(mask > 0, hu + 500, hu), mask, *numbers)

    assert seen.shape == (1, 2, 8, 8, 8)
    assert torch.equal(seen, other)
    assert torch.equal(seen[:, 1:], mask)
    assert seen[0, 0, 0, 0].tolist() == pytest.approx([-1.5, 0.1, *[-0.6] * 4, 0.1, 0.1])
