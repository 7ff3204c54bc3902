"""nnU-Net's networks: plans of v2 as they are."""

import json

import pytest
import torch

from atlastumor.errors import CardError
from atlastumor.models.weights import fit_weights
from atlastumor.networks import adapt_tensors, build_network

PLAN = json.loads(
    """{"n_stages": 3, "features_per_stage": [4, 8, 8],
        "conv_op": "torch.nn.modules.conv.Conv3d", "conv_bias": true,
        "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
        "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
        "n_conv_per_stage_decoder": [1, 2],
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": true},
        "dropout_op": null, "dropout_op_kwargs": null,
        "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": true}}"""
)
BLOCKS = {
    "plain_unet": "n_conv_per_stage",
    "resenc_unet": "n_blocks_per_stage",
}


def plan(name, **changes):
    return {**PLAN, BLOCKS[name]: [1, 2, 2], **changes}


def upstream(name, args):
    """nnU-Net's own network, built as its `get_network_from_plans` does."""
    from dynamic_network_architectures.architectures import unet

    kwargs = dict(args)
    for key in ("conv_op", "norm_op", "dropout_op", "nonlin"):
        kwargs[key] = getattr(torch.nn, kwargs[key].rsplit(".", 1)[-1]) if kwargs[key] else None
    torch.manual_seed(7)
    return getattr(unet, name)(
        input_channels=1, num_classes=3, deep_supervision=False, **kwargs
    ).eval()


def window(shape=(4, 16, 16)):
    return torch.randn((1, 1, *shape), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(
    ("name", "theirs", "changes", "own"),
    [
        ("plain_unet", "PlainConvUNet", {}, {}),
        ("resenc_unet", "ResidualEncoderUNet", {}, {}),
        ("resenc_unet", "ResidualUNet", {}, {"decoder": "residual"}),
        (
            "plain_unet",
            "PlainConvUNet",
            {
                "norm_op": "torch.nn.modules.batchnorm.BatchNorm3d",
                "dropout_op": "torch.nn.modules.dropout.Dropout3d",
                "dropout_op_kwargs": {"p": 0.3},
                "nonlin": "torch.nn.ReLU",
                "conv_bias": False,
            },
            {},
        ),
    ],
)
def test_a_plan_builds_upstreams_network(name, theirs, changes, own):
    args = plan(name, **changes)
    network, reference = build_network(name, 3, {**args, **own}), upstream(theirs, args)

    fit_weights(network, adapt_tensors(name, reference.state_dict(), {**args, **own}))

    with torch.inference_mode():
        assert torch.equal(network(window()), reference(window()))


@pytest.mark.parametrize("n_stages", [6, 7])
def test_larger_residual_plans_are_the_same_network_with_other_numbers(n_stages):
    args = {
        **PLAN,
        "n_stages": n_stages,
        "features_per_stage": [32, 64, 128, 256, 320, 320, 320][:n_stages],
        "kernel_sizes": [[3, 3, 3]] * n_stages,
        "strides": [[1, 1, 1], *[[2, 2, 2]] * 5, [1, 2, 2]][:n_stages],
        "n_blocks_per_stage": [1, 3, 4, 6, 6, 6, 6][:n_stages],
        "n_conv_per_stage_decoder": [1] * (n_stages - 1),
    }
    with torch.device("meta"):
        ours = build_network("resenc_unet", 3, args).state_dict()
        theirs = upstream("ResidualEncoderUNet", args).state_dict()

    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


def test_the_plain_defaults_have_nnunets_own_size():
    with torch.device("meta"):
        network = build_network("plain_unet", 3, {})

    assert sum(p.numel() for p in network.parameters()) == 31_196_399


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_stages": 4}, "n_stages is 4 where features_per_stage has 3"),
        ({"conv_op": "torch.nn.Conv2d"}, "conv_op must be one of torch.nn.Conv3d"),
        ({"norm_op": "torch.hub.load"}, "norm_op must be one of torch.nn.InstanceNorm3d"),
        ({"nonlin": "torch.nn.modules.os.system"}, "nonlin must be one of"),
        ({"nonlin": None}, "nonlin must be one of"),
        ({"norm_op_kwargs": {"device": "cuda"}}, "norm_op_kwargs must be numbers"),
        ({"norm_op_kwargs": {"eps": "1"}}, "norm_op_kwargs must be numbers"),
        ({"norm_op_kwargs": [1]}, "norm_op_kwargs must be numbers"),
        ({"dropout_op_kwargs": {"p": 0.5}}, "dropout_op_kwargs must be numbers"),
        ({"conv_bias": 1}, "conv_bias must be true or false"),
        ({"kernel_sizes": [[2, 3, 3]] * 3}, "kernel_sizes must be odd"),
        ({"strides": [[2, 2, 2]] * 3}, r"strides\[0\] must be \[1, 1, 1\]"),
    ],
)
def test_a_plan_that_makes_no_network_is_refused(changes, said):
    with pytest.raises(CardError, match=said):
        build_network("plain_unet", 2, plan("plain_unet", **changes))


def test_an_unknown_decoder_is_refused():
    with pytest.raises(CardError, match="decoder must be one of plain, residual"):
        build_network("resenc_unet", 2, plan("resenc_unet", decoder="other"))
