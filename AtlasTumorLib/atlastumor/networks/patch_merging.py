"""How Swin UNETR halved its grid before MONAI 1.5: weights trained then need it again.

MONAI's loop over the eight corners of a 2 x 2 x 2 cell was meant to visit each once. Up to
version 1.4 it visited two of them twice and two never (MONAI's pull request 8285 put it right).
Names and shapes of the weights are the same either way, so nothing but the output tells.
"""

from __future__ import annotations

import torch
from monai.networks.nets.swin_unetr import PatchMergingV2
from torch.nn import functional as F  # noqa: N812 - torch's own habit

__all__ = ["LEGACY_CORNERS", "LegacyPatchMerging"]

LEGACY_CORNERS = (
    (0, 0, 0),
    (1, 0, 0),
    (0, 1, 0),
    (0, 0, 1),
    (1, 0, 1),
    (0, 1, 0),
    (0, 0, 1),
    (1, 1, 1),
)
"""Offsets along (i, j, k) in the order of their channels; (0, 1, 0) and (0, 0, 1) come twice."""


class LegacyPatchMerging(PatchMergingV2):
    """Eight corners of every cell into one token, in the order of MONAI up to 1.4."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Merge.

        Args:
            x: Tokens, (N, I, J, K, C); an odd side gets one more of zeros.

        Returns:
            (N, I / 2, J / 2, K / 2, 2 C).
        """
        i, j, k = x.shape[1:4]
        if i % 2 or j % 2 or k % 2:
            x = F.pad(x, (0, 0, 0, k % 2, 0, j % 2, 0, i % 2))
        corners = [x[:, a::2, b::2, c::2] for a, b, c in LEGACY_CORNERS]
        merged: torch.Tensor = self.reduction(self.norm(torch.cat(corners, dim=-1)))
        return merged
