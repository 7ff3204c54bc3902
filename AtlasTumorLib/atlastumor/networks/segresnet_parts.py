"""A SegResNet whose levels have widths of their own, where MONAI's doubles from each to the next.

Half of the weights of MONAI's lie on its coarsest level, and nearly all of its time is spent on
the finest. What is small is seen on the finest, so that width pays there.
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

    def _make_down_layers(self) -> nn.ModuleList:
        halvings = [
            get_conv_layer(3, above, own, stride=2) for above, own in pairwise(self.filters)
        ]
        levels = zip(self.filters, self.blocks_down, [nn.Identity(), *halvings], strict=True)
        return nn.ModuleList(
            nn.Sequential(halving, *self._make_blocks(width, n)) for width, n, halving in levels
        )

    def _make_up_layers(self) -> tuple[nn.ModuleList, nn.ModuleList]:
        ways = list(pairwise(self.filters[::-1]))
        layers = [
            nn.Sequential(*self._make_blocks(own, n))
            for (_, own), n in zip(ways, self.blocks_up, strict=True)
        ]
        doublings = [
            nn.Sequential(
                get_conv_layer(3, below, own, kernel_size=1),
                get_upsample_layer(3, own, upsample_mode=self.upsample_mode),
            )
            for below, own in ways
        ]
        return nn.ModuleList(layers), nn.ModuleList(doublings)

    def _make_blocks(self, width: int, n: int) -> list[nn.Module]:
        return [ResBlock(3, width, norm=self.norm, act=self.act) for _ in range(n)]
