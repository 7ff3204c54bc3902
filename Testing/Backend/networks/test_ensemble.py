"""An ensemble: the mean of its members' logits, each member under its own name."""

import pytest
import torch

from atlastumor.errors import CardError, WeightsError
from atlastumor.models.weights import fit_weights
from atlastumor.networks import adapt_tensors, build_network, find_multiple
from atlastumor.networks.ensemble import count_members, take_apart
from Backend.models.card_examples import small_args

ARGS = {"network": "plain_unet", "args": small_args("plain_unet"), "members": 3}


def members():
    torch.manual_seed(0)
    return [build_network("plain_unet", 3, ARGS["args"]) for _ in range(3)]


def joined(networks):
    return {
        f"member_{number}.{name}": tensor
        for number, network in enumerate(networks)
        for name, tensor in network.state_dict().items()
    }


def test_its_logits_are_the_mean_of_its_members():
    networks, ensemble = members(), build_network("ensemble", 3, ARGS)
    fit_weights(ensemble, joined(networks))
    x = torch.randn(1, 1, 16, 16, 16)

    with torch.inference_mode():
        expected = torch.stack([network(x) for network in networks]).mean(dim=0)
        torch.testing.assert_close(ensemble(x), expected)


def test_taken_apart_it_gives_what_each_member_says():
    networks, ensemble = members(), build_network("ensemble", 3, ARGS)
    fit_weights(ensemble, joined(networks))
    x = torch.randn(1, 1, 16, 16, 16)

    with torch.inference_mode():
        expected = torch.cat([network(x) for network in networks], dim=1)
        torch.testing.assert_close(take_apart(ensemble)(x), expected)
    assert count_members("ensemble", ARGS) == 3
    assert count_members("plain_unet", ARGS["args"]) == 1


def test_windows_are_those_of_a_member():
    assert find_multiple("ensemble", ARGS) == find_multiple("plain_unet", ARGS["args"])


def test_a_member_too_few_is_refused():
    with pytest.raises(WeightsError):
        fit_weights(build_network("ensemble", 3, ARGS), joined(members()[:2]))


def test_each_member_gets_our_names():
    inner = small_args("generic_unet")
    args = {"network": "generic_unet", "args": inner, "members": 2}
    published = {"conv_blocks_context.0.blocks.0.conv.weight": torch.zeros(8, 1, 3, 3, 1)}
    both = {f"member_{n}.{name}": tensor for n in (0, 1) for name, tensor in published.items()} | {
        "stray": torch.zeros(1)
    }

    adapted = adapt_tensors("ensemble", both, args)

    expected = set(adapt_tensors("generic_unet", published, inner))
    assert set(adapted) == {f"member_{n}.{name}" for n in (0, 1) for name in expected} | {"stray"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "network.args.network must be the name"),
        ({**ARGS, "network": "ensemble"}, "the name of one architecture"),
        ({**ARGS, "network": "nonet"}, "network.name must be one of"),
        ({**ARGS, "args": []}, "network.args.args must be an object"),
        ({**ARGS, "members": 0}, "network.args.members must be a whole number"),
        ({**ARGS, "members": 10**6}, "network.args.members must be a whole number"),
        ({**ARGS, "weights": [1, 2]}, "network.args.weights is not known"),
    ],
)
def test_wrong_arguments_are_named(args, said):
    with pytest.raises(CardError, match=said):
        build_network("ensemble", 3, args)
