"""How long work tells how far it is, and how it is stopped.

Progress is not logging: a fraction in [0, 1] that never falls, and the stage in English (the
widgets translate it). Cancelling is cooperative: work calls `CancelToken.check` between steps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from .errors import Cancelled

__all__ = ["CancelToken", "Progress", "ignore_progress", "never_falling", "part_of"]

Progress = Callable[[float, str], None]
"""Called with the fraction done, in [0, 1], and the name of the stage."""


def ignore_progress(_fraction: float, _stage: str) -> None:
    """Take progress and show it to nobody."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Let a sub-task report 0..1 while the whole moves from `start` to `end`.

    Args:
        progress: The whole task's callback.
        start: Fraction of the whole at which the sub-task begins, in [0, 1].
        end: Fraction at which it ends, in [start, 1].

    Returns:
        A callback for the sub-task; fractions outside [0, 1] are clipped.
    """

    def report(fraction: float, stage: str) -> None:
        progress(start + (end - start) * min(max(fraction, 0.0), 1.0), stage)

    return report


def never_falling(progress: Progress) -> Progress:
    """Hide that work starts afresh, as it does when memory runs out.

    Args:
        progress: The whole task's callback.

    Returns:
        A callback that reports the highest fraction so far.
    """
    highest = 0.0

    def report(fraction: float, stage: str) -> None:
        nonlocal highest
        highest = max(highest, fraction)
        progress(highest, stage)

    return report


class CancelToken:
    """A flag that another thread or a signal handler sets and that work looks at."""

    def __init__(self) -> None:
        """Start uncancelled."""
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next check."""
        self._event.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Stop here if somebody asked to.

        Raises:
            Cancelled: If `cancel` was called.
        """
        if self._event.is_set():
            msg = "Cancelled."
            raise Cancelled(msg)
