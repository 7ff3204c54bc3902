"""The FROC curve of a cohort: sensitivity against false positives per scan, at every threshold.

Lesion level. Sensitivity is pooled, found lesions over all lesions; false positives are counted
over all scans and, apart, over the scans without any tumor. Every row is a threshold that was
evaluated; between two rows nothing changes, so nothing is ever interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .changes import Changes, find_changes

if TYPE_CHECKING:
    from .case_sweep import CaseSweep
    from .reference import ReferenceLesion
    from .rules import HitRule

__all__ = [
    "FP_PER_SCAN",
    "FROC_COLUMNS",
    "ROUNDING",
    "FrocCurve",
    "Point",
    "combine",
    "find_feasible",
    "pool",
    "sensitivity_at",
    "thin_rows",
]

FP_PER_SCAN = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
"""Where FROC curves are read off by custom (LUNA16)."""

FROC_COLUMNS = (
    "organ",
    "threshold",
    "sensitivity",
    "fp_per_scan",
    "tp",
    "fp",
    "n_lesions",
    "n_scans",
)
"""Of a curve as a table, a row for each threshold."""

ROUNDING = 1e-9
"""By how little a share may miss what was asked for and still reach it."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Point:
    """One threshold of a curve and what it gives.

    Args:
        threshold: Candidates are p >= this.
        tp: Lesions found.
        fp: False positives on all scans.
        sensitivity: Found over all lesions; NaN without lesions.
        fp_per_scan: False positives per scan.
        fp_per_clear_scan: The same over scans without any tumor; NaN if there are none.
    """

    threshold: float
    tp: int
    fp: int
    sensitivity: float
    fp_per_scan: float
    fp_per_clear_scan: float


@dataclass(frozen=True, eq=False)
class FrocCurve:
    """Counts of a cohort at every threshold where one of them changes; K rows.

    Args:
        organ: Its key.
        rule: When a lesion counts as found.
        strict: Which false positives `fp` means: all components that hit nothing, or (lenient)
            those that touch no lesion.
        thresholds: (K,) float32, strictly falling. A row holds from its threshold down to just
            above the next; above the first, nothing is found.
        tp: Lesions found, (K,); does not always rise.
        n_false: Lenient false positives, (K,).
        n_strict: Strict false positives, (K,).
        n_false_clear: False positives on scans without any tumor, (K,).
        n_lesions: All lesions.
        n_scans: All scans.
        n_clear: Scans without any tumor.
    """

    organ: str
    rule: HitRule
    strict: bool
    thresholds: npt.NDArray[np.float32]
    tp: Counts
    n_false: Counts
    n_strict: Counts
    n_false_clear: Counts
    n_lesions: int
    n_scans: int
    n_clear: int

    @property
    def fp(self) -> Counts:
        """The false positives that count, (K,)."""
        return self.n_strict if self.strict else self.n_false

    @property
    def sensitivity(self) -> npt.NDArray[np.float64]:
        """Found over all lesions, (K,); NaN without lesions."""
        return self.tp / (self.n_lesions or math.nan)

    @property
    def fp_per_scan(self) -> npt.NDArray[np.float64]:
        """False positives over all scans, (K,)."""
        return self.fp / (self.n_scans or math.nan)

    @property
    def fp_per_clear_scan(self) -> npt.NDArray[np.float64]:
        """False positives per scan over scans without any tumor, (K,); NaN if there are none."""
        return self.n_false_clear / (self.n_clear or math.nan)

    @property
    def is_binary(self) -> bool:
        """Whether all candidates have probability 1: label maps, which leave nothing to choose."""
        return bool(self.thresholds.size) and bool((self.thresholds == 1.0).all())

    def row_at(self, threshold: float) -> int:
        """Find the row that holds at a threshold.

        Args:
            threshold: Any, in [0, 1].

        Returns:
            The row; -1 above the first, where nothing is found.
        """
        return int(np.count_nonzero(self.thresholds >= np.float32(threshold))) - 1

    def point(self, row: int) -> Point:
        """Give one row, or for -1 the place above all rows, where nothing is found."""
        if row < 0:
            none, clear = 0.0 if self.n_lesions else math.nan, 0.0 if self.n_clear else math.nan
            return Point(math.inf, 0, 0, none, 0.0, clear)
        return Point(
            float(self.thresholds[row]),
            int(self.tp[row]),
            int(self.fp[row]),
            float(self.sensitivity[row]),
            float(self.fp_per_scan[row]),
            float(self.fp_per_clear_scan[row]),
        )


