"""From logits to the channel that wins, at one voxel or between eight.

Softmax networks: a tumor with a threshold wins where its probability reaches it (the larger logit
among several); elsewhere arg-max decides among all other channels. Sigmoid networks: a channel
counts where its probability reaches its threshold (0.5 unless set), tumors come before organs, and
the larger logit decides among equals. Regions, of which several hold at one voxel: the last channel
that exceeds its threshold wins, as nnU-Net paints them.

Between voxels, logits are interpolated linearly, with weights that sum to 1. That a channel beats
another, or (sigmoid) reaches its threshold, is linear in the logits: if it holds at all corners of
a cell it holds inside. That a softmax probability reaches t says z - logsumexp(others) >= logit(t),
whose left side is concave, so this too carries over. That it stays below t does not; but
z - z_winner < logit(t) is linear and implies it. `is_certain` checks just that, and the
comparisons that differing thresholds leave open: where the same channel wins at all corners and
every corner is certain, that channel wins everywhere in the cell. With regions it always does.

Cards may have probabilities interpolated instead (`restore`). Then these are compared with the
thresholds themselves, which is linear throughout.
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
    """The rule by which a network's logits, or its probabilities, become channels."""

    def __init__(
        self,
        outputs: Sequence[OutputSpec],
        activation: str,
        thresholds: Mapping[str, float | None],
        *,
        on_probabilities: bool = False,
    ) -> None:
        """Sort the channels.

        Args:
            outputs: What each channel means, in channel order.
            activation: "softmax", "sigmoid" or "regions".
            thresholds: Least tumor probability by organ; None or absent lets arg-max decide.
            on_probabilities: Whether values are probabilities and not logits.
        """
        self._is_softmax = activation == "softmax"
        self._is_regions = activation == "regions"
        self._on_probabilities = on_probabilities
        self.n_channels = len(outputs)
        least = [_threshold(output, thresholds, activation) for output in outputs]
        levels = least if on_probabilities else [_log_odds(value) for value in least]
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

    def prepare(self, logits: torch.Tensor) -> torch.Tensor:
        """Turn a network's answer into the values that are interpolated and decided on.

        Args:
            logits: (C, ...) float.

        Returns:
            Themselves, or their probabilities.
        """
        return self._activate(logits) if self._on_probabilities else logits

    def choose(self, values: torch.Tensor) -> torch.Tensor:
        """Find the winning channel.

        Args:
            values: As of `prepare`, (C, ...) float.

        Returns:
            Channel numbers or `NOTHING`, (...) uint8.
        """
        if self._is_regions:
            return self._choose_last(values)
        winner = self._choose_other(values)
        if self._chosen:
            passed, best = self._choose_tumor(values)
            winner = torch.where(passed, best, winner)
        return winner

    def _choose_last(self, values: torch.Tensor) -> torch.Tensor:
        """The last channel above its level, (...) uint8; a tie is none, as in nnU-Net."""
        passed = values > self._at(list(range(self.n_channels)), values)
        after = passed.flip(0).to(torch.uint8).argmax(dim=0)
        last = (self.n_channels - 1 - after).to(torch.uint8)
        return torch.where(passed.any(dim=0), last, NOTHING)

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
        if self._is_softmax and not self._on_probabilities:
            log_p = tumors - torch.logsumexp(logits, dim=0)
            odds = log_p - torch.log1p(-torch.exp(log_p).clamp_(max=1.0))
        top, best = torch.where(odds >= levels, tumors, -torch.inf).max(dim=0)
        return top > -torch.inf, names[best]

    def is_certain(self, values: torch.Tensor, winner: torch.Tensor) -> torch.Tensor | None:
        """Tell where the winner keeps winning toward equal winners that are certain too.

        Args:
            values: As of `prepare`, (C, ...) float.
            winner: What `choose` gave, (...) uint8.

        Returns:
            (...) bool, or None if every voxel is certain.
        """
        if not self._chosen or self._is_regions:
            return None
        has_winner = winner != NOTHING
        index = torch.where(has_winner, winner, 0).long()
        best = torch.gather(values, 0, index[None])[0]
        is_first = torch.isin(index, torch.tensor(self._chosen, device=values.device)) & has_winner
        certain = torch.ones_like(has_winner)
        for channel in self._chosen:
            bound = torch.where(is_first, 0.0, self._bound(channel))
            certain &= (index == channel) | (values[channel] - best < bound)
        return certain | ~has_winner

    def _bound(self, channel: int) -> float:
        """How far a tumor's value may exceed a winner looked at later and surely not pass."""
        is_linear = not self._is_softmax or self._on_probabilities
        return math.inf if is_linear else float(self._levels[channel])

    def _at(self, channels: list[int], like: torch.Tensor) -> torch.Tensor:
        """Levels of some channels, shaped to compare with (C, ...)."""
        levels = self._levels[channels].to(like.device)
        return levels.reshape(-1, *[1] * (like.dim() - 1))

    def probabilities(self, values: torch.Tensor) -> torch.Tensor:
        """Give the probabilities.

        Args:
            values: As of `prepare`, (C, ...) float.

        Returns:
            (C, ...) float in [0, 1].
        """
        return values if self._on_probabilities else self._activate(values)

    def _activate(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.softmax(logits, dim=0) if self._is_softmax else torch.sigmoid(logits)


def _threshold(
    output: OutputSpec, thresholds: Mapping[str, float | None], activation: str
) -> float:
    """The probability from which a channel counts; NaN where arg-max decides, inf for never."""
    threshold = thresholds.get(output.organ or "") if output.kind == "tumor" else None
    if threshold is not None:
        return threshold if threshold < 1.0 else math.inf
    if activation == "softmax":
        return math.nan
    is_ignored = output.kind == "background" or (output.kind == "other" and activation == "sigmoid")
    return math.inf if is_ignored else 0.5


def _log_odds(threshold: float) -> float:
    """The logit of a probability; NaN and inf stay."""
    if threshold <= 0.0:
        return -math.inf
    if threshold < 1.0:
        return math.log(threshold) - math.log1p(-threshold)
    return threshold
