"""Layers that read and write each voxel once, compiled for the machine that trains.

Normalizing costs next to no arithmetic but many passes over memory; compiled, the two passes
that it needs are left. The layers hold the same weights under the same names.
"""

from __future__ import annotations

import torch
from monai.networks.blocks.segresnet_block import ResBlock
from monai.networks.nets.segresnet import SegResNet

from ..errors import DependencyError

__all__ = ["FusedNorm", "check_compiler", "fuse_norms"]


def check_compiler() -> None:
    """Make sure that torch can compile, before hours are planned on it.

    Raises:
        DependencyError: If it cannot.
    """
    try:
        torch.compile(torch.sin, fullgraph=True)(torch.zeros(8))
    except RuntimeError as error:
        msg = (
            f"Nothing can be compiled here; install a C++ compiler or do without --compile. {error}"
        )
        raise DependencyError(msg) from error


def fuse_norms(network: torch.nn.Module) -> None:
    """Join each group normalization of a SegResNet with the ReLU behind it.

    Args:
        network: Changed in place; what is no SegResNet stays as it is.
    """
    for module in list(network.modules()):
        if isinstance(module, ResBlock) and isinstance(module.norm1, torch.nn.GroupNorm):
            module.norm1, module.norm2 = FusedNorm(module.norm1), FusedNorm(module.norm2)
            module.act = torch.nn.Identity()
        elif isinstance(module, SegResNet) and isinstance(module.conv_final[0], torch.nn.GroupNorm):
            module.conv_final[0] = FusedNorm(module.conv_final[0])
            module.conv_final[1] = torch.nn.Identity()


class FusedNorm(torch.nn.Module):
    """Group normalization and ReLU; puts out bfloat16, as what comes next would make of it."""

    def __init__(self, norm: torch.nn.GroupNorm) -> None:
        """Take over a layer's weights.

        Args:
            norm: The layer.
        """
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self.n_groups, self.eps = norm.num_groups, norm.eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, C, I, J, K) to the same shape."""
        voxels = x.movedim(1, -1).flatten(1, -2)
        by_group = len(x), self.n_groups, -1
        mean, square = (m.view(by_group).mean(2, keepdim=True) for m in _moments(voxels))
        deviation = (square - mean.square()).clamp_min(0).add(self.eps).sqrt()
        scale = self.weight.view(self.n_groups, -1) / deviation
        shift = self.bias.view(self.n_groups, -1) - mean * scale
        scaled: torch.Tensor = _scale(voxels, scale.flatten(1), shift.flatten(1))
        return scaled.view(len(x), *x.shape[2:], -1).movedim(-1, 1)


def _find_moments(voxels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Average the channels of (N, voxels, C) and their squares."""
    exact = voxels.float()
    return exact.mean(1), exact.square().mean(1)


def _scale_and_cut(voxels: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Scale and shift the channels of (N, voxels, C); what is negative becomes zero."""
    return (voxels.float() * scale[:, None] + shift[:, None]).relu().bfloat16()


# `fullgraph`, lest torch go back to uncompiled code in silence.
_moments = torch.compile(_find_moments, dynamic=False, fullgraph=True)
_scale = torch.compile(_scale_and_cut, dynamic=False, fullgraph=True)
