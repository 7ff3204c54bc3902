"""Every error meant for the user's eyes, as one tree.

    AtlasTumorError                    everything a user can do something about
    ├── InputError (also ValueError)   the data or an option cannot be used as given
    │   ├── GridMismatchError          two volumes do not share one grid
    │   └── UnknownKeyError            organ, model or backend; lists the valid ones
    ├── PlacementError                 no room for the tumor asked for; says what fits
    ├── UsageError                     the command's words cannot be understood
    ├── OutputError                    the result cannot be written where it was asked for
    ├── NetworkError                   another computer cannot be reached, or refuses
    │   └── RefusedError               it refuses these data; trying again does not help
    ├── CardError                      a model card is malformed; names file and key
    ├── WeightsError                   missing, wrong hash, or does not fit the network
    ├── DependencyError                an optional package is missing; says how to get it
    ├── DeviceError                    no such device, or it does not work
    │   └── OutOfMemoryError           no rung of the ladder fits; says how much is needed
    └── Cancelled                      the user stopped it; never shown as a failure

A message says what happened, what came, what was needed and what to do. `ValueError` and
`TypeError` stay for programmers' mistakes. Exit codes follow from the class (`exit_code`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = [
    "AtlasTumorError",
    "Cancelled",
    "CardError",
    "DependencyError",
    "DeviceError",
    "GridMismatchError",
    "InputError",
    "NetworkError",
    "OutOfMemoryError",
    "OutputError",
    "PlacementError",
    "RefusedError",
    "UnknownKeyError",
    "UsageError",
    "WeightsError",
]


class AtlasTumorError(Exception):
    """Something the user can do something about; the message is one plain sentence or two."""

    exit_code = 3


class InputError(AtlasTumorError, ValueError):
    """The data or an option cannot be used as given."""


class GridMismatchError(InputError):
    """Two volumes that must share one grid do not."""


class UnknownKeyError(InputError):
    """A key names no organ, model or backend."""

    exit_code = 2

    def __init__(self, kind: str, key: str, valid: Iterable[str]) -> None:
        """Say which `kind` of thing `key` was meant to name, and which keys there are."""
        self._words = kind, key, tuple(sorted(valid))
        super().__init__(f"There is no {kind} '{key}'. Choose one of: {', '.join(self._words[2])}.")

    def __reduce__(self) -> tuple[Any, ...]:
        """Be made again from what it was made from: so it gets out of a worker process."""
        return type(self), self._words, self.__dict__


class PlacementError(AtlasTumorError):
    """There is no room for the tumor that was asked for."""


class UsageError(AtlasTumorError):
    """The command's words cannot be understood."""

    exit_code = 2


class OutputError(AtlasTumorError):
    """The result cannot be written where it was asked for."""


class NetworkError(AtlasTumorError):
    """Another computer cannot be reached, refuses, or breaks off."""

    exit_code = 5


class RefusedError(NetworkError):
    """Another computer refuses these data for what they are; trying again does not help."""


class CardError(AtlasTumorError):
    """A model card is malformed."""


class WeightsError(AtlasTumorError):
    """Weights are missing, altered, or do not fit the network."""


class DependencyError(AtlasTumorError):
    """An optional package is missing."""

    exit_code = 4


class DeviceError(AtlasTumorError):
    """No such device, or it does not work."""

    exit_code = 4


class OutOfMemoryError(DeviceError):
    """No setting that the ladder may try fits into memory."""


class Cancelled(AtlasTumorError):  # noqa: N818 - not an error, though it travels as one
    """The user stopped it."""

    exit_code = 130
