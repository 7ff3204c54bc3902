"""MONAI's Swin UNETR, first and second version, and as it was before MONAI 1.5.

Source:
    Hatamizadeh et al., "Swin UNETR", BrainLes 2021; He et al., "SwinUNETR-V2", MICCAI 2023.
    Published weights: DiffTumor, FreeTumor, VoCo and others, all trained before MONAI 1.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CardError
from .arguments import fill_defaults, read_flag, read_number, read_numbers
from .monai_parts import find_in_monai, read_norm
from .names import rename_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["OLD_NAMES", "adapt_swin_unetr", "build_swin_unetr", "find_multiple"]

OLD_NAMES = (
    (r"(.*swinViT\..*\.mlp)\.fc([12])\.(\w+)", r"\1.linear\2.\3"),
    (r"(?:.*\.)?swinViT\.norm\.\w+", None),
)
"""Of copies of MONAI's network, and what MONAI calls them; the last norm takes no part."""

_DEFAULTS: Mapping[str, Any] = {
    "feature_size": 48,
    "depths": [2, 2, 2, 2],
    "num_heads": [3, 6, 12, 24],
    "norm": "instance_plain",
    "use_v2": False,
    "legacy_merging": False,
}


def build_swin_unetr(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: `feature_size` (a multiple of 12), `depths` and `num_heads` of the four stages,
            `norm` of the convolutions (as `read_norm` says) and `use_v2`, named as in MONAI;
            `legacy_merging` for weights that were trained before MONAI 1.5.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of `find_multiple`.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI or einops is not installed.
    """
    read = _read_args(args)
    swin_unetr = find_in_monai("swin_unetr", "SwinUNETR", needs=("einops",))
    merging: Any = "merging"
    if read.pop("legacy_merging"):
        from .patch_merging import LegacyPatchMerging

        merging = LegacyPatchMerging
    network: nn.Module = swin_unetr(
        in_channels=1,
        out_channels=n_outputs,
        norm_name=read.pop("norm"),
        downsample=merging,
        **read,
    )
    return network


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: five halvings, whatever the arguments.

    Args:
        args: As for `build_swin_unetr`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    _read_args(args)
    return 32, 32, 32


def adapt_swin_unetr(tensors: Mapping[str, Tensor], args: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring a published file's tensors to our names.

    Args:
        tensors: By the file's names: MONAI's, or those of DiffTumor's copy, whose perceptrons
            are `mlp.fc1` and `mlp.fc2` and which keeps a last norm, `swinViT.norm`, unused.
        args: As for `build_swin_unetr`.

    Returns:
        By our names.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    _read_args(args)
    return rename_tensors(tensors, OLD_NAMES)


def _read_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them."""
    read = fill_defaults(args, _DEFAULTS)
    size = read_number(read["feature_size"], "feature_size", low=12, high=192)
    if size % 12:
        msg = f"network.args.feature_size must be a multiple of 12, not {size}."
        raise CardError(msg)
    heads = read_numbers(read["num_heads"], "num_heads", n=(4, 4), low=1, high=128)
    for stage, n in enumerate(heads):
        if size * 2**stage % n:
            msg = (
                f"network.args.num_heads[{stage}] must divide the {size * 2**stage} features of "
                f"its stage, {n} does not."
            )
            raise CardError(msg)
    return {
        "feature_size": size,
        "depths": read_numbers(read["depths"], "depths", n=(4, 4), low=1, high=24),
        "num_heads": heads,
        "norm": read_norm(read["norm"]),
        "use_v2": read_flag(read["use_v2"], "use_v2"),
        "legacy_merging": read_flag(read["legacy_merging"], "legacy_merging"),
    }
