"""How sure the network was: tumor probabilities kept small, and scores read from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ..components import Box, Mask
from ..lesions import ScoreOf
from ..models.specs import OutputSpec
from ..organs import Organ
from ..volume import Grid
from .decision import Decision
from .probability import AbstractTumorMap, ProbabilityMap

__all__ = ["ScoreKeeper", "channels_by_organ", "score_lesions"]

_PERCENTILE = 0.95
_ONE_BITS = int(np.float16(1.0).view(np.uint16))


class ScoreKeeper:
    """Keeps tumor probabilities on the network's grid as slabs of logits pass by."""

    def __init__(
        self,
        decision: Decision,
        outputs: Sequence[OutputSpec],
        organs: Sequence[Organ],
        grid: Grid,
    ) -> None:
        """Make room for one half-precision map per organ.

        Args:
            decision: Turns logits into probabilities and winners.
            outputs: What each channel means.
            organs: Organs of interest; those without tumor channel are passed over.
            grid: The network's grid.
        """
        self._decision = decision
        self._grid = grid
        self._first = 0
        self._tumor = channels_by_organ(outputs, organs, {"tumor"})
        self._region = channels_by_organ(outputs, organs, {"organ", "tumor"})
        self._maps = {key: np.zeros(grid.shape, np.float16) for key in self._tumor}
        self._highest: dict[str, torch.Tensor] = {}

    def push(self, logits: torch.Tensor) -> None:
        """Take the next slab.

        Args:
            logits: (C, I, J, dk) float32.
        """
        if not self._maps:
            return
        winner = self._decision.choose(logits)
        probabilities = self._decision.probabilities(logits)
        stop = self._first + logits.shape[3]
        for key, channels in self._tumor.items():
            probability = probabilities[channels].amax(dim=0)
            self._maps[key][:, :, self._first : stop] = probability.half().cpu().numpy()
            near = _grow(torch.isin(winner, _to_tensor(self._region[key], winner)))
            top = torch.where(near, probability, 0.0).max()
            self._highest[key] = torch.maximum(self._highest.get(key, top), top)
        self._first = stop

    def maps(self) -> dict[str, ProbabilityMap]:
        """Give the tumor probabilities by organ key."""
        return {key: ProbabilityMap(array, self._grid) for key, array in self._maps.items()}

    def highest(self) -> dict[str, float]:
        """Give the highest tumor probability in each organ or one network voxel beside it."""
        return {key: float(top) for key, top in self._highest.items()}


def channels_by_organ(
    outputs: Sequence[OutputSpec], organs: Sequence[Organ], kinds: set[str]
) -> dict[str, list[int]]:
    """Find the channels of each organ that has tumor channels.

    Args:
        outputs: What each channel means.
        organs: Organs of interest.
        kinds: Which kinds of channels: "organ", "tumor".

    Returns:
        Channel numbers by organ key.
    """
    with_tumors = {output.organ for output in outputs if output.kind == "tumor"}
    return {
        organ.key: [o.channel for o in outputs if o.organ == organ.key and o.kind in kinds]
        for organ in organs
        if organ.key in with_tumors
    }


def _to_tensor(channels: list[int], like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(channels, dtype=like.dtype, device=like.device)


def _grow(mask: torch.Tensor) -> torch.Tensor:
    """Grow a mask (I, J, dk) by one voxel on all sides."""
    return torch.nn.functional.max_pool3d(mask[None].float(), 3, stride=1, padding=1)[0] > 0


def score_lesions(maps: Mapping[str, AbstractTumorMap], grid: Grid) -> ScoreOf:
    """Make the function that scores a lesion: the 95th percentile of its tumor probability.

    One hot voxel cannot raise it. It is exact to half precision, and streams over large lesions.

    Args:
        maps: Tumor probability by organ key.
        grid: Of the label map in which lesions are measured.

    Returns:
        A function of organ, box and mask; NaN for an organ without map.
    """

    def score(organ: Organ, box: Box, mask: Mask) -> float:
        if organ.key not in maps:
            return math.nan
        counts = np.zeros(_ONE_BITS + 1, np.int64)
        for k, slab in maps[organ.key].slabs_of(grid, box):
            values = slab[mask[:, :, k]]
            # Half-precision numbers from 0 to 1 have the order of their bit patterns.
            counts += np.bincount(values.view(np.uint16), minlength=len(counts))
        rank = np.searchsorted(np.cumsum(counts), _PERCENTILE * counts.sum())
        return float(np.uint16(rank).view(np.float16))

    return score
