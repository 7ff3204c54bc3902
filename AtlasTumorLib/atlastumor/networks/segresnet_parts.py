"""A SegResNet whose levels have widths of their own, where MONAI's doubles from each to the next.

Three quarters of the weights of MONAI's default lie on its coarsest level, where what is small is
no longer seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from monai.networks.blocks.segresnet_block import ResBlock, get_conv_layer, get_upsample_layer
from monai.networks.nets.segresnet import SegResNet
from torch import nn

__all__ = ["LevelledSegResNet"]


class LevelledSegResNet(SegResNet):
    """MONAI's network, its tensors named alike, with given widths."""

    def __init__(self, *, filters: Sequence[int], **arguments: Any) -> None:
        """Build it with random weights.

        Args:
            filters: Channels of each level, the finest first.
            **arguments: As MONAI's network takes them, for three dimensions.
        """
        self.filters = tuple(filters)
        super().__init__(spatial_dims=3, init_filters=self.filters[0], **arguments)

    # Layers are made in MONAI's order, so that a seed draws the same weights.
    def _make_down_layers(self) -> nn.ModuleList:
        levels = nn.ModuleList()
        for n, (above, own) in zip(
            self.blocks_down, pairwise((self.filters[0], *self.filters)), strict=True
        ):
            halving = get_conv_layer(3, above, own, stride=2) if levels else nn.Identity()
            levels.append(nn.Sequential(halving, *self._make_blocks(own, n)))
        return levels

    def _make_up_layers(self) -> tuple[nn.ModuleList, nn.ModuleList]:
        layers, doublings = nn.ModuleList(), nn.ModuleList()
        for n, (below, own) in zip(self.blocks_up, pairwise(self.filters[::-1]), strict=True):
            layers.append(nn.Sequential(*self._make_blocks(own, n)))
            narrowing = get_conv_layer(3, below, own, kernel_size=1)
            doubling = get_upsample_layer(3, own, upsample_mode=self.upsample_mode)
            doublings.append(nn.Sequential(narrowing, doubling))
        return layers, doublings

    def _make_blocks(self, width: int, n: int) -> list[nn.Module]:
        return [ResBlock(3, width, norm=self.norm, act=self.act) for _ in range(n)]
