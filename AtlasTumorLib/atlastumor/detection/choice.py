"""Which threshold to use: the one that reaches a sensitivity with the fewest false positives.

Sensitivity and false positives both go up and down along the thresholds, so every row is looked at;
there is no bisection and no interpolation. The paper reads "the threshold with a sensitivity above
90 %" off a curve, which may mean the highest such threshold; it is given beside ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .froc import ROUNDING, FrocCurve, Point, find_feasible

if TYPE_CHECKING:
    from .bootstrap import Bands

__all__ = ["Choice", "choose_by_false_positives", "choose_threshold"]


@dataclass(frozen=True)
class Choice:
    """A chosen point, or why there is none.

    Args:
        point: The chosen one; None if the target cannot be reached.
        best: The point of highest sensitivity, with the fewest false positives; None without
            lesions or without candidates.
        highest_feasible: The point with the highest threshold that reaches the target; None if none
            does.
        conservative: The point with the fewest false positives whose sensitivity reaches the target
            even at the lower end of its confidence interval; None if none does, or unless asked.
        target: What was wanted, in words.
        reason: Why this one, or why none, in a sentence.
        floor_reached: Whether lower thresholds than were looked at might find more.
    """

    point: Point | None
    best: Point | None
    highest_feasible: Point | None
    conservative: Point | None
    target: str
    reason: str
    floor_reached: bool = False

    @property
    def threshold(self) -> float | None:
        """The chosen threshold; None if the target cannot be reached."""
        return self.point.threshold if self.point else None

    @property
    def chosen_or_best(self) -> Point | None:
        """The chosen point, else the best; None if there is neither."""
        return self.point or self.best

    @property
    def sensitivity(self) -> float:
        """At the chosen point, else at the best; NaN without lesions."""
        point = self.chosen_or_best
        return point.sensitivity if point else math.nan

    @property
    def fp_per_scan(self) -> float:
        """At the chosen point, else at the best; NaN if there is neither."""
        point = self.chosen_or_best
        return point.fp_per_scan if point else math.nan


def choose_threshold(
    curve: FrocCurve, target: float = 0.9, *, bands: Bands | None = None
) -> Choice:
    """Choose the threshold with the fewest false positives that reaches a sensitivity.

    Args:
        curve: Of a cohort.
        target: Least pooled sensitivity, in (0, 1].
        bands: The curve's confidence bands; with them the conservative point is given too.

    Returns:
        The choice. Of several thresholds with as few false positives, the highest is taken.

    Raises:
        ValueError: If the target is outside (0, 1].
    """
    if not 0.0 < target <= 1.0:
        msg = f"The target is a sensitivity above 0 and up to 1; got {target}."
        raise ValueError(msg)
    words = f"sensitivity >= {target:.10g}"
    if not curve.n_lesions:
        reason = "The cohort has no lesions, so there is no sensitivity to reach."
        return Choice(None, None, None, None, words, reason)
    if not curve.thresholds.size:
        reason = "There is no candidate at any threshold, so nothing is found."
        return Choice(None, None, None, None, words, reason, floor_reached=True)
    best = curve.point(_best_row(curve))
    feasible = find_feasible(curve.tp, curve.n_lesions, target)
    if not feasible.any():
        return _unreachable(curve, best, words)
    rows = np.flatnonzero(feasible)
    row = int(rows[np.argmin(curve.fp[rows])])
    reason = f"The fewest false positives of all {rows.size} thresholds that reach {words}."
    return Choice(
        curve.point(row),
        best,
        curve.point(int(rows[0])),
        _conservative(curve, target, bands),
        words,
        reason,
    )


def choose_by_false_positives(curve: FrocCurve, fp_per_scan: float) -> Choice:
    """Choose the threshold that finds the most within a number of false positives per scan.

    Args:
        curve: Of a cohort.
        fp_per_scan: The most false positives per scan, 0 or more.

    Returns:
        The choice; of several that find as much, the one with the fewest false positives, then the
        highest threshold.
    """
    words = f"at most {fp_per_scan:.10g} FP per scan"
    rows = np.flatnonzero(curve.fp_per_scan <= fp_per_scan)
    if not curve.n_lesions:
        reason = "The cohort has no lesions, so there is no sensitivity to compare."
        return Choice(None, None, None, None, words, reason)
    best = curve.point(_best_row(curve)) if curve.thresholds.size else None
    if not rows.size:
        reason = f"No threshold has {words}."
        return Choice(None, best, None, None, words, reason)
    most = rows[curve.tp[rows] == curve.tp[rows].max()]
    row = int(most[np.argmin(curve.fp[most])])
    reason = f"The highest sensitivity of all {rows.size} thresholds with {words}."
    highest = curve.point(int(rows[0]))
    return Choice(curve.point(row), best, highest, None, words, reason)


def _best_row(curve: FrocCurve) -> int:
    """The row of highest sensitivity; of several the one with the fewest false positives."""
    rows = np.flatnonzero(curve.tp == curve.tp.max())
    return int(rows[np.argmin(curve.fp[rows])])


def _unreachable(curve: FrocCurve, best: Point, words: str) -> Choice:
    """Say how far it goes."""
    lowest = bool(curve.tp[-1] == curve.tp.max())
    reason = (
        f"Unreachable: {words}; best {best.sensitivity:.1%} at threshold {best.threshold:.4g} with "
        f"{best.fp_per_scan:.3g} FP per scan."
    )
    if lowest:
        reason += " The floor was reached: lower thresholds were not looked at."
    return Choice(None, best, None, None, words, reason, floor_reached=lowest)


def _conservative(curve: FrocCurve, target: float, bands: Bands | None) -> Point | None:
    """Of the rows that have a confidence interval, the safe one with the fewest false positives."""
    if bands is None or bands.sensitivity is None:
        return None
    safe = bands.thresholds[bands.sensitivity[0] >= target - ROUNDING]
    rows = np.array([curve.row_at(float(threshold)) for threshold in safe], int)
    return curve.point(int(rows[np.argmin(curve.fp[rows])])) if rows.size else None
