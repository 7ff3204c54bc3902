"""nnU-Net's networks: plans of v2 as they are, v1's tensors under v2's names."""

import json

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from atlastumor.errors import CardError, WeightsError
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
    "generic_unet": "n_conv_per_stage",
    "resenc_unet": "n_blocks_per_stage",
    "resenc_unet_v1": "n_blocks_per_stage",
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


# nnU-Net v1, written anew as functions of the published names: an answer of its own to compare.


def conv(state, name, x, stride=(1, 1, 1)):
    weight = state[f"{name}.weight"]
    padding = [(n - 1) // 2 for n in weight.shape[2:]]
    return F.conv3d(x, weight, state.get(f"{name}.bias"), stride, padding)


def norm(state, name, x):
    return F.instance_norm(x, weight=state[f"{name}.weight"], bias=state[f"{name}.bias"], eps=1e-5)


def generic_block(state, name, x, stride=(1, 1, 1)):
    x = conv(state, f"{name}.conv", x, stride)
    return F.leaky_relu(norm(state, f"{name}.instnorm", x), 0.01)


def run_generic(state, x, strides):
    skips = []
    for d in range(len(strides)):
        for block in (0, 1):
            bottom = d == len(strides) - 1
            name = f"conv_blocks_context.{d}" + (f".{block}.blocks.0" if bottom else "")
            x = generic_block(
                state,
                name if bottom else f"{name}.blocks.{block}",
                x,
                (1, 1, 1) if block else strides[d],
            )
        skips.append(x)
    for u in range(len(strides) - 1):
        x = F.conv_transpose3d(x, state[f"tu.{u}.weight"], stride=strides[-1 - u])
        x = torch.cat([x, skips[-2 - u]], 1)
        for part in (0, 1):
            x = generic_block(state, f"conv_blocks_localization.{u}.{part}.blocks.0", x)
    return conv(state, f"seg_outputs.{len(strides) - 2}", x)


def generic_state(features, kernels, strides, n_outputs):
    """As a v1 checkpoint lists it: names and shapes of branch nnunetv1."""
    make = torch.Generator().manual_seed(3)
    state = {}

    def block(name, n_in, n_out, kernel):
        state[f"{name}.conv.weight"] = torch.randn((n_out, n_in, *kernel), generator=make) * 0.3
        for part in ("conv.bias", "instnorm.weight", "instnorm.bias"):
            state[f"{name}.{part}"] = torch.randn(n_out, generator=make)

    bottom, width = len(features) - 1, 1
    for d, n in enumerate(features):
        parts = ("0.blocks.0", "1.blocks.0") if d == bottom else ("blocks.0", "blocks.1")
        block(f"conv_blocks_context.{d}.{parts[0]}", width, n, kernels[d])
        block(f"conv_blocks_context.{d}.{parts[1]}", n, n, kernels[d])
        width = n
    for u in range(bottom):
        below, n = features[-1 - u], features[-2 - u]
        state[f"tu.{u}.weight"] = torch.randn((below, n, *strides[-1 - u]), generator=make) * 0.3
        block(f"conv_blocks_localization.{u}.0.blocks.0", 2 * n, n, kernels[-1 - u])
        block(f"conv_blocks_localization.{u}.1.blocks.0", n, n, kernels[-1 - u])
        state[f"seg_outputs.{u}.weight"] = torch.randn((n_outputs, n, 1, 1, 1), generator=make)
    return state


def generic_args():
    return plan("generic_unet", n_conv_per_stage=[2, 2, 2], n_conv_per_stage_decoder=[2, 2])


def mock_generic():
    args = generic_args()
    return generic_state(args["features_per_stage"], args["kernel_sizes"], args["strides"], 3)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_version_1_file_gives_what_version_1_gave(prefix):
    args, state = generic_args(), mock_generic()
    network = build_network("generic_unet", 3, args)

    named = {prefix + name: tensor for name, tensor in state.items()}
    fit_weights(network, adapt_tensors("generic_unet", named, args))

    with torch.inference_mode():
        expected = run_generic(state, window(), args["strides"])
        torch.testing.assert_close(network(window()), expected)


def residual_block(state, name, x, stride=(1, 1, 1)):
    out = F.leaky_relu(norm(state, f"{name}.norm1", conv(state, f"{name}.conv1", x, stride)), 0.01)
    out = norm(state, f"{name}.norm2", conv(state, f"{name}.conv2", out))
    if f"{name}.downsample_skip.0.weight" in state:
        x = conv(state, f"{name}.downsample_skip.0", x, stride)
        x = norm(state, f"{name}.downsample_skip.1", x)
    return F.leaky_relu(out + x, 0.01)


def run_residual(state, x, args):
    x = norm(state, "encoder.initial_norm", conv(state, "encoder.initial_conv", x))
    x, skips = F.leaky_relu(x, 0.01), []
    for s, stride in enumerate(args["strides"]):
        for b in range(args["n_blocks_per_stage"][s]):
            stride_here = (1, 1, 1) if b else stride
            x = residual_block(state, f"encoder.stages.{s}.convs.{b}", x, stride_here)
        skips.append(x)
    for u, n_convs in enumerate(args["n_conv_per_stage_decoder"]):
        x = F.conv_transpose3d(x, state[f"decoder.tus.{u}.weight"], stride=args["strides"][-1 - u])
        x = torch.cat([x, skips[-2 - u]], 1)
        for c in range(n_convs):
            name = f"decoder.stages.{u}.convs.{c}"
            x = F.leaky_relu(norm(state, f"{name}.norm", conv(state, f"{name}.conv", x)), 0.01)
    return x


def residual_state(args, *, bias, last):
    """As MultiTalent's and nnU-Net v1's residual encoders list their tensors."""
    make = torch.Generator().manual_seed(4)
    state = {}

    def layer(name, n_in, n_out, kernel, norm_name, *, bias=bias):
        state[f"{name}.weight"] = torch.randn((n_out, n_in, *kernel), generator=make) * 0.3
        if bias:
            state[f"{name}.bias"] = torch.randn(n_out, generator=make)
        for part in ("weight", "bias"):
            state[f"{norm_name}.{part}"] = torch.randn(n_out, generator=make)

    features, width = args["features_per_stage"], args["features_per_stage"][0]
    layer("encoder.initial_conv", 1, width, (3, 3, 3), "encoder.initial_norm")
    for s, n in enumerate(features):
        for b in range(args["n_blocks_per_stage"][s]):
            name, kernel = f"encoder.stages.{s}.convs.{b}", args["kernel_sizes"][s]
            layer(f"{name}.conv1", width, n, kernel, f"{name}.norm1")
            layer(f"{name}.conv2", n, n, kernel, f"{name}.norm2")
            if s and not b:
                skip = f"{name}.downsample_skip"
                layer(f"{skip}.0", width, n, (1, 1, 1), f"{skip}.1", bias=False)
            width = n
    add_decoder(state, layer, make, args, last)
    return state


def add_decoder(state, layer, make, args, last):
    features = args["features_per_stage"]
    for u, n_convs in enumerate(args["n_conv_per_stage_decoder"]):
        n, kernel, width = features[-2 - u], args["kernel_sizes"][-2 - u], features[-1 - u]
        shape = (width, n, *args["strides"][-1 - u])
        state[f"decoder.tus.{u}.weight"] = torch.randn(shape, generator=make) * 0.3
        for c in range(n_convs):
            name = f"decoder.stages.{u}.convs.{c}"
            layer(f"{name}.conv", n if c else 2 * n, n, kernel, f"{name}.norm")
            for part in ("weight", "bias"):  # v1 lists the decoder's layers twice
                state[f"{name}.all.2.{part}"] = state[f"{name}.norm.{part}"]
            state[f"{name}.all.0.weight"] = state[f"{name}.conv.weight"]
        is_last = u == len(features) - 2
        head = last if is_last else f"decoder.deep_supervision_outputs.{u}"
        state[f"{head}.weight"] = torch.randn((3, n, 1, 1, 1), generator=make)
        if "deep" in last:  # MultiTalent's outputs have a bias
            state[f"{head}.bias"] = torch.randn(3, generator=make)


@pytest.mark.parametrize(
    ("bias", "last"),
    [
        (True, "decoder.segmentation_output"),
        (False, "decoder.deep_supervision_outputs.1"),
    ],
    ids=["nnU-Net v1", "MultiTalent"],
)
def test_a_residual_version_1_file_gives_what_version_1_gave(bias, last):
    args = plan("resenc_unet_v1")
    state = residual_state(args, bias=bias, last=last)
    network = build_network("resenc_unet_v1", 3, args)

    fit_weights(network, adapt_tensors("resenc_unet_v1", state, args))

    with torch.inference_mode():
        expected = conv(state, last, run_residual(state, window(), args))
        torch.testing.assert_close(network(window()), expected)


def test_a_version_1_file_that_differs_is_refused_by_name():
    args, state = generic_args(), mock_generic()
    del state["tu.1.weight"]
    state["tu.0.weight"] = state["tu.0.weight"][:, :4]
    state["classifier.weight"] = torch.zeros(2)
    network = build_network("generic_unet", 3, args)

    with pytest.raises(WeightsError) as refused:
        fit_weights(network, adapt_tensors("generic_unet", state, args))

    said = str(refused.value)
    assert "classifier.weight" in said
    assert "decoder.transpconvs.1.weight" in said
    assert "decoder.transpconvs.0.weight" in said
