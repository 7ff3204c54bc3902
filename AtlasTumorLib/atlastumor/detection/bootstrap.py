"""How sure a curve is: cases are drawn again and again, with replacement.

A case is drawn whole, with all its lesions and false positives, as these hang together. Everything
is computed from the table of how often each sample drew each case, by matrix products. Intervals
hold the middle 95 % of the samples (percentile bootstrap); those of sensitivities are corrected
where samples say too little (`settle_interval`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .changes import Changes, find_changes
from .froc import FP_PER_SCAN, FrocCurve, find_feasible, pool, thin_rows
from .rates import settle_interval

if TYPE_CHECKING:
    from .case_sweep import CaseSweep
    from .rules import HitRule

__all__ = ["FP_GRID", "LEVEL", "Bands", "bootstrap", "draw_bands", "draw_cases", "find_interval"]

LEVEL = 0.95
FP_GRID: tuple[float, ...] = tuple(2.0 ** (n / 4) for n in range(-16, 25))
"""False positives per scan at which the band around the curve is computed: 1/16 to 64."""

_MOST_ROWS = 1000
_LEAST_CASES = 2

Floats = npt.NDArray[np.float64]
Table = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Bands:
    """Confidence intervals along a curve: each a (2, ...) array of lower and upper ends.

    Sensitivities are None where fewer than two cases have lesions, and false positives where there
    are fewer than two cases: one case drawn again and again varies by nothing.

    Args:
        thresholds: Rows of the curve that were resampled, (R,), strictly falling.
        sensitivity: At each of them, (2, R).
        fp_per_scan: At each of them, (2, R).
        sensitivity_at_fp: Of the curve as a step function at `FP_GRID`, (2, F).
        threshold: Of the threshold that is chosen, over the samples that reach the target; None if
            none does.
        unreachable: Share of samples in which no threshold reaches the target.
        n_samples: Number of samples.
        seed: Of the random numbers.
    """

    thresholds: npt.NDArray[np.float32]
    sensitivity: Floats | None
    fp_per_scan: Floats | None
    sensitivity_at_fp: Floats | None
    threshold: tuple[float, float] | None
    unreachable: float
    n_samples: int
    seed: int

    def sensitivity_interval(self, threshold: float) -> tuple[float, float] | None:
        """The interval of the sensitivity at one of the thresholds that were resampled."""
        return self._at(self.sensitivity, threshold)

    def fp_interval(self, threshold: float) -> tuple[float, float] | None:
        """The interval of FP per scan at one of the thresholds that were resampled.

        None where all cases have as many, such as none: drawing them again says nothing then.
        """
        return self._at(self.fp_per_scan, threshold)

    def _at(self, ends: Floats | None, threshold: float) -> tuple[float, float] | None:
        rows = np.flatnonzero(self.thresholds == np.float32(threshold))
        if ends is None or not rows.size:
            return None
        low, high = (float(end) for end in ends[:, rows[0]])
        return None if low == high else (low, high)


def draw_cases(n_lesions: npt.NDArray[np.int64], n: int, *, seed: int = 0) -> Table:
    """Draw samples of cases; a sample without any lesion is drawn anew.

    Args:
        n_lesions: Of each case, (C,).
        n: Number of samples.
        seed: The same seed gives the same samples.

    Returns:
        How often each sample holds each case, (n, C); rows add up to C.
    """
    n_cases = n_lesions.size
    generator = np.random.default_rng(seed)
    times = np.zeros((n, n_cases), np.float32)
    missing = np.arange(n)
    while missing.size:
        drawn = generator.integers(n_cases, size=(missing.size, n_cases))
        drawn += n_cases * np.arange(missing.size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=missing.size * n_cases)
        times[missing] = counts.reshape(missing.size, n_cases)
        empty = times[missing] @ (n_lesions > 0).astype(np.float32) == 0
        missing = missing[empty & bool(n_lesions.any())]
    return times


def find_interval(samples: Floats | Table) -> Floats:
    """Find the middle 95 % of samples.

    Args:
        samples: (n, ...); NaN where a sample has no value.

    Returns:
        Lower and upper ends, (2, ...); NaN where no sample has a value.
    """
    ends = [50 * (1 - LEVEL), 50 * (1 + LEVEL)]
    if not np.isnan(samples).any():
        return np.percentile(samples, ends, axis=0)
    flat: Floats = samples.reshape(samples.shape[0], -1).astype(np.float64)
    result = np.full((2, flat.shape[1]), np.nan)
    for n in range(flat.shape[1]):
        values = flat[~np.isnan(flat[:, n]), n]
        if values.size:
            result[:, n] = np.percentile(values, ends)
    return result.reshape(2, *samples.shape[1:])


def bootstrap(
    sweeps: Sequence[CaseSweep],
    rule: HitRule,
    *,
    n: int = 2000,
    seed: int = 0,
    target: float = 0.9,
    strict: bool = False,
) -> Bands:
    """Resample a cohort.

    Args:
        sweeps: One per case, of one organ.
        rule: When a lesion counts as found.
        n: Number of samples.
        seed: Of the random numbers.
        target: Sensitivity that a threshold is chosen for in every sample.
        strict: As for `combine`.

    Returns:
        The bands.
    """
    changes = find_changes(sweeps, rule)
    curve = pool(changes, sweeps[0].organ, rule, strict=strict)
    times = draw_cases(changes.n_lesions, n, seed=seed)
    return draw_bands(changes, curve, times, target=target, seed=seed)


def draw_bands(
    changes: Changes,
    curve: FrocCurve,
    times: Table,
    *,
    target: float = 0.9,
    keep: Sequence[int] = (),
    seed: int = 0,
) -> Bands:
    """Compute the bands from samples that were drawn already.

    Args:
        changes: Of the cohort.
        curve: Pooled from them.
        times: As `draw_cases` gives it, (n, C).
        target: Sensitivity that a threshold is chosen for in every sample.
        keep: Rows of the curve that must be among those that are resampled.
        seed: That of `times`, for the record.

    Returns:
        The bands, at up to about a thousand rows of the curve.
    """
    rows = thin_rows(curve, _MOST_ROWS, keep=keep)
    thresholds = curve.thresholds[rows]
    has_lesions = np.count_nonzero(changes.n_lesions) >= _LEAST_CASES
    if changes.n_cases < _LEAST_CASES or not rows.size or not times.size:
        return Bands(thresholds, None, None, None, None, np.nan, times.shape[0], seed)
    deltas = changes.strict if curve.strict else changes.false
    fp = times @ changes.tabulate(deltas, thresholds)
    fp_per_scan = fp / np.float32(changes.n_cases)
    fp_ends = find_interval(fp_per_scan)
    if not has_lesions:
        return Bands(thresholds, None, fp_ends, None, None, np.nan, times.shape[0], seed)
    tp = times @ changes.tabulate(changes.found, thresholds)
    totals = times @ changes.n_lesions.astype(np.float32)
    chosen = _choose(tp, fp, totals, target)
    reached = thresholds[chosen[chosen >= 0]]
    # float32's 0.9 lies below 0.9: a lower end of 9 in 10 would not reach the target.
    sensitivity = tp.astype(np.float64) / totals[:, None]
    read_off = find_interval(_read_off(sensitivity, fp_per_scan))
    return Bands(
        thresholds,
        settle_interval(find_interval(sensitivity), curve.tp[rows], curve.n_lesions),
        fp_ends,
        settle_interval(read_off, _count_at_fp(curve), curve.n_lesions),
        _middle(reached),
        float(np.mean(chosen < 0)),
        times.shape[0],
        seed,
    )


def _choose(tp: Table, fp: Table, totals: Table, target: float) -> npt.NDArray[np.int64]:
    """The row that each sample would choose, (n,); -1 where none reaches the target."""
    feasible = find_feasible(tp, totals[:, None], target)
    rows = np.where(feasible, fp, np.inf).argmin(axis=1)
    return np.where(feasible.any(axis=1), rows, -1)


def _read_off(sensitivity: Floats, fp_per_scan: Table) -> Floats:
    """Each sample's curve as a step function at `FP_GRID`, (n, F)."""
    columns = [
        np.where(fp_per_scan <= np.float32(limit), sensitivity, 0).max(axis=1, initial=0)
        for limit in FP_GRID
    ]
    return np.stack(columns, axis=1)


def _count_at_fp(curve: FrocCurve) -> npt.NDArray[np.int64]:
    """The lesions that the curve finds at `FP_GRID`, (F,)."""
    counts = [curve.tp[curve.fp_per_scan <= limit].max(initial=0) for limit in FP_GRID]
    return np.array(counts, np.int64)


def _middle(thresholds: npt.NDArray[np.float32]) -> tuple[float, float] | None:
    """The middle 95 % of chosen thresholds, without making up one between two of them."""
    if not thresholds.size:
        return None
    ends = np.percentile(thresholds, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], method="inverted_cdf")
    return float(ends[0]), float(ends[1])


assert set(FP_PER_SCAN) <= set(FP_GRID)  # noqa: S101 - so that the band has their intervals
