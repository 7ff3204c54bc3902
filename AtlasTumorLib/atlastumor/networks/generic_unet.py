"""nnU-Net v1's Generic_UNet, as its trainer V2 builds it for 3d_fullres and 3d_lowres.

It is nnU-Net v2's plain U-Net, and takes its arguments, but for two things: each level of the
decoder has the kernel of the level below, and transposed convolutions and outputs have no bias. A
bias that v1 lacks is one of zeros here.

A v1 plan says the same in other words: `features_per_stage` is `base_num_features` doubled at each
level up to 320, `strides` is [1, 1, 1] and `pool_op_kernel_sizes`, `kernel_sizes` is
`conv_kernel_sizes`, and each stage has `conv_per_stage` convolutions.

Source:
    Isensee et al., "nnU-Net", Nature Methods 2021; branch nnunetv1 (Apache-2.0), for the names
    and shapes of its tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .names import add_zero_biases, rename_tensors
from .plain_unet import PLAIN, build_plain_unet
from .plans import read_plan

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["adapt_generic_unet", "build_generic_unet"]


def build_generic_unet(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: As for `build_plain_unet`.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of the strides' products.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If dynamic-network-architectures is not installed.
    """
    network: Any = build_plain_unet(n_outputs, args)
    from dynamic_network_architectures.building_blocks.unet_decoder import UNetDecoder

    own = network.encoder.kernel_sizes
    network.encoder.kernel_sizes = [*own[1:], own[-1]]
    per_stage = read_plan(args, PLAIN, "n_conv_per_stage")["n_conv_per_stage_decoder"]
    network.decoder = UNetDecoder(network.encoder, n_outputs, per_stage, deep_supervision=False)
    unet: nn.Module = network
    return unet


def adapt_generic_unet(tensors: Mapping[str, Tensor], args: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring the tensors of an nnU-Net v1 checkpoint to our names.

    Args:
        tensors: Of its `state_dict`.
        args: As for `build_plain_unet`.

    Returns:
        The same under v2's names, and the biases that v1 lacks; unknown names stay.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    last = read_plan(args, PLAIN, "n_conv_per_stage")["n_conv_per_stage"][-1] - 1
    ours = rename_tensors(tensors, [(r"(.*)\.instnorm\.(\w+)", r"\1.norm.\2")])
    down, up = r"conv_blocks_context\.(\d+)", r"conv_blocks_localization\.(\d+)"
    ours = rename_tensors(
        ours,
        [
            (rf"{down}(?:\.0)?\.blocks\.(.*)", r"encoder.stages.\1.0.convs.\2"),
            (rf"{down}\.1\.blocks\.0\.(.*)", rf"encoder.stages.\1.0.convs.{last}.\2"),
            (rf"{up}\.0\.blocks\.(.*)", r"decoder.stages.\1.convs.\2"),
            (rf"{up}\.1\.blocks\.0\.(.*)", rf"decoder.stages.\1.convs.{last}.\2"),
            (r"tu\.(\d+)\.weight", r"decoder.transpconvs.\1.weight"),
            (r"seg_outputs\.(\d+)\.weight", r"decoder.seg_layers.\1.weight"),
        ],
    )
    ours = add_zero_biases(ours, r"decoder\.transpconvs\.\d+", axis=1)
    return add_zero_biases(ours, r"decoder\.seg_layers\.\d+")
