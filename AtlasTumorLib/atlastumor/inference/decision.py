"""From logits to the channel that wins, at one voxel or between eight.

Softmax networks: a tumor with a threshold wins where its probability reaches it (the larger logit
among several); elsewhere arg-max decides among all other channels. Sigmoid networks: a channel
counts where its probability reaches its threshold (0.5 unless set), tumors come before organs, and
the larger logit decides among equals.

Between voxels, logits are interpolated linearly, with weights that sum to 1. That a channel beats
another, or (sigmoid) reaches its threshold, is linear in the logits: if it holds at all corners of
a cell it holds inside. That a softmax probability reaches t says z - logsumexp(others) >= logit(t),
whose left side is concave, so this too carries over. That it stays below t does not; but
z - z_winner < logit(t) is linear and implies it. `is_certain` checks just that, and the
comparisons that differing thresholds leave open: where the same channel wins at all corners and
every corner is certain, that channel wins everywhere in the cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from ..models.specs import OutputSpec

__all__ = ["NOTHING", "Decision"]

NOTHING = 254
"""The code of a voxel where no channel of a sigmoid network reaches its threshold."""

_LOW_LOGIT = -20.0


class Decision:
    """The rule by which a network's logits become channels."""

    def __init__(
        self,
        outputs: Sequence[OutputSpec],
        activation: str,
        thresholds: Mapping[str, float | None],
    ) -> None:
        """Sort the channels.

        Args:
            outputs: What each channel means, in channel order.
            activation: "softmax" or "sigmoid".
            thresholds: Least tumor probability by organ; None or absent lets arg-max decide.
        """
        self._is_softmax = activation == "softmax"
        self.n_channels = len(outputs)
        levels = [_level(output, thresholds, is_softmax=self._is_softmax) for output in outputs]
        self._levels = torch.tensor(levels, dtype=torch.float32)
        self._chosen = [c for c, output in enumerate(outputs) if self._is_first(output, levels[c])]
        self._others = [c for c in range(len(outputs)) if c not in self._chosen]
        self._kinds = [output.kind for output in outputs]

    def _is_first(self, output: OutputSpec, level: float) -> bool:
        """Whether a channel is looked at before the others."""
        return output.kind == "tumor" and (not self._is_softmax or not math.isnan(level))

    @property
    def fill(self) -> list[float]:
        """Logits of a voxel that the network did not see: surely background, one per channel."""
        return [0.0 if kind == "background" else _LOW_LOGIT for kind in self._kinds]

    def choose(self, logits: torch.Tensor) -> torch.Tensor:
        """Find the winning channel.

        Args:
            logits: (C, ...) float.

        Returns:
            Channel numbers or `NOTHING`, (...) uint8.
        """
        winner = self._choose_other(logits)
        if self._chosen:
            passed, best = self._choose_tumor(logits)
            winner = torch.where(passed, best, winner)
        return winner

    def _choose_other(self, logits: torch.Tensor) -> torch.Tensor:
        """Winner among the channels that are not looked at first, (...) uint8."""
        names = torch.tensor(self._others or [NOTHING], dtype=torch.uint8, device=logits.device)
        if not self._others:
            return names.expand(logits.shape[1:])
        others = logits if not self._chosen else logits[self._others]
        if self._is_softmax:
            return names[others.argmax(dim=0)]
        levels = self._at(self._others, others)
        top, best = torch.where(others >= levels, others, -torch.inf).max(dim=0)
        return torch.where(top > -torch.inf, names[best], NOTHING)

    def _choose_tumor(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Whether a channel that is looked at first passes, and which, (...) each."""
        names = torch.tensor(self._chosen, dtype=torch.uint8, device=logits.device)
        tumors = logits[self._chosen]
        levels = self._at(self._chosen, tumors)
        odds = tumors
        if self._is_softmax:
            log_p = tumors - torch.logsumexp(logits, dim=0)
            odds = log_p - torch.log1p(-torch.exp(log_p).clamp_(max=1.0))
        top, best = torch.where(odds >= levels, tumors, -torch.inf).max(dim=0)
        return top > -torch.inf, names[best]

    def is_certain(self, logits: torch.Tensor, winner: torch.Tensor) -> torch.Tensor | None:
        """Tell where the winner keeps winning toward equal winners that are certain too.

        Args:
            logits: (C, ...) float.
            winner: What `choose` gave, (...) uint8.

        Returns:
            (...) bool, or None if every voxel is certain.
        """
        if not self._chosen:
            return None
        has_winner = winner != NOTHING
        index = torch.where(has_winner, winner, 0).long()
        best = torch.gather(logits, 0, index[None])[0]
        is_first = torch.isin(index, torch.tensor(self._chosen, device=logits.device)) & has_winner
        certain = torch.ones_like(has_winner)
        for channel in self._chosen:
            bound = torch.where(is_first, 0.0, self._bound(channel))
            certain &= (index == channel) | (logits[channel] - best < bound)
        return certain | ~has_winner

    def _bound(self, channel: int) -> float:
        """How far a tumor's logit may exceed a winner looked at later and surely not pass."""
        return float(self._levels[channel]) if self._is_softmax else math.inf

    def _at(self, channels: list[int], like: torch.Tensor) -> torch.Tensor:
        """Levels of some channels, shaped to compare with (C, ...)."""
        levels = self._levels[channels].to(like.device)
        return levels.reshape(-1, *[1] * (like.dim() - 1))

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Apply the activation.

        Args:
            logits: (C, ...) float.

        Returns:
            (C, ...) float in [0, 1].
        """
        return torch.softmax(logits, dim=0) if self._is_softmax else torch.sigmoid(logits)


def _level(
    output: OutputSpec, thresholds: Mapping[str, float | None], *, is_softmax: bool
) -> float:
    """The log odds from which a channel counts; NaN where arg-max decides, inf for never."""
    threshold = thresholds.get(output.organ or "") if output.kind == "tumor" else None
    if not is_softmax:
        if output.kind == "background":
            return math.inf
        threshold = 0.5 if threshold is None else threshold
    if threshold is None:
        return math.nan
    if threshold <= 0.0:
        return -math.inf
    return math.log(threshold) - math.log1p(-threshold) if threshold < 1.0 else math.inf
