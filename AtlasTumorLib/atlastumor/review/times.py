"""How long reading takes: seconds a scan was shown, and what that saves.

Seconds count only while a scan is shown. A break without a sign of the reader counts as at most
`IDLE_LIMIT_S`; what is left out is kept and said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median, quantiles

from .entries import Entry
from .state import fold

__all__ = [
    "BY_HAND_S",
    "IDLE_LIMIT_S",
    "WITH_CANDIDATES_S",
    "ReviewTimes",
    "Stopwatch",
    "measure_times",
]

IDLE_LIMIT_S = 60.0
"""A longer break counts as this long."""

BY_HAND_S = 300.0
WITH_CANDIDATES_S = 5.0
"""The paper's times per scan: 5 minutes to annotate by hand, 5 seconds with the SMART-Annotator."""


class Stopwatch:
    """Counts the seconds in which a scan is shown to somebody who is there.

    Args:
        idle_limit_s: Longest break that counts in full, s.
        clock: Gives seconds that never go back.
    """

    def __init__(
        self, idle_limit_s: float = IDLE_LIMIT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start stopped."""
        self._limit, self._clock = idle_limit_s, clock
        self._last: float | None = None
        self._seconds = self._idle = 0.0

    @property
    def is_running(self) -> bool:
        """Whether a scan is shown."""
        return self._last is not None

    def start(self) -> None:
        """Begin to count; nothing happens if it counts already."""
        if self._last is None:
            self._last = self._clock()

    def touch(self) -> None:
        """Note a sign of the reader: the break before it ends."""
        if self._last is None:
            return
        now = self._clock()
        gap = max(now - self._last, 0.0)
        self._last = now
        self._seconds += min(gap, self._limit)
        self._idle += max(gap - self._limit, 0.0)

    def stop(self) -> None:
        """Stop counting; what was counted stays until it is taken."""
        self.touch()
        self._last = None

    def take(self) -> tuple[float, float]:
        """Give what was counted since the last time, and begin at 0.

        Returns:
            Seconds that count, and seconds of breaks that do not.
        """
        self.touch()
        taken = round(self._seconds, 3), round(self._idle, 3)
        self._seconds = self._idle = 0.0
        return taken


@dataclass(frozen=True)
class ReviewTimes:
    """What reading took in one role.

    Args:
        role: The role.
        n_scans: Finished scans, counted once for each reader.
        median_s: Seconds per scan; None without a finished scan.
        low_s: Lower quartile, s; None with fewer than two scans.
        high_s: Upper quartile, s.
        total_s: All of it, s.
        idle_s: Breaks beyond the limit, left out, s.
        n_breaks: How many such breaks there were.
    """

    role: str
    n_scans: int
    median_s: float | None
    low_s: float | None
    high_s: float | None
    total_s: float
    idle_s: float
    n_breaks: int

    @property
    def saved_minutes(self) -> float | None:
        """Minutes saved against the paper's 5 minutes by hand; negative if none were."""
        return None if self.median_s is None else (self.n_scans * BY_HAND_S - self.total_s) / 60.0

    def describe(self) -> str:
        """Say it in sentences, with what it is compared to and what was left out."""
        if self.median_s is None:
            return f"No scan is finished yet in the role '{self.role}'."
        spread = "" if self.low_s is None else f" (quartiles {self.low_s:.1f} to {self.high_s:.1f})"
        text = (
            f"{self.median_s:.1f} s per scan{spread}, median of {self.n_scans} finished in the "
            f"role '{self.role}'. The paper: 5 s with its candidates, 5 min by hand; so "
            f"{self.median_s / WITH_CANDIDATES_S:.2g} times its 5 s, and {self.saved_minutes:.1f} "
            "min saved in all if every scan takes 5 min by hand (the paper's figure, not measured "
            "here)."
        )
        if self.n_breaks:
            text += (
                f" {self.n_breaks} breaks were longer than {IDLE_LIMIT_S:.0f} s and count as that; "
                f"{self.idle_s:.0f} s are left out."
            )
        return text


def measure_times(entries: Iterable[Entry], role: str) -> ReviewTimes:
    """Measure from the log how long scans took in a role.

    Undone work took time too and counts. Scans not finished do not count.

    Args:
        entries: The log's lines.
        role: Of `ROLES`.

    Returns:
        The median and what belongs to it.
    """
    every = tuple(entries)
    state = fold(every)
    seconds: dict[tuple[str, str], float] = {}
    idle: list[float] = []
    lines = [entry for entry in every if entry.role == role]
    finished = {
        (entry.scan, entry.who)
        for entry in lines
        if entry.kind == "done" and role in state.scan(entry.scan).done
    }
    for entry in lines:
        place = (entry.scan, entry.who)
        if place in finished:
            seconds[place] = seconds.get(place, 0.0) + entry.seconds
            idle += [entry.idle_seconds] if entry.idle_seconds else []
    values = list(seconds.values())
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [None] * 3
    return ReviewTimes(
        role=role,
        n_scans=len(values),
        median_s=median(values) if values else None,
        low_s=low,
        high_s=high,
        total_s=sum(values),
        idle_s=sum(idle),
        n_breaks=len(idle),
    )