def combine(
    sweeps: Sequence[CaseSweep],
    rule: HitRule,
    *,
    strict: bool = False,
    counts: Callable[[ReferenceLesion], bool] | None = None,
) -> FrocCurve:
    """Pool the cases of a cohort into one curve.

    Args:
        sweeps: One per case, of one organ; cases without any candidate count as scans too.
        rule: When a lesion counts as found.
        strict: Whether components that touch a lesion without hitting it are false positives.
        counts: Which lesions are counted, such as those of one size; None counts all.

    Returns:
        The curve.

    Raises:
        ValueError: If there are no sweeps, or of several organs.
    """
    organs = {sweep.organ for sweep in sweeps}
    if len(organs) != 1:
        msg = f"One organ's sweeps make a curve; got {sorted(organs)}."
        raise ValueError(msg)
    changes = find_changes(sweeps, rule, counts=counts)
    return pool(changes, organs.pop(), rule, strict=strict)


def pool(changes: Changes, organ: str, rule: HitRule, *, strict: bool = False) -> FrocCurve:
    """Add up the changes of all cases.

    Args:
        changes: Of a cohort.
        organ: Its key.
        rule: By which the changes were found.
        strict: As for `combine`.

    Returns:
        The curve; rows where no count changes are left out.
    """
    on_clear = np.where(changes.is_clear[changes.case], changes.false, 0)
    deltas = np.stack([changes.found, changes.false, changes.strict, on_clear])
    thresholds, place = np.unique(-changes.thresholds, return_inverse=True)
    sums = [np.bincount(place, weights=row, minlength=thresholds.size) for row in deltas]
    steps = np.stack(sums).astype(np.int64)
    kept = steps.any(axis=0)
    tp, n_false, n_strict, n_false_clear = np.cumsum(steps[:, kept], axis=1)
    return FrocCurve(
        organ,
        rule,
        strict,
        -thresholds[kept],
        tp,
        n_false,
        n_strict,
        n_false_clear,
        n_lesions=int(changes.n_lesions.sum()),
        n_scans=changes.n_cases,
        n_clear=int(np.count_nonzero(changes.is_clear)),
    )


def sensitivity_at(curve: FrocCurve, fp_per_scan: float) -> float:
    """Read the curve as a step function: the best sensitivity that a number of FP per scan buys.

    Not to be confused with linear interpolation between rows, which promises a sensitivity that no
    threshold gives.

    Args:
        curve: Of a cohort.
        fp_per_scan: The most false positives per scan.

    Returns:
        The highest sensitivity of the rows that have no more; 0 if none has so few, NaN without
        lesions.
    """
    if not curve.n_lesions:
        return math.nan
    tp = curve.tp[curve.fp_per_scan <= fp_per_scan]
    return float(tp.max(initial=0)) / curve.n_lesions


def find_feasible(
    tp: npt.NDArray[np.generic], n_lesions: npt.NDArray[np.generic] | int, target: float
) -> npt.NDArray[np.bool_]:
    """Tell where a sensitivity is reached, without the division that might round past it.

    Args:
        tp: Found lesions, any shape.
        n_lesions: All lesions, broadcast against it.
        target: The sensitivity.

    Returns:
        The shape of `tp`; 9 of 10 do reach 0.9.
    """
    needed = np.ceil(np.asarray(n_lesions, np.float64) * target - ROUNDING)
    return np.asarray(tp >= needed, dtype=bool)


def thin_rows(curve: FrocCurve, most: int, *, keep: Sequence[int] = ()) -> npt.NDArray[np.int64]:
    """Choose rows to draw, list or resample, where there are more than is of use.

    Half of them lie evenly among all rows; half grow closer toward the high thresholds, where few
    false positives are and the figure's logarithmic axis looks closely.

    Args:
        curve: Of a cohort, K rows.
        most: How many rows to choose, about.
        keep: Rows that must be among them; -1 is ignored.

    Returns:
        Rows in order: all K if there are few, always the first and the last.
    """
    k = curve.thresholds.size
    if k <= most:
        return np.arange(k)
    even = np.linspace(0, k - 1, most // 2)
    close = np.geomspace(1, k, most - most // 2) - 1
    rows = np.concatenate([even, close, [row for row in keep if row >= 0]])
    return np.unique(np.rint(rows).astype(np.int64))
