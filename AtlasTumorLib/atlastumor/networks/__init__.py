"""Network architectures, one per file; torch is imported when one is built, not before.

Adding one: a file with its builder and its `multiple`, and a line in `NETWORKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CardError, WeightsError
from ..models.specs import ModelCard
from ..models.weights import fit_weights, load_weights
from . import (
    dints,
    dynunet,
    ensemble,
    generic_unet,
    medformer,
    plain_unet,
    resenc_unet,
    resenc_unet_v1,
    segresnet,
    segresnet_ds,
    stunet,
    swin_unetr,
    unet,
    unetr,
    universal,
)
from .names import strip_wrappers

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "NETWORKS",
    "Builder",
    "adapt_tensors",
    "build_network",
    "find_multiple",
    "has_one_size",
    "load_network",
]


def _keep_names(tensors: Mapping[str, Tensor], args: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG001
    """Take a published file's tensors as they are: its names are ours."""
    return dict(tensors)


def _serves_every_size(args: Mapping[str, Any]) -> bool:  # noqa: ARG001
    """Tell that a trace holds for windows of every size, as of a network of convolutions."""
    return False


def _serves_one_size(args: Mapping[str, Any]) -> bool:  # noqa: ARG001
    """Tell that a trace holds for one window size, as of a transformer."""
    return True


@dataclass(frozen=True)
class Builder:
    """How one architecture is built from a card's `network.args`.

    Args:
        build: (number of outputs, args) to a network.
        multiple: args to what a window's size must be a multiple of, along (i, j, k).
        adapt: (a published file's tensors without a training's prefixes, args) to the same under
            our names and in our shapes; what it does not know stays, for `fit_weights` to refuse.
        one_size: args to whether the network reckons with the window's size outside of its
            tensors, so that a trace of it serves windows of that size alone.
    """

    build: Callable[[int, Mapping[str, Any]], nn.Module]
    multiple: Callable[[Mapping[str, Any]], tuple[int, int, int]]
    adapt: Callable[[Mapping[str, Tensor], Mapping[str, Any]], dict[str, Tensor]] = _keep_names
    one_size: Callable[[Mapping[str, Any]], bool] = _serves_every_size


NETWORKS: dict[str, Builder] = {
    "dints": Builder(dints.build_dints, dints.find_multiple),
    "dynunet": Builder(dynunet.build_dynunet, dynunet.find_multiple, dynunet.adapt_dynunet),
    "ensemble": Builder(
        ensemble.build_ensemble,
        ensemble.find_multiple,
        ensemble.adapt_ensemble,
        ensemble.has_one_size,
    ),
    "generic_unet": Builder(
        generic_unet.build_generic_unet, plain_unet.find_multiple, generic_unet.adapt_generic_unet
    ),
    "medformer": Builder(
        medformer.build_medformer, medformer.find_multiple, medformer.adapt_medformer
    ),
    "plain_unet": Builder(plain_unet.build_plain_unet, plain_unet.find_multiple),
    "resenc_unet": Builder(resenc_unet.build_resenc_unet, resenc_unet.find_multiple),
    "resenc_unet_v1": Builder(
        resenc_unet_v1.build_resenc_unet_v1,
        resenc_unet.find_multiple,
        resenc_unet_v1.adapt_resenc_unet_v1,
    ),
    "segresnet": Builder(segresnet.build_segresnet, segresnet.find_multiple),
    "segresnet_ds": Builder(
        segresnet_ds.build_segresnet_ds,
        segresnet_ds.find_multiple,
        segresnet_ds.adapt_segresnet_ds,
    ),
    "stunet": Builder(stunet.build_stunet, stunet.find_multiple),
    "swin_unetr": Builder(
        swin_unetr.build_swin_unetr,
        swin_unetr.find_multiple,
        swin_unetr.adapt_swin_unetr,
        _serves_one_size,
    ),
    "unet": Builder(unet.build_unet, unet.find_multiple),
    "unetr": Builder(unetr.build_unetr, unetr.find_multiple, unetr.adapt_unetr, _serves_one_size),
    "universal": Builder(
        universal.build_universal,
        universal.find_multiple,
        universal.adapt_universal,
        universal.has_one_size,
    ),
}
"""Every architecture by the name that cards use."""

