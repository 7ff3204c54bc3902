"""Setting out from a narrower network: the same answers first, and copies that part ways."""

from dataclasses import replace

import pytest
import torch

from atlastumor.networks import build_network
from atlastumor.training.recipe import outputs
from atlastumor.training.widening import widen_weights
from Backend.training.tiny_recipe import TINY

BLOCKS = {"blocks_down": [1, 1, 2], "blocks_up": [1, 1]}


def recipe_of(*filters):
    return replace(TINY, network_args={"filters": list(filters), **BLOCKS})


def network_of(recipe):
    return build_network(recipe.network, len(outputs()), recipe.network_args)


@pytest.fixture
def narrow():
    torch.manual_seed(3)
    network = network_of(recipe_of(8, 16, 32))
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(torch.randn_like(weights), alpha=0.1)  # norms with scales of their own
    return network


@pytest.mark.parametrize("filters", [(8, 16, 32), (16, 32, 32), (24, 32, 64)])
def test_the_wider_network_computes_the_same(narrow, filters):
    recipe = recipe_of(*filters)
    wide = network_of(recipe)
    wide.load_state_dict(widen_weights(narrow.state_dict(), recipe))
    x = torch.randn((2, 1, 16, 16, 16), generator=torch.Generator().manual_seed(1))

    with torch.inference_mode():
        torch.testing.assert_close(wide(x), narrow(x), atol=1e-3, rtol=1e-3)


def test_copies_of_a_channel_learn_apart(narrow):
    recipe = recipe_of(16, 32, 64)
    wide = network_of(recipe)
    wide.load_state_dict(widen_weights(narrow.state_dict(), recipe))

    wide(torch.randn((1, 1, 16, 16, 16))).square().mean().backward()

    gradient = wide.down_layers[0][1].conv1.conv.weight.grad
    assert not torch.allclose(gradient[0::2], gradient[1::2], rtol=1e-2)


def test_the_same_seed_widens_alike(narrow):
    recipe = recipe_of(16, 32, 64)

    first, second = (widen_weights(narrow.state_dict(), recipe) for _ in range(2))

    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ((8, 16, 16), r"conv\.weight is \(32, 16, 3, 3, 3\) in it and \(16, 16, 3, 3, 3\) here"),
        ((24, 40, 64), r"is \(16, 8, 3, 3, 3\) in it and \(40, 24, 3, 3, 3\) here"),
    ],
)
def test_weights_that_do_not_fit_are_refused(narrow, filters, said):
    with pytest.raises(ValueError, match=said):
        widen_weights(narrow.state_dict(), recipe_of(*filters))


def test_weights_of_other_layers_are_refused(narrow):
    with pytest.raises(ValueError, match="it has other layers"):
        widen_weights(narrow.state_dict(), TINY)
