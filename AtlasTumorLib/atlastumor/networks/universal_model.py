"""The Universal Model: every class has a small head of its own, written from its name's embedding.

Source:
    Liu et al., "CLIP-Driven Universal Model for Organ Segmentation and Tumor Detection", ICCV
    2023; its head is the dynamic one of Zhang et al., "DoDNet", CVPR 2021. Embeddings of the
    names are part of the published weights, so that no language model is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from .genesis_unet import GenesisUnet

__all__ = ["UniversalModel", "find_genesis_features", "find_swin_features"]

_N_TEXT, _N_VISION, _WIDTH = 512, 256, 8
_SHARES = (_WIDTH * _WIDTH, _WIDTH * _WIDTH, _WIDTH, _WIDTH, _WIDTH, 1)
"""Of the 153 numbers of a head: weights of its three layers, then their biases."""

Features = Callable[[Any, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""(backbone, windows) to features at full resolution and at the deepest level."""


class _Mean(nn.Module):
    """Global average; PyTorch's own layer for it knows no bf16 on CPUs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3, 4), keepdim=True)


class UniversalModel(nn.Module):
    """Backbone, what it saw in the whole window, and a head per class.

    Args:
        backbone: Gives features.
        find_features: How it is asked for them.
        n_classes: Number of classes C.
        n_fine: Channels of its features at full resolution.
        n_deep: Channels of its features at the deepest level.
        num_groups: Of both group normalizations; a divisor of the channels.
    """

    organ_embedding: torch.Tensor

    def __init__(
        self,
        backbone: nn.Module,
        find_features: Features,
        *,
        n_classes: int,
        n_fine: int,
        n_deep: int,
        num_groups: int,
    ) -> None:
        """Build it with random weights, on a backbone."""
        super().__init__()
        self.backbone = backbone
        self._find_features = find_features
        self.precls_conv = nn.Sequential(
            nn.GroupNorm(num_groups, n_fine), nn.ReLU(), nn.Conv3d(n_fine, _WIDTH, 1)
        )
        self.GAP = nn.Sequential(
            nn.GroupNorm(num_groups, n_deep),
            nn.ReLU(),
            _Mean(),
            nn.Conv3d(n_deep, _N_VISION, 1),
        )
        self.controller = nn.Conv3d(2 * _N_VISION, sum(_SHARES), 1)
        self.register_buffer("organ_embedding", torch.randn(n_classes, _N_TEXT))
        self.text_to_vision = nn.Linear(_N_TEXT, _N_VISION)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the network.

        Args:
            x: (N, 1, I, J, K), sides as the backbone needs them.

        Returns:
            Logits (N, C, I, J, K); every class for itself, for a sigmoid.
        """
        fine, deep = self._find_features(self.backbone, x)
        shares = torch.split_with_sizes(
            self._write_heads(self.GAP(deep).flatten(1)), _SHARES, dim=-1
        )
        y: torch.Tensor = self.precls_conv(fine).flatten(2)
        # One class at a time: all at once would be 32 times as much memory at full resolution.
        logits = [
            _run_head(y, [share[:, index] for share in shares])
            for index in range(self.organ_embedding.shape[0])
        ]
        return torch.cat(logits, dim=1).reshape(x.shape[0], -1, *x.shape[2:])

    def _write_heads(self, seen: torch.Tensor) -> torch.Tensor:
        """(N, 256) of the window to (N, C, 153)."""
        text = F.relu(self.text_to_vision(self.organ_embedding))
        n, n_classes = seen.shape[0], text.shape[0]
        both = torch.cat(
            [seen[:, None].expand(-1, n_classes, -1), text[None].expand(n, -1, -1)], dim=-1
        )
        heads: torch.Tensor = F.linear(
            both, self.controller.weight.flatten(1), self.controller.bias
        )
        return heads


def find_swin_features(swin: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a Swin UNETR up to its last layer.

    Args:
        swin: MONAI's.
        x: (N, 1, I, J, K), sides multiples of 32.

    Returns:
        (N, F, I, J, K) and (N, 16 F, I / 32, J / 32, K / 32).
    """
    states = swin.swinViT(x, swin.normalize)
    deep = swin.encoder10(states[4])
    y = swin.decoder5(deep, states[3])
    y = swin.decoder4(y, swin.encoder4(states[2]))
    y = swin.decoder3(y, swin.encoder3(states[1]))
    y = swin.decoder2(y, swin.encoder2(states[0]))
    return swin.decoder1(y, swin.encoder1(x)), deep


def find_genesis_features(unet: GenesisUnet, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a U-Net of Models Genesis up to its last layer.

    Args:
        unet: The network.
        x: (N, 1, I, J, K), sides multiples of 8.

    Returns:
        As of `GenesisUnet.find_features`.
    """
    return unet.find_features(x)


def _run_head(y: torch.Tensor, shares: list[torch.Tensor]) -> torch.Tensor:
    """Three layers with the weights of one class, (N, 8, V) to (N, 1, V)."""
    weights, biases = shares[:3], shares[3:]
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        matrix = weight.reshape(weight.shape[0], -1, _WIDTH)
        y = torch.baddbmm(bias[..., None], matrix, F.relu(y) if index else y)
    return y