_MOST_MISSING = 1 << 28  # values, a gigabyte: fewer are built, and the differences are listed


def build_network(name: str, n_outputs: int, args: Mapping[str, Any]) -> nn.Module:
    """Build a network, its weights random.

    Args:
        name: A key of `NETWORKS`.
        n_outputs: Number of output channels C.
        args: What the builder wants, as JSON values; absent ones have its defaults.

    Returns:
        In evaluation mode; maps (N, 1, I, J, K) to logits (N, C, I, J, K).

    Raises:
        CardError: If there is no such network or it does not know the arguments.
    """
    return _find_builder(name).build(n_outputs, args).eval()


def find_multiple(name: str, args: Mapping[str, Any]) -> tuple[int, int, int]:
    """Find what the windows of a network must be a multiple of.

    Args:
        name: A key of `NETWORKS`.
        args: Its arguments.

    Returns:
        Voxels along (i, j, k).

    Raises:
        CardError: If there is no such network or it does not know the arguments.
    """
    return _find_builder(name).multiple(args)


def has_one_size(name: str, args: Mapping[str, Any]) -> bool:
    """Tell whether a trace of a network serves one window size alone.

    Args:
        name: A key of `NETWORKS`.
        args: Its arguments.

    Returns:
        True if so: it is to be traced with windows of the size that it will get.

    Raises:
        CardError: If there is no such network or it does not know the arguments.
    """
    return _find_builder(name).one_size(args)


def adapt_tensors(
    name: str, tensors: Mapping[str, Tensor], args: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Bring a published checkpoint's tensors to the names and shapes of our network.

    Args:
        name: A key of `NETWORKS`.
        tensors: As the file has them; unchanged.
        args: The network's arguments.

    Returns:
        What `fit_weights` takes, if the file is of this architecture; unknown keys stay.

    Raises:
        CardError: If there is no such network or it does not know the arguments.
    """
    builder = _find_builder(name)
    builder.multiple(args)  # raises unless it knows the arguments
    return builder.adapt(strip_wrappers(tensors), args)


def load_network(card: ModelCard, *, models_dir: Path | None = None) -> nn.Module:
    """Build the network of a card and fill it with its weights.

    Args:
        card: The model.
        models_dir: Where imported weights lie, beside the card's own folder.

    Returns:
        In evaluation mode, float32, on the CPU.

    Raises:
        CardError: If the card's network, arguments and window size do not go together.
        WeightsError: If the weights are missing, altered or do not fit.
    """
    multiple = find_multiple(card.network.name, card.network.args)
    if any(n % m for n, m in zip(card.inference.patch, multiple, strict=True)):
        msg = (
            f"inference.patch of '{card.id}' is {card.inference.patch}, no multiple of {multiple}."
        )
        raise CardError(msg)
    state = load_weights(card, models_dir=models_dir)
    _check_size(card, sum(tensor.numel() for tensor in state.values()))
    _check_window(card)
    network = build_network(card.network.name, len(card.outputs), card.network.args)
    fit_weights(network, state)
    return network


def _check_size(card: ModelCard, n_given: int) -> None:
    """Raise if a network is out of all proportion to its weights, before it takes the memory."""
    from .shapes import shapes_alone

    with shapes_alone():
        network = build_network(card.network.name, len(card.outputs), card.network.args)
    n_needed = sum(tensor.numel() for tensor in network.parameters())
    if n_needed > n_given + _MOST_MISSING:
        msg = (
            f"The network of '{card.id}' has {n_needed:,} weights, its file {n_given:,}. They do "
            "not belong together; look at the card's network.args."
        )
        raise WeightsError(msg)


def _check_window(card: ModelCard) -> None:
    """Raise unless the network takes the windows of its card."""
    from .work import measure_work

    measure_work(card.network.name, len(card.outputs), card.network.args, card.inference.patch)


def _find_builder(name: str) -> Builder:
    if name not in NETWORKS:
        known = ", ".join(sorted(NETWORKS))
        msg = f"network.name must be one of {known}, not '{name}'."
        raise CardError(msg)
    return NETWORKS[name]
