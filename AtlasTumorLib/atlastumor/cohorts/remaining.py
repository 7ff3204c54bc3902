"""When a cohort will be done, from how fast cases ended lately."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from itertools import pairwise

__all__ = ["PACE_CASES", "Pace", "measure_pace"]

PACE_CASES = 50
"""How many cases tell the pace."""


class Pace:
    """Counts cases as they end.

    Args:
        now: The time, seconds; of `time.monotonic`.
    """

    def __init__(self, now: float | None = None) -> None:
        """Start the clock."""
        self._moments = deque([time.monotonic() if now is None else now], maxlen=PACE_CASES + 1)

    def count(self, now: float | None = None) -> None:
        """Count a case that ended now."""
        self._moments.append(time.monotonic() if now is None else now)

    def seconds_left(self, n_cases: int) -> float | None:
        """Foresee how long more cases will take.

        Args:
            n_cases: That have not ended yet.

        Returns:
            Seconds, at the pace of the last 50 cases; None before the first has ended.
        """
        if len(self._moments) < 2:
            return None
        pace = (self._moments[-1] - self._moments[0]) / (len(self._moments) - 1)
        return pace * n_cases


def measure_pace(spans: Iterable[tuple[float, float]]) -> float | None:
    """Measure how often a case ended; pauses, in which none was under way, do not count.

    Args:
        spans: When each case began and ended, seconds since 1970; the last to end comes first.

    Returns:
        Seconds from one end to the next; None for fewer than two cases.
    """
    cases = list(spans)
    busy_s, soonest = 0.0, float("inf")
    for (started, later), (_, ended) in pairwise(cases):
        soonest = min(soonest, started)
        busy_s += max(later - max(ended, soonest), 0.0)  # clocks may be set back
    return busy_s / (len(cases) - 1) if len(cases) > 1 else None
