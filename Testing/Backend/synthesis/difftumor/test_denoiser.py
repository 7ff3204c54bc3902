"""The denoiser: its size, and the same answers as the description's."""

import pytest
import torch

from atlastumor.synthesis.difftumor.attention import RelativeBias, RotaryEmbedding
from atlastumor.synthesis.difftumor.denoiser import Denoiser
from Backend.synthesis.difftumor import description
from Backend.synthesis.difftumor.documented import denoiser_shapes, fake_denoiser


@pytest.fixture(scope="module")
def denoiser():
    network = Denoiser()
    network.load_state_dict(fake_denoiser())
    return network.eval()


def test_it_has_the_documented_number_of_parameters():
    assert sum(parameter.numel() for parameter in Denoiser().parameters()) == 6_018_592


def test_its_tensors_have_the_documented_names_and_shapes():
    own = {name: tuple(tensor.shape) for name, tensor in Denoiser().state_dict().items()}

    assert own == denoiser_shapes()
    assert len(own) == 300


def test_the_attentions_along_z_share_one_rotary_embedding():
    network = Denoiser()
    copies = [t for name, t in network.state_dict().items() if name.endswith("rotary_emb.freqs")]

    assert len(copies) == 10
    assert len({copy.data_ptr() for copy in copies}) == 1
    torch.testing.assert_close(copies[0], 10000.0 ** -(torch.arange(16) / 16))


@pytest.mark.parametrize("step", [0, 3, 157])
def test_one_step_is_as_described(denoiser, step):
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(1, 8, 20, 16, 8, generator=generator)
    cond = torch.randn(1, 9, 20, 16, 8, generator=generator)

    with torch.inference_mode():
        noise = denoiser(x, torch.tensor([step]), cond)

    assert noise.std() > 0.1
    expected = description.denoise(x, step, cond, fake_denoiser())
    torch.testing.assert_close(noise, expected, atol=1e-4, rtol=1e-4)


def test_a_latent_does_not_depend_on_the_others_of_its_batch(denoiser):
    x, cond = torch.randn(2, 8, 4, 8, 8), torch.randn(2, 9, 4, 8, 8)

    with torch.inference_mode():
        both = denoiser(x, torch.tensor([1, 2]), cond)
        second = denoiser(x[1:], torch.tensor([2]), cond[1:])

    torch.testing.assert_close(both[1:], second, atol=1e-5, rtol=1e-4)


def test_smaller_ones_can_be_built():
    network = Denoiser(dim=8, mults=(1, 2), heads=1, latent=4)

    with torch.inference_mode():
        noise = network(torch.zeros(1, 4, 3, 4, 2), torch.tensor([1]), torch.zeros(1, 5, 3, 4, 2))

    assert noise.shape == (1, 4, 3, 4, 2)


def test_the_bias_follows_the_buckets_of_the_description():
    torch.manual_seed(1)
    bias = RelativeBias(8)

    made = bias(40)

    table = bias.relative_attention_bias.weight
    torch.testing.assert_close(made, description.relative_bias(table, 40))
    assert not torch.equal(made, made.mT)  # above is not below


def test_turning_keeps_the_product_of_tokens_a_fixed_distance_apart():
    torch.manual_seed(2)
    q, k = torch.randn(1, 32), torch.randn(1, 32)
    rotary = RotaryEmbedding()

    products = rotary(q.expand(9, 32)) @ rotary(k.expand(9, 32)).T

    torch.testing.assert_close(products[0, 3], products[5, 8], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(products[0, 0], (q * k).sum(), atol=1e-4, rtol=1e-4)
    assert abs(products[0, 3] - products[3, 0]) > 1e-3
