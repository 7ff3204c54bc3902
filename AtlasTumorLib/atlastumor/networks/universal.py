"""The CLIP-driven Universal Model on either backbone, and SuPreM's networks of the same build.

Source:
    Liu et al., "CLIP-Driven Universal Model", ICCV 2023; Li et al., "How Well Do Supervised 3D
    Models Transfer to Medical Imaging Tasks?" (SuPreM), ICLR 2024. `universal_model` has the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import CardError
from . import swin_unetr
from .arguments import fill_defaults, read_choice, read_number
from .names import rename_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["adapt_universal", "build_universal", "find_multiple", "has_one_size"]

_DEFAULTS: Mapping[str, Any] = {"backbone": "swin_unetr", "backbone_args": {}, "num_groups": 16}
_UNET_DEFAULTS: Mapping[str, Any] = {"base": 64}
_BACKBONES = ("swin_unetr", "unet")
_OF_BACKBONE = r"((?:swinViT|encoder\d+|decoder\d+|down_tr\d+|up_tr\d+)\..*)"


def build_universal(n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build the network of a card's arguments.

    Args:
        n_outputs: Number of classes C.
        args: `backbone` ("swin_unetr", or "unet" for that of Models Genesis), `backbone_args`
            (as for the network "swin_unetr"; `base`, the channels of the U-Net's first level)
            and `num_groups` of the group normalizations.

    Returns:
        (N, 1, I, J, K) to logits (N, C, I, J, K) for a sigmoid; sides multiples of
        `find_multiple`.

    Raises:
        CardError: If the arguments are unknown or do not go together.
        DependencyError: If MONAI or einops is not installed.
    """
    read = _read_args(args)
    from .universal_model import UniversalModel, find_genesis_features, find_swin_features

    backbone: Any
    find_features: Any
    if read["backbone"] == "unet":
        from .genesis_unet import GenesisUnet

        backbone, find_features = GenesisUnet(base=read["n_fine"]), find_genesis_features
    else:
        backbone = swin_unetr.build_swin_unetr(1, read["backbone_args"])
        find_features = find_swin_features
        del backbone.out
    return UniversalModel(
        backbone,
        find_features,
        n_classes=n_outputs,
        n_fine=read["n_fine"],
        n_deep=read["n_deep"],
        num_groups=read["num_groups"],
    )


def find_multiple(args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what a window's sides must be multiples of: what the backbone asks for.

    Args:
        args: As for `build_universal`.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    step = 8 if _read_args(args)["backbone"] == "unet" else 32
    return step, step, step


def has_one_size(args: Mapping[str, Any]) -> bool:
    """Tell whether a trace serves one window size alone: with a transformer as backbone.

    Args:
        args: As for `build_universal`.

    Returns:
        True if so.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    return bool(_read_args(args)["backbone"] == "swin_unetr")


def adapt_universal(tensors: Mapping[str, Tensor], args: Mapping[str, Any]) -> dict[str, Tensor]:
    """Bring a published file's tensors to our names.

    Args:
        tensors: By the file's names: `module.swinViT.*`, `module.down_tr64.*` and so on, with or
            without `backbone.`, beside the head's. SuPreM's own code takes them by their order
            and not by name; so do we if the names say nothing, where shapes and roles agree.
        args: As for `build_universal`.

    Returns:
        By our names.

    Raises:
        CardError: If the arguments are unknown or do not go together.
    """
    _read_args(args)
    named = rename_tensors(tensors, swin_unetr.OLD_NAMES)
    named = rename_tensors(named, [(_OF_BACKBONE, r"backbone.\1")])
    classes = [t.shape[0] for name, t in named.items() if name.endswith("organ_embedding")]
    return _match_by_order(named, classes[0], args) if len(classes) == 1 else named


def _match_by_order(
    tensors: dict[str, Tensor], n_classes: int, args: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Give tensors our names by their order among those of the same shape and role.

    Nothing is renamed unless everything fits: then `fit_weights` says what does not.
    """
    from .shapes import list_shapes

    ours = list_shapes(partial(build_universal, n_classes, args))
    if set(ours) == set(tensors):
        return tensors
    wanted, found = defaultdict(list), defaultdict(list)
    for name, shape in ours.items():
        wanted[shape, name.rpartition(".")[2]].append(name)
    for name, tensor in tensors.items():
        found[tuple(tensor.shape), name.rpartition(".")[2]].append(tensor)
    if {key: len(names) for key, names in wanted.items()} != {
        key: len(kept) for key, kept in found.items()
    }:
        return tensors
    return {
        name: tensor
        for key, names in wanted.items()
        for name, tensor in zip(names, found[key], strict=True)
    }


def _read_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments and complete them; adds the channels that the head sees."""
    read = fill_defaults(args, _DEFAULTS)
    groups = read_number(read["num_groups"], "num_groups", low=1, high=64)
    backbone = read_choice(read["backbone"], "backbone", _BACKBONES)
    inner = read["backbone_args"]
    if not isinstance(inner, Mapping):
        msg = f"network.args.backbone_args must be an object, not {inner!r}."
        raise CardError(msg)
    if backbone == "unet":
        inner = fill_defaults(inner, _UNET_DEFAULTS)
        n_fine, factor = read_number(inner["base"], "base", low=2, high=256), 8
    else:
        swin_unetr.find_multiple(inner)
        n_fine, factor = inner.get("feature_size", 48), 16
    if n_fine % groups:
        msg = f"network.args.num_groups must divide the {n_fine} channels, {groups} does not."
        raise CardError(msg)
    return {
        "backbone": backbone,
        "backbone_args": inner,
        "num_groups": groups,
        "n_fine": n_fine,
        "n_deep": factor * n_fine,
    }
