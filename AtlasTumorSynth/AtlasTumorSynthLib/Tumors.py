"""Tumors that were grown, and the states through which undo and redo go. Knows nothing of Slicer.

Tumors lie on one another like layers: each knows what its box looked like without it, so that
taking the topmost one away is exact, whatever overlaps.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atlastumor.batch.edits import Edit

from .Parameters import Settings

__all__ = ["History", "Place", "State", "Tumor", "transition"]

Place = tuple[int, str, "tuple[float, float, float] | None"]
"""Number of a tumor among those asked for together, from 0 on; key of its organ (empty: to be
found); center, RAS mm, world (None: to be drawn)."""

_MOST_STATES = 60
_DRAWN_FROM = ("diameter_mm", "seed", "shape", "exophytic")
"""Fields of a request from which place and shape follow, beside organ and segment."""


class Tumor:
    """A tumor as the worker made it.

    Args:
        request: What the worker was asked for.
        told: What it told about the tumor.
        settings: From which the request was made.

    Attributes:
        number: Of its line in the history; 0 while it has none.
        quality: Share of it that the model finds again; NaN if nobody asked.
        fault: Why the filter rejects it, in a sentence; empty if it keeps it or nobody asked.
        segmentId: Of its segment; empty while it has none.
    """

    def __init__(
        self, request: Mapping[str, Any], told: Mapping[str, Any], settings: Settings
    ) -> None:
        """Read the tumor's voxels."""
        self.file = Path(told["edit"])
        self.edit = Edit.load(self.file)
        self.request, self.settings = dict(request), settings
        self.organ, self.side = str(told["organ"]), str(told["side"])
        self.diameterMm, self.contrastHu = float(told["diameter_mm"]), float(told["contrast_hu"])
        self.volumeMl = float(told["volume_ml"])
        r, a, s = told["center_ras"]
        self.centerRas = (float(r), float(a), float(s))
        self.notes = tuple(told["notes"])
        self.number, self.segmentId = 0, ""
        self.quality, self.fault = math.nan, ""
        self._before: np.ndarray | None = None

    def findPlace(self, settings: Settings) -> Place:
        """Say where to grow it anew: where it was asked to be, or came to be.

        Args:
            settings: What it is to be like then.

        Returns:
            The place; without a center if it was painted, or if all is as it was when its place was
            drawn: the same place and the same shape are then drawn again.
        """
        number, organ = self.request["seed"] - self.settings.seed, settings.organ or self.organ
        center = self.request["center_ras"]
        if center or self.settings.isPainted:
            return number, organ, center
        again = settings.request(number, organ, None)
        isAlike = (organ, settings.segment) == (self.organ, self.settings.segment)
        isAlike = isAlike and all(again[name] == self.request[name] for name in _DRAWN_FROM)
        return number, organ, None if isAlike else self.centerRas

    def push(self, array: np.ndarray) -> None:
        """Put it into the volume's voxels (I, J, K), of any type."""
        part, edit = array[self.edit.box], self.edit
        self._before = part.copy()
        changed = edit.hu_after != edit.hu_before
        after = edit.hu_after[changed]
        if array.dtype.kind != "f":
            limits = np.iinfo(array.dtype)
            after = np.clip(np.rint(after), limits.min, limits.max)
        part[changed] = after.astype(array.dtype)

    def pop(self, array: np.ndarray) -> None:
        """Take it out of the volume's voxels; it must be the topmost one."""
        array[self.edit.box] = self._before
        self._before = None


@dataclass(frozen=True, eq=False)
class State:
    """What is in the volume.

    Args:
        kept: Tumors that were kept, the oldest first.
        preview: Tumors that are tried out, on top of them.
    """

    kept: tuple[Tumor, ...] = ()
    preview: tuple[Tumor, ...] = ()

    @property
    def layers(self) -> tuple[Tumor, ...]:
        """All of them, from the bottom to the top."""
        return self.kept + self.preview


class History:
    """The states there were, and the one that holds."""

    def __init__(self) -> None:
        """Start with nothing in the volume."""
        self._states, self._at = [State()], 0

    @property
    def state(self) -> State:
        """The one that holds."""
        return self._states[self._at]

    @property
    def canUndo(self) -> bool:
        """Whether there is one before it."""
        return self._at > 0

    @property
    def canRedo(self) -> bool:
        """Whether there is one after it."""
        return self._at + 1 < len(self._states)

    def add(self, state: State) -> None:
        """Go on to a new state; those that were undone are forgotten."""
        self._states = [*self._states[: self._at + 1], state][-_MOST_STATES:]
        self._at = len(self._states) - 1

    def undo(self) -> State:
        """Go one state back, if there is one."""
        self._at = max(self._at - 1, 0)
        return self.state

    def redo(self) -> State:
        """Go one state forward, if there is one."""
        self._at = min(self._at + 1, len(self._states) - 1)
        return self.state


def transition(old: Sequence[Tumor], new: Sequence[Tumor]) -> tuple[list[Tumor], list[Tumor]]:
    """Say how to get from one pile of tumors to another.

    Args:
        old: From the bottom to the top.
        new: Likewise.

    Returns:
        Which to take away, the topmost first, and which then to put on, in this order.
    """
    common = 0
    for one, other in zip(old, new, strict=False):
        if one is not other:
            break
        common += 1
    return list(reversed(old[common:])), list(new[common:])
