"""A small signal: callables that are called when something happened.

Not a Qt signal: those cannot be made by Python code inside Slicer, and logic must not need Qt.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["Signal"]


class Signal:
    """Calls everything connected to it, in the order of connecting."""

    def __init__(self) -> None:
        """Start with nothing connected."""
        self._slots: list[Callable[..., Any]] = []

    def connect(self, slot: Callable[..., Any]) -> None:
        """Call `slot` from now on."""
        self._slots.append(slot)

    def disconnect(self, slot: Callable[..., Any]) -> None:
        """Call `slot` no more; it must be connected."""
        self._slots.remove(slot)

    def emit(self, *arguments: Any) -> None:
        """Call every slot; one connected or disconnected meanwhile waits for the next time."""
        for slot in tuple(self._slots):
            slot(*arguments)
