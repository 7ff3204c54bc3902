"""What a pair of fitted curves says: where more data stops paying, and how much of it is saved.

Both are read off the fitted power laws, once for the means and once for every sample, and kept
within the sizes that were studied: what lies beyond them is not reached, however the curve might go
on. Where accuracy is not shown to rise with data at all, there is nothing to read off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..detection.bootstrap import LEVEL
from .fitting import PowerLaw, predict

__all__ = ["NOT_ESTIMABLE", "NOT_REACHED", "Estimate", "find_equal_share", "find_plateau"]

NOT_REACHED = "not reached"
NOT_ESTIMABLE = "not estimable"
_LEAST_SAMPLES = 0.5  # share of the samples that must have a fit

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number read off a curve.

    Args:
        value: NaN if it is not estimable, infinite if it is not reached.
        low: Lower end of the 95 % interval; likewise.
        high: Upper end; likewise.
        reached: Share of the samples in which it is reached; NaN if it is not estimable.
        reason: Why it is not estimable, or what else must be known, in a sentence; may be empty.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    reached: float = math.nan
    reason: str = ""

    @property
    def state(self) -> str:
        """In words whether there is a number."""
        if math.isnan(self.value):
            return NOT_ESTIMABLE
        return NOT_REACHED if math.isinf(self.value) else "estimated"

    def tell(self, *, as_share: bool = False) -> str:
        """Say it to people.

        Args:
            as_share: Whether it is a share, to be told in percent.

        Returns:
            Number and interval, or why there is none.
        """

        def text(value: float) -> str:
            if math.isinf(value):
                return NOT_REACHED
            return f"{100 * value:.0f} %" if as_share else f"{value:.3g}"

        if math.isnan(self.value):
            return f"{NOT_ESTIMABLE} ({self.reason})"
        told = f"{text(self.value)} (95 %: {text(self.low)} to {text(self.high)})"
        return f"{told}; {self.reason}" if self.reason else told


def find_plateau(laws: PowerLaw, sizes: tuple[int, ...], rise: Floats, *, gain: float) -> Estimate:
    """Find the number of scans from which on twice as many gain less than `gain`.

    Args:
        laws: Of the means, then of each sample, (1 + M,).
        sizes: That were studied.
        rise: Accuracy at the largest size less that at the smallest, (1 + M,), as measured.
        gain: Of a share.

    Returns:
        The number, at least the smallest size; infinite if it is beyond the largest.
    """
    reason = _doubt(laws, rise)
    if reason:
        return Estimate(math.nan, reason=reason)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        n = (laws.a * (1 - 2.0**-laws.b) / gain) ** (1 / laws.b)
    n = np.where(laws.a <= 0, sizes[0], n)
    n = np.where(n > sizes[-1], np.inf, np.maximum(n, sizes[0]))
    note = f"at or below the smallest size, {sizes[0]}" if n[0] == sizes[0] else ""
    return _sum_up(np.where(np.isnan(laws.a), np.nan, n), note)


def find_equal_share(
    laws: PowerLaw, base: PowerLaw, sizes: tuple[int, ...], rise: Floats, base_rise: Floats
) -> Estimate:
    """Find the share of the real scans with which an arm is as accurate as another with all.

    Args:
        laws: Of the arm: of its means, then of each sample, (1 + M,).
        base: Of the other arm, likewise.
        sizes: That were studied, of both.
        rise: As for `find_plateau`; only whether it is known counts.
        base_rise: Likewise, of the other arm; nothing can be matched that does not rise.

    Returns:
        The share in [smallest size / largest, 1]; infinite if all scans do not suffice.
    """
    reason = _doubt(base, base_rise)
    if reason:
        return Estimate(math.nan, reason=f"of the arm to be matched: {reason}")
    if np.isnan(laws.a[0]) or np.isnan(rise[0]):
        return Estimate(math.nan, reason="the arm has no value at one end of the sizes")
    target = predict(base, [sizes[-1]])[:, 0]
    least = np.array([sizes[0], sizes[-1]], float)
    ends = predict(laws, least)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        n = (laws.a / (target - laws.c)) ** (1 / laws.b)
    n = np.where(ends[:, 0] <= target, least[0], n)
    n = np.where(ends[:, 1] > target, np.inf, n)
    share = np.where(np.isnan(laws.a) | np.isnan(target), np.nan, n / least[1])
    note = "at or below the smallest size" if n[0] == least[0] else ""
    return _sum_up(share, note)


def _doubt(laws: PowerLaw, rise: Floats) -> str:
    """Say why nothing can be read off a curve; empty if something can."""
    if np.isnan(laws.a[0]):
        return "fewer than three sizes have a value"
    samples = rise[1:][np.isfinite(rise[1:])]
    if samples.size < _LEAST_SAMPLES * max(rise.size - 1, 1):
        return "most samples have no value"
    if samples.size and np.percentile(samples, 50 * (1 - LEVEL)) <= 0:
        return "accuracy is not shown to rise from the smallest size to the largest"
    return ""


def _sum_up(values: Floats, note: str) -> Estimate:
    samples = values[1:][~np.isnan(values[1:])]
    if not samples.size:
        return Estimate(float(values[0]), reason=note or "without an interval")
    # A percentile between a number and infinity would be neither.
    ends = np.percentile(samples, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], method="inverted_cdf")
    reached = float(np.isfinite(samples).mean())
    return Estimate(float(values[0]), float(ends[0]), float(ends[1]), reached, note)
