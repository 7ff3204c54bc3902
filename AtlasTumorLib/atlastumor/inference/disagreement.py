"""Where the networks of an ensemble disagree, kept as their answers pass by.

The members' logits come side by side and blended, and their mean is what the ensemble says, for
blending is linear. So one pass gives labels and disagreement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch

from ..models.specs import OutputSpec
from ..organs import Organ
from ..volume import Grid
from .decision import Decision
from .probability import ProbabilityMap
from .scores import channels_by_organ

__all__ = ["DisagreementKeeper"]


class DisagreementKeeper:
    """Keeps how far members' tumor probabilities spread, on the network's grid."""

    def __init__(
        self,
        decision: Decision,
        outputs: Sequence[OutputSpec],
        organs: Sequence[Organ],
        grid: Grid,
        *,
        n_members: int,
    ) -> None:
        """Make room for one half-precision map per organ.

        Args:
            decision: Turns logits into probabilities.
            outputs: What each channel of a member means.
            organs: Organs of interest; those without tumor channel are passed over.
            grid: The network's grid.
            n_members: How many members.
        """
        self._decision = decision
        self._grid = grid
        self._n_members = n_members
        self._tumor = channels_by_organ(outputs, organs, {"tumor"})
        self._maps = {key: np.zeros(grid.shape, np.float16) for key in self._tumor}

    def watch(self, slabs: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Let slabs pass, and keep the standard deviation of the members' tumor probabilities.

        Args:
            slabs: (M C, I, J, dk) float32 in rising k, the channels of one member after another.

        Yields:
            Mean logits, (C, I, J, dk).
        """
        if self._n_members == 1:
            yield from slabs
            return
        first = 0
        for slab in slabs:
            members = slab.reshape(self._n_members, -1, *slab.shape[1:])
            stop = first + slab.shape[3]
            every = [self._score(member) for member in members] if self._maps else []
            for key, kept in self._maps.items():
                spread = torch.stack([one[key] for one in every]).std(dim=0, correction=0)
                kept[:, :, first:stop] = spread.half().cpu().numpy()
            first = stop
            yield members.mean(dim=0)

    def _score(self, logits: torch.Tensor) -> dict[str, torch.Tensor]:
        """Tumor probability by organ key, (I, J, dk), of one member's logits."""
        values = self._decision.probabilities(self._decision.prepare(logits))
        return {key: values[channels].amax(dim=0) for key, channels in self._tumor.items()}

    def maps(self) -> dict[str, ProbabilityMap]:
        """Give the standard deviations by organ key, in [0, 0.5]."""
        return {key: ProbabilityMap(array, self._grid) for key, array in self._maps.items()}
