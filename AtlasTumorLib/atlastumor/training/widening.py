"""Setting out from a narrower network's weights: the wider one begins by computing the same.

Source:
    Chen, Goodfellow and Shlens, "Net2Net: accelerating learning via knowledge transfer", ICLR
    2016, section 2 (Net2WiderNet). Here every channel is copied equally often and copies stay
    side by side, so that group normalization sees the same groups.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..networks import build_network
from ..networks.shapes import list_shapes
from .recipe import Recipe, outputs

__all__ = ["widen_weights"]

_SPREAD = 0.5
"""By which copies of an input differ, in standard deviations of the layer's weights: were they
alike, they would learn alike."""


def widen_weights(weights: Mapping[str, torch.Tensor], recipe: Recipe) -> dict[str, torch.Tensor]:
    """Make a recipe's network compute what a narrower one computes.

    Args:
        weights: By name, of a network whose layers have the channels of the recipe's or a whole
            fraction of them.
        recipe: Whose network is to hold the weights; its seed draws how copies differ.

    Returns:
        float32 weights of the recipe's network by name; layers of the same size are unchanged.

    Raises:
        ValueError: If they are of a network that is no narrower form of this one.
    """
    shapes = list_shapes(lambda: build_network(recipe.network, len(outputs()), recipe.network_args))
    if shapes.keys() != weights.keys():
        raise ValueError(_describe("it has other layers"))
    generator = torch.Generator().manual_seed(recipe.seed)
    return {
        name: _widen(weights[name].float(), shape, name, generator)
        for name, shape in shapes.items()
    }


def _widen(
    narrow: torch.Tensor, shape: tuple[int, ...], name: str, generator: torch.Generator
) -> torch.Tensor:
    """Copy the outputs (axis 0) and share out the inputs (axis 1) of one layer."""
    if narrow.ndim != len(shape) or any(
        new % old for new, old in zip(shape, narrow.shape, strict=True)
    ):
        raise ValueError(_describe(f"{name} is {tuple(narrow.shape)} in it and {shape} here"))
    times = [new // old for new, old in zip(shape, narrow.shape, strict=True)]
    if any(kernel != 1 for kernel in times[2:]):
        raise ValueError(_describe(f"the kernels of {name} have another size"))
    wide = narrow.repeat_interleave(times[0], 0) if times else narrow
    if len(times) < 2 or times[1] == 1:
        return wide.clone()
    parts = torch.randn((times[1], *wide.shape), generator=generator)
    parts = (parts - parts.mean(0)) * (_SPREAD * narrow.std())
    return (wide / times[1] + parts).movedim(0, 2).flatten(1, 2)


def _describe(difference: str) -> str:
    return (
        f"The earlier weights are not of this network nor of a narrower form of it: {difference}. "
        "Give a card whose layers have the recipe's channels or a whole fraction of them."
    )
