"""MedFormer, as R-Super trained it: convolutions, and attention between voxels and a small map.

At its three coarser levels every voxel attends to a few dozen learned summaries of the whole window
(the semantic map) and they to it, so that the work grows with the window and not with its square.
The maps of the three levels are fused on the way to the decoder. Tensors have the published names.

Source:
    Gao et al., "A Data-scalable Transformer for Medical Image Segmentation", arXiv 2203.00131;
    yhygao/CBIM-Medical-Image-Segmentation (Apache-2.0), for the names and shapes of its tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CardError
from .arguments import fill_defaults, read_number, read_numbers, read_triple
from .names import rename_tensors
from .plans import find_plan_multiple, read_topology

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["MEDFORMER", "adapt_medformer", "build_medformer", "find_multiple"]

MEDFORMER: Mapping[str, Any] = {
    "features_per_stage": [32, 64, 128, 256, 320],
    "kernel_sizes": [[3, 3, 3]] * 5,
    "strides": [[1, 1, 1], *[[2, 2, 2]] * 4],
    "conv_num": [2, 0, 0, 0, 0, 0, 2, 2],
    "trans_num": [0, 2, 4, 6, 4, 2, 0, 0],
    "num_heads": [1, 4, 8, 10, 8, 4, 1, 1],
    "map_size": [3, 3, 3],
    "expansion": 4,
    "fusion_depth": 2,
    "fusion_dim": 320,
    "fusion_heads": 10,
}
"""R-Super's. Lists of eight are of the four stages on the way down, then of the four up.

Against the published configuration `features_per_stage` is `base_chan` and the first half of
`chan_num`, whose second half mirrors it, and `strides` is [1, 1, 1] and `down_scale`.
"""

_N_STAGES = 5
_WITH_MAP = range(1, 6)  # of the lists of eight: the stages that can attend


def build_medformer(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of output channels C.
        args: Keys of `MEDFORMER`.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K); sides multiples of the strides' products.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    read = _read_args(args)
    from .medformer_parts import MedFormer

    return MedFormer(n_outputs, read)


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: the product of all strides.

    Args:
        args: As for `build_medformer`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    return find_plan_multiple(_read_args(args))


def adapt_medformer(tensors: Mapping[str, Tensor], args: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring the tensors of a published checkpoint to our names.

    Args:
        tensors: Of its state dict.
        args: As for `build_medformer`.

    Returns:
        The same without what only training used: the auxiliary output, and the last semantic map,
        which nothing reads and early versions computed.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    last = _read_args(args)["trans_num"][5] - 1
    unread = rf"up2\.trans_blocks\.blocks\.{last}\.attn\.map_out\.weight"
    return rename_tensors(tensors, [(r"aux_out\..*", None), (unread, None)])


def _read_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them."""
    given = fill_defaults(args, MEDFORMER)
    read = read_topology(given)
    n = len(read["strides"])
    if n != _N_STAGES:
        msg = f"network.args.features_per_stage must be a list of {_N_STAGES} items, not {n}."
        raise CardError(msg)
    for key, low, high in (("conv_num", 0, 12), ("trans_num", 0, 12), ("num_heads", 1, 64)):
        read[key] = read_numbers(given[key], key, n=(8, 8), low=low, high=high)
    read["map_size"] = read_triple(given["map_size"], "map_size", low=1, high=16)
    for key, high in (("expansion", 8), ("fusion_depth", 12), ("fusion_dim", 2048)):
        read[key] = read_number(given[key], key, low=1, high=high)
    read["fusion_heads"] = read_number(given["fusion_heads"], "fusion_heads", low=1, high=64)
    _check_args(read)
    return read


def _check_args(read: Mapping[str, Any]) -> None:
    """Raise unless every stage can attend that is to, and no other is to."""
    features = read["features_per_stage"]
    widths = (*features[1:], *features[-2::-1])
    for i, (width, heads) in enumerate(zip(widths, read["num_heads"], strict=True)):
        if i in _WITH_MAP and width % heads:
            msg = f"network.args.num_heads[{i}] must divide {width} features, not be {heads}."
            raise CardError(msg)
        if i not in _WITH_MAP and read["trans_num"][i]:
            msg = f"network.args.trans_num[{i}] must be 0: that stage has no semantic map."
            raise CardError(msg)
    if read["fusion_dim"] % read["fusion_heads"]:
        msg = f"network.args.fusion_heads must divide fusion_dim {read['fusion_dim']}."
        raise CardError(msg)
