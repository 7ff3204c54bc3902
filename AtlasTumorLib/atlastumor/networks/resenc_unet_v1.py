"""nnU-Net v1's residual-encoder U-Net ("FabiansUNet"), as MultiTalent and others trained it.

It is nnU-Net v2's residual-encoder U-Net, and takes its arguments, but for two things: a block
that strides has a strided convolution beside it, where v2 averages first, and the very first
convolution is always 3 x 3 x 3. A bias that a file lacks is one of zeros here.

A v1 plan says the same in other words: `features_per_stage` is `base_num_features` doubled at each
level up to 320, `strides` is `pool_op_kernel_sizes`, `kernel_sizes` is `conv_kernel_sizes`,
`n_blocks_per_stage` is `num_blocks_encoder`, `n_conv_per_stage_decoder` is `num_blocks_decoder`.

Source:
    MIC-DKFZ/MultiTalent and MIC-DKFZ/nnUNet, branch nnunetv1 (both Apache-2.0), for the names and
    shapes of their tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .names import add_zero_biases, rename_tensors
from .plans import find_unet_layers, read_plan
from .resenc_unet import RESENC_M, build_resenc_unet

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["adapt_resenc_unet_v1", "build_resenc_unet_v1"]


def build_resenc_unet_v1(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: As for `build_resenc_unet`.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of the strides' products.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If dynamic-network-architectures is not installed.
    """
    network: Any = build_resenc_unet(n_outputs, args)
    from dynamic_network_architectures.building_blocks.simple_conv_blocks import (
        ConvDropoutNormReLU,
        StackedConvBlocks,
    )
    from torch import nn

    plan = find_unet_layers(read_plan(args, RESENC_M, "n_blocks_per_stage"))
    keys = ("conv_bias", "norm_op", "norm_op_kwargs", "dropout_op", "dropout_op_kwargs")
    layers = {key: plan[key] for key in (*keys, "nonlin", "nonlin_kwargs")}
    width = plan["features_per_stage"][0]
    network.encoder.stem = StackedConvBlocks(1, plan["conv_op"], 1, width, 3, 1, **layers)
    beside = {"norm_op": plan["norm_op"], "norm_op_kwargs": plan["norm_op_kwargs"]}
    for stage in network.encoder.stages:
        block = stage.blocks[0]
        n_in, n_out = block.input_channels, block.output_channels
        if n_in != n_out or any(step != 1 for step in block.stride):
            skip = ConvDropoutNormReLU(plan["conv_op"], n_in, n_out, 1, block.stride, **beside)
            block.skip = nn.Sequential(skip)
    unet: nn.Module = network
    return unet


def adapt_resenc_unet_v1(
    tensors: Mapping[str, Tensor], args: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Bring the tensors of an nnU-Net v1 checkpoint to our names.

    Args:
        tensors: Of its `state_dict`; the output is either a layer of its own (nnU-Net) or the last
            of the outputs for deep supervision (MultiTalent).
        args: As for `build_resenc_unet`.

    Returns:
        The same under v2's names, and the biases that the file lacks; unknown names stay.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    last = len(read_plan(args, RESENC_M, "n_blocks_per_stage")["strides"]) - 2
    block = r"encoder\.stages\.(\d+)\.convs\.(\d+)"
    ours = rename_tensors(
        tensors,
        [
            (r"decoder\.stages\.\d+\.convs\.\d+\.all\..*", None),  # the same tensors again
            (r"encoder\.initial_(conv|norm)\.(\w+)", r"encoder.stem.convs.0.\1.\2"),
            (rf"{block}\.(conv|norm)([12])\.(\w+)", r"encoder.stages.\1.blocks.\2.conv\4.\3.\5"),
            (rf"{block}\.downsample_skip\.0\.(\w+)", r"encoder.stages.\1.blocks.\2.skip.0.conv.\3"),
            (rf"{block}\.downsample_skip\.1\.(\w+)", r"encoder.stages.\1.blocks.\2.skip.0.norm.\3"),
            (r"decoder\.tus\.(\d+)\.(\w+)", r"decoder.transpconvs.\1.\2"),
            (r"decoder\.deep_supervision_outputs\.(\d+)\.(\w+)", r"decoder.seg_layers.\1.\2"),
            (r"decoder\.segmentation_output\.(\w+)", rf"decoder.seg_layers.{last}.\1"),
        ],
    )
    ours = add_zero_biases(ours, r"decoder\.transpconvs\.\d+", axis=1)
    ours = add_zero_biases(ours, r"decoder\.seg_layers\.\d+")
    ours = add_zero_biases(ours, r"encoder\.(?:stem\.convs\.0\.conv|.*\.conv[12]\.conv)")
    return add_zero_biases(ours, r"decoder\.stages\..*\.conv")
