"""One organ of a cohort: its curve, how sure it is, the current threshold and what that gives.

Everything comes from the cached sweeps, in moments, so that hit rule and target can be changed at
will. Knows neither Slicer nor Qt.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlastumor.detection.bootstrap import Bands, draw_bands, draw_cases, find_interval
from atlastumor.detection.changes import find_changes
from atlastumor.detection.choice import Choice, choose_by_false_positives, choose_threshold
from atlastumor.detection.froc import Point, pool
from atlastumor.detection.rates import settle_interval
from atlastumor.detection.rules import HitRule
from atlastumor.detection.sweep import CaseSweep

__all__ = ["CaseCounts", "Interval", "OrganCurve"]

Interval = tuple[float, float]


@dataclass(frozen=True)
class CaseCounts:
    """What a threshold does to one case.

    Args:
        case: Its name.
        nLesions: Lesions of its reference.
        nFound: Those that are found.
        nFalse: False positives.
    """

    case: str
    nLesions: int
    nFound: int
    nFalse: int


class OrganCurve:
    """One organ's curve with a current threshold.

    Args:
        sweeps: One per case, of one organ.
        rule: When a lesion counts as found.
        strict: Whether components that touch a lesion without hitting it are false positives.

    Attributes:
        organ: Its key.
        sweeps: As given.
        rule: As given.
        curve: Every threshold where a count changes.
        bands: Confidence bands; None until `computeBands`.
        threshold: The current one; None if none was chosen.
        reason: Why it was chosen, in words; empty if by hand.
    """

    def __init__(self, sweeps: Sequence[CaseSweep], rule: HitRule, *, strict: bool = False) -> None:
        """Pool the cases; the bands, which take longer, wait to be asked for."""
        self.organ, self.sweeps, self.rule = sweeps[0].organ, tuple(sweeps), rule
        self._changes = find_changes(sweeps, rule)
        self.curve = pool(self._changes, self.organ, rule, strict=strict)
        self.bands: Bands | None = None
        self.threshold: float | None = None
        self.reason = ""
        self._times: np.ndarray | None = None
        self._counts: list[tuple[np.ndarray, np.ndarray]] | None = None

    @property
    def row(self) -> int:
        """Row of the curve that holds at the current threshold; -1 if nothing is found there."""
        return self.curve.row_at(self.threshold) if self.threshold is not None else -1

    @property
    def point(self) -> Point | None:
        """What the current threshold gives; None if none was chosen."""
        return self.curve.point(self.row) if self.threshold is not None else None

    def computeBands(self, nSamples: int, target: float) -> None:
        """Resample the cases.

        Args:
            nSamples: How often.
            target: Sensitivity that a threshold is chosen for in every sample.
        """
        self._times = draw_cases(self._changes.n_lesions, nSamples)
        self.bands = draw_bands(self._changes, self.curve, self._times, target=target)

    def intervals(self) -> tuple[Interval | None, Interval | None]:
        """Give the 95 % intervals of sensitivity and of FP per scan at the current threshold.

        Returns:
            Each None before `computeBands`, or where there are too few cases; that of FP per scan
            too where all cases have as many.
        """
        if self.bands is None or self._times is None or self.row < 0:
            return None, None
        row = self.curve.thresholds[[self.row]]
        changes, times = self._changes, self._times
        sensitivity = fp = None
        if self.bands.sensitivity is not None:
            found = (times @ changes.tabulate(changes.found, row)[:, 0]).astype(np.float64)
            ends = find_interval(found / (times @ changes.n_lesions.astype(np.float32)))
            ends = settle_interval(ends, int(self.curve.tp[self.row]), self.curve.n_lesions)
            sensitivity = float(ends[0]), float(ends[1])
        if self.bands.fp_per_scan is not None:
            deltas = changes.strict if self.curve.strict else changes.false
            low, high = find_interval(times @ changes.tabulate(deltas, row)[:, 0] / changes.n_cases)
            fp = (float(low), float(high)) if low < high else None  # as `Bands.fp_interval`
        return sensitivity, fp

    def chooseSensitivity(self, target: float) -> Choice:
        """Choose the threshold that reaches a sensitivity with the fewest false positives."""
        return choose_threshold(self.curve, target)

    def chooseFalsePositives(self, fpPerScan: float) -> Choice:
        """Choose the threshold that finds the most within a number of FP per scan."""
        return choose_by_false_positives(self.curve, fpPerScan)

    def countCases(self) -> list[CaseCounts]:
        """Count every case at the current threshold, in the order of the sweeps."""
        if self._counts is None:
            self._counts = [self._tabulate(sweep) for sweep in self.sweeps]
        rows = zip(self.sweeps, self._counts, strict=True)
        return [self._count(sweep, *counts) for sweep, counts in rows]

    def _tabulate(self, sweep: CaseSweep) -> tuple[np.ndarray, np.ndarray]:
        """Found lesions and false positives of a case at each of its rows."""
        false = sweep.n_strict(self.rule) if self.curve.strict else sweep.n_false
        return np.count_nonzero(sweep.hits(self.rule), axis=1), false

    def _count(self, sweep: CaseSweep, found: np.ndarray, false: np.ndarray) -> CaseCounts:
        row = sweep.at(self.threshold) if self.threshold is not None else -1
        if row < 0:
            return CaseCounts(sweep.case, len(sweep.lesions), 0, 0)
        return CaseCounts(sweep.case, len(sweep.lesions), int(found[row]), int(false[row]))
