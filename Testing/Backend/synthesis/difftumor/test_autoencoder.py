"""The autoencoder: its size, and the same answers as the description's."""

import pytest
import torch

from atlastumor.synthesis.difftumor.autoencoder import Autoencoder, Codebook
from Backend.synthesis.difftumor import description
from Backend.synthesis.difftumor.documented import autoencoder_shapes, fake_autoencoder

N_CODES = 500


@pytest.fixture(scope="module")
def state():
    return fake_autoencoder(n_codes=N_CODES)


@pytest.fixture(scope="module")
def autoencoder(state):
    network = Autoencoder(n_codes=N_CODES)
    network.load_state_dict(state)
    return network.eval()


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_it_has_the_documented_number_of_parameters():
    network = Autoencoder()

    assert count(network.encoder) == 441_568
    assert count(network.decoder) == 948_417
    assert network.codebook.embeddings.numel() == 131_072


def test_its_tensors_have_the_documented_names_and_shapes():
    own = {name: tuple(tensor.shape) for name, tensor in Autoencoder().state_dict().items()}

    assert own == autoencoder_shapes()
    assert len(own) == 71


def test_encoding_is_as_described(autoencoder, state):
    volume = torch.rand(2, 1, 16, 24, 20, generator=torch.Generator().manual_seed(3)) * 2 - 1

    with torch.inference_mode():
        latent = autoencoder.encode(volume)

    assert latent.shape == (2, 8, 4, 6, 5)
    assert latent.std() > 0.1
    torch.testing.assert_close(latent, description.encode(volume, state), atol=1e-4, rtol=1e-4)


def test_decoding_is_as_described(autoencoder, state):
    latent = torch.randn(1, 8, 4, 6, 5, generator=torch.Generator().manual_seed(4))

    with torch.inference_mode():
        volume = autoencoder.decode(latent)

    assert volume.shape == (1, 1, 16, 24, 20)
    assert volume.std() > 0.05
    torch.testing.assert_close(volume, description.decode(latent, state), atol=1e-4, rtol=1e-4)


def test_a_crop_of_96_has_a_latent_of_24(autoencoder):
    with torch.inference_mode():
        latent = autoencoder.encode(torch.zeros(1, 1, 96, 32, 32))

    assert latent.shape == (1, 8, 24, 8, 8)


@pytest.mark.parametrize("rows", [1, 7, 119, 120, 2048])
def test_codes_found_in_parts_are_those_found_at_once(rows):
    torch.manual_seed(5)
    codebook = Codebook(300, 8)
    latent = torch.randn(2, 8, 3, 4, 5)

    found = codebook.find_nearest(latent, rows=rows)

    assert torch.equal(found, description.nearest_codes(latent, codebook.embeddings))


def test_a_code_is_nearest_to_itself():
    torch.manual_seed(6)
    codebook = Codebook(60, 8)
    latent = codebook.embeddings.T.reshape(1, 8, 3, 4, 5)

    assert torch.equal(codebook.find_nearest(latent).flatten(), torch.arange(60))
    assert torch.equal(codebook.quantize(latent), latent)


def test_a_short_vector_beats_one_in_the_right_direction():
    codebook = Codebook(2, 2)
    codebook.embeddings.copy_(torch.tensor([[10.0, 0.0], [0.0, 1.0]]))

    found = codebook.find_nearest(torch.tensor([2.0, 0.0]).view(1, 2, 1, 1, 1))

    assert found.item() == 1  # sqrt(5) away, where (10, 0) is 8 away
