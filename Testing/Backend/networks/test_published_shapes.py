"""STU-Net and MedFormer: sizes as published, answers as the published code gives them."""

import pytest
import torch

from atlastumor.errors import CardError, WeightsError
from atlastumor.models.weights import fit_weights
from atlastumor.networks import adapt_tensors, build_network, find_multiple
from Backend.models.card_examples import small_args
from Backend.networks.waves import fill, wave

STUNET = {
    "features_per_stage": [4, 8, 16, 16],
    "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 1]],
    "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 1]],
    "n_blocks_per_stage": [1, 2, 1, 2],
}
MEDFORMER = {
    "features_per_stage": [4, 8, 12, 16, 20],
    "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 1], [3, 3, 3]],
    "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 1], [2, 1, 1]],
    "conv_num": [2, 1, 0, 1, 1, 0, 2, 1],
    "trans_num": [0, 1, 2, 1, 2, 2, 0, 0],
    "num_heads": [1, 2, 4, 5, 4, 3, 1, 1],
    "map_size": [2, 3, 2],
    "fusion_dim": 24,
    "fusion_heads": 4,
}


@pytest.mark.parametrize(
    ("widths", "n_blocks", "millions"),
    [
        ([16, 32, 64, 128, 256, 256], 1, 14.60),
        ([32, 64, 128, 256, 512, 512], 1, 58.26),
        ([64, 128, 256, 512, 1024, 1024], 2, 440.30),
        ([96, 192, 384, 768, 1536, 1536], 3, 1457.33),
    ],
    ids=["S", "B", "L", "H"],
)
def test_stunet_has_the_published_sizes(widths, n_blocks, millions):
    args = {"features_per_stage": widths, "n_blocks_per_stage": [n_blocks] * 6}
    with torch.device("meta"):
        network = build_network("stunet", 105, args)

    n = sum(p.numel() for p in network.parameters())

    assert round(n / 1e6, 2) == millions
    assert len(network.state_dict()) == 11 * (10 + 8 * (n_blocks - 1)) + 5 * 2 + 5 * 2


def test_medformer_has_the_published_size():
    with torch.device("meta"):
        network = build_network("medformer", 42, {})

    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == 37.9
    assert find_multiple("medformer", {}) == (16, 16, 16)


# What the published code answers, of waves as weights and window.
@pytest.mark.parametrize(
    ("name", "args", "values", "mean"),
    [
        (
            "stunet",
            STUNET,
            [-0.47842, -0.26533, -0.53225, -0.16748, -0.31082, 0.17064],
            0.59613,
        ),
        (
            "medformer",
            MEDFORMER,
            [-0.55729, -0.77406, 1.4488, -0.30729, -0.8382, 0.39011],
            1.20306,
        ),
    ],
)
def test_the_answer_is_that_of_the_published_code(name, args, values, mean):
    network = build_network(name, 3, args)
    fit_weights(network, fill(network.state_dict()))

    with torch.inference_mode():
        logits = network(wave((1, 1, 16, 16, 16), "window"))

    found = logits[0, :, ::5, ::7, ::9].flatten()[:6]
    torch.testing.assert_close(found, torch.tensor(values), rtol=0, atol=1e-3)
    assert float(logits.abs().mean()) == pytest.approx(mean, abs=1e-3)


def published(name):
    """A state dict as a training saved it: with a prefix, and what only training used."""
    state = fill(build_network(name, 3, small_args(name)).state_dict())
    if name == "medformer":
        state["aux_out.weight"], state["aux_out.bias"] = torch.ones(3, 8, 1, 1, 1), torch.ones(3)
        state["up2.trans_blocks.blocks.1.attn.map_out.weight"] = torch.ones(8, 8, 1, 1, 1)
    return {f"module.{key}": tensor for key, tensor in state.items()}


@pytest.mark.parametrize("name", ["stunet", "medformer"])
def test_a_published_file_fits(name):
    args, state = small_args(name), published(name)
    network = build_network(name, 3, args)

    fit_weights(network, adapt_tensors(name, state, args))

    kept = network.state_dict()
    assert all(torch.equal(kept[key], state[f"module.{key}"]) for key in kept)


@pytest.mark.parametrize(
    ("name", "missing", "reshaped"),
    [
        ("stunet", "seg_outputs.0.bias", "upsample_layers.1.conv.weight"),
        ("medformer", "outc.bias", "map_fusion.in_proj.1.weight"),
    ],
)
def test_a_file_that_differs_is_refused_with_the_differences(name, missing, reshaped):
    args, state = small_args(name), published(name)
    del state[f"module.{missing}"]
    state[f"module.{reshaped}"] = state[f"module.{reshaped}"][:4]
    state["module.head.weight"] = torch.zeros(1)

    with pytest.raises(WeightsError) as refused:
        fit_weights(build_network(name, 3, args), adapt_tensors(name, state, args))

    assert all(key in str(refused.value) for key in (missing, reshaped, "head.weight"))


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("stunet", {"n_blocks_per_stage": [1, 1]}, "n_blocks_per_stage must be a list of 3"),
        ("stunet", {"kernel_sizes": [[3, 3, 2]] * 3}, "kernel_sizes must be odd"),
        ("stunet", {"dims": [32]}, "dims is not known"),
        ("medformer", {"features_per_stage": [4, 8, 8]}, "kernel_sizes must be a list of 3"),
        ("medformer", {"num_heads": [1, 3, 2, 2, 2, 2, 1, 1]}, r"num_heads\[1\] must divide 8"),
        ("medformer", {"trans_num": [1, 1, 1, 2, 1, 2, 0, 0]}, r"trans_num\[0\] must be 0"),
        ("medformer", {"trans_num": [0, 1]}, "trans_num must be a list of 8"),
        ("medformer", {"fusion_heads": 3}, "fusion_heads must divide fusion_dim 8"),
        ("medformer", {"map_size": [99, 2, 2]}, r"map_size\[0\] must be a whole number"),
        ("medformer", {"expansion": 0}, "expansion must be a whole number from 1"),
        ("medformer", {"norm": "bn"}, "norm is not known"),
    ],
)
def test_arguments_that_make_no_network_are_named(name, changes, said):
    with pytest.raises(CardError, match=said):
        build_network(name, 2, {**small_args(name), **changes})


def test_medformer_has_five_stages():
    shorter = {
        "features_per_stage": [4, 8, 8],
        "kernel_sizes": [[3, 3, 3]] * 3,
        "strides": [[1, 1, 1], [2, 2, 2], [2, 2, 2]],
    }

    with pytest.raises(CardError, match="features_per_stage must be a list of 5 items, not 3"):
        build_network("medformer", 2, {**small_args("medformer"), **shorter})
