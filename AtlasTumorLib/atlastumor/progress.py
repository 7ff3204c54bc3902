"""How long work tells how far it is, and how it is stopped.

Progress is not logging: a fraction in [0, 1] that never falls, and the stage in English (the
widgets translate it). Cancelling is cooperative: work calls `CancelToken.check` between steps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from .errors import Cancelled

__all__ = [
    "UNWATCHED",
    "CancelToken",
    "Progress",
    "Watch",
    "ignore_progress",
    "never_falling",
    "part_of",
]

_Item = TypeVar("_Item")

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


@dataclass(frozen=True)
class Watch:
    """Somebody who watches long loops: is told how far they are, and may stop them.

    Args:
        progress: Told the fraction done.
        stage: What is being done, in English.
        cancel: Looked at before every item.
    """

    progress: Progress = ignore_progress
    stage: str = ""
    cancel: CancelToken = field(default_factory=CancelToken)

    def part(self, start: float, end: float) -> Watch:
        """Let a sub-task be watched while the whole moves from `start` to `end`.

        Args:
            start: Fraction of the whole at which the sub-task begins, in [0, 1].
            end: Fraction at which it ends, in [start, 1].

        Returns:
            A watch for the sub-task.
        """
        return Watch(part_of(self.progress, start, end), self.stage, self.cancel)

    def each(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """Give items whose number is not known, and only look whether to stop.

        Args:
            items: Any.

        Yields:
            The same.

        Raises:
            Cancelled: If somebody asked to stop.
        """
        for item in items:
            self.cancel.check()
            yield item

    def over(self, items: Sequence[_Item]) -> Iterator[_Item]:
        """Give items that take about equally long.

        Progress is told a hundred times at most: there can be thousands of items, and who listens
        may sit in another process.

        Args:
            items: Any.

        Yields:
            The same.

        Raises:
            Cancelled: If somebody asked to stop.
        """
        step = max(len(items) // 100, 1)
        for n, item in enumerate(self.each(items)):
            if n % step == 0:
                self.progress(n / len(items), self.stage)
            yield item

    def shared(self, items: Sequence[_Item]) -> Iterator[tuple[_Item, Watch]]:
        """Give items that are long loops themselves.

        Args:
            items: Any.

        Yields:
            Each with the watch for its share of the whole.

        Raises:
            Cancelled: If somebody asked to stop.
        """
        for n, item in enumerate(self.over(items)):
            yield item, self.part(n / len(items), (n + 1) / len(items))


UNWATCHED = Watch()
"""Nobody listens, and nobody stops it."""
