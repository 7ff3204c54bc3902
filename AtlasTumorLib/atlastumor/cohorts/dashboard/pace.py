"""How fast a cohort was worked through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .charts import draw_rates
from .numbers import Numbers

__all__ = ["Pace", "draw_pace", "measure_pace"]

_MOST_BINS = 60
_CASES_PER_BIN = 4
_UNITS = ((3 * 86400.0, 86400.0, "days"), (2 * 3600.0, 3600.0, "hours"), (0.0, 60.0, "minutes"))


@dataclass(frozen=True)
class Pace:
    """How fast it went.

    Args:
        n_cases: That are done.
        seconds: From the first that began to the last that ended.
    """

    n_cases: int
    seconds: float

    @property
    def per_hour(self) -> float:
        """Cases per hour."""
        return 3600.0 * self.n_cases / self.seconds

    @property
    def unit(self) -> tuple[float, str]:
        """A unit of time that suits: its seconds and its name."""
        return next((size, name) for least, size, name in _UNITS if self.seconds >= least)

    @property
    def text(self) -> str:
        """The time, with its unit."""
        size, name = self.unit
        return f"{self.seconds / size:.3g} {name}"


def measure_pace(numbers: Numbers) -> Pace | None:
    """Measure how fast a cohort was worked through, pauses counted.

    Args:
        numbers: Of the cohort.

    Returns:
        The pace; None if no case is done.
    """
    if not numbers.ended:
        return None
    return Pace(len(numbers.ended), max(max(numbers.ended) - min(numbers.started), 1e-3))


def draw_pace(numbers: Numbers) -> str:
    """Draw the cases per hour over time.

    Args:
        numbers: Of the cohort.

    Returns:
        SVG; empty if there are too few cases to speak of a course.
    """
    pace = measure_pace(numbers)
    if pace is None or pace.n_cases < 2 * _CASES_PER_BIN:
        return ""
    n_bins = min(_MOST_BINS, pace.n_cases // _CASES_PER_BIN)
    first = min(numbers.started)
    counts, _ = np.histogram(numbers.ended, n_bins, (first, first + pace.seconds))
    size, name = pace.unit
    rates = counts * 3600.0 / (pace.seconds / n_bins)
    return draw_rates(rates.tolist(), pace.seconds / size, name)
