"""nnU-Net v1 written anew: files as it lists its tensors, and its networks as plain functions."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812 - torch's own habit

ARGS: dict[str, Any] = {
    "features_per_stage": [4, 8, 8],
    "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
    "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
}
GENERIC_ARGS = {**ARGS, "n_conv_per_stage": [2, 2, 2], "n_conv_per_stage_decoder": [2, 2]}
RESIDUAL_ARGS = {**ARGS, "n_blocks_per_stage": [1, 2, 2], "n_conv_per_stage_decoder": [1, 2]}


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


def residual_block(state, name, x, stride=(1, 1, 1)):
    out = F.leaky_relu(norm(state, f"{name}.norm1", conv(state, f"{name}.conv1", x, stride)), 0.01)
    out = norm(state, f"{name}.norm2", conv(state, f"{name}.conv2", out))
    if f"{name}.downsample_skip.0.weight" in state:
        x = conv(state, f"{name}.downsample_skip.0", x, stride)
        x = norm(state, f"{name}.downsample_skip.1", x)
    return F.leaky_relu(out + x, 0.01)


def run_residual(state, x, args, last):
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
    return conv(state, last, x)


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
