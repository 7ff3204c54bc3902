"""Rates of scans, at patient level; lesions are counted in `froc.py`. The two are often mixed up.

Patient level, location-free: a scan with a tumor is a true positive if any candidate is in it,
wherever; the definition of AbdomenAtlas 2.0. A model that marks everything has 100 %.
Patient level, localized: a scan with a tumor is a true positive if at least one lesion is hit.
Specificity: scans without any tumor that have no candidate. No sensitivity is given without it.
Tumor level ("T-Sen"): found lesions over all lesions, that of the FROC curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

if TYPE_CHECKING:
    from .case_sweep import CaseSweep
    from .rules import HitRule

__all__ = [
    "LEAST_TO_RESAMPLE",
    "PatientLevel",
    "Rate",
    "measure_auc",
    "measure_patients",
    "settle_interval",
    "wilson",
]

LEAST_TO_RESAMPLE = 10
"""Of fewer lesions a share has Wilson's interval: too few for samples to vary as lesions do."""

_LEVEL = 0.95
_LEAST_OF_A_KIND = 2


@dataclass(frozen=True)
class Rate:
    """A share, and how sure it is.

    Args:
        n_hit: Those that count.
        n_total: Out of these.
        interval: 95 % confidence interval; None where there is none.
        method: How the interval was found, or why there is none.
    """

    n_hit: int
    n_total: int
    interval: tuple[float, float] | None = None
    method: str = ""

    @property
    def value(self) -> float:
        """The share; NaN out of none."""
        return self.n_hit / self.n_total if self.n_total else math.nan

    @property
    def text(self) -> str:
        """For people: share, counts and interval."""
        if not self.n_total:
            return "n/a"
        text = f"{self.value:.1%} ({self.n_hit}/{self.n_total}"
        if self.interval is None:
            return f"{text}; {self.method})" if self.method else f"{text})"
        return f"{text}; {self.interval[0]:.1%} to {self.interval[1]:.1%})"


def wilson(n_hit: int, n_total: int, *, level: float = _LEVEL) -> tuple[float, float]:
    """Compute Wilson's score interval, which keeps its level for few and for extreme counts.

    Args:
        n_hit: Those that count.
        n_total: Out of these; above 0.
        level: Of confidence, in (0, 1).

    Returns:
        Lower and upper end, in [0, 1].

    Raises:
        ValueError: If the counts make no share.

    Source:
        Wilson, J. Am. Stat. Assoc. 22, 1927.
    """
    if not 0 <= n_hit <= n_total or not n_total:
        msg = f"{n_hit} out of {n_total} is no share."
        raise ValueError(msg)
    z = float(ndtri(0.5 + level / 2))
    share, spread = n_hit / n_total, z * z / n_total
    middle = share + spread / 2
    half = math.sqrt(spread * (share * (1 - share) + spread / 4))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    # Rounding must not leave 1e-17 where the interval touches its bounds.
    return (0.0 if n_hit == 0 else low), (1.0 if n_hit == n_total else high)


def settle_interval(
    ends: npt.NDArray[np.float64],
    n_hit: npt.NDArray[np.integer[Any]] | int,
    n_total: int,
) -> npt.NDArray[np.float64]:
    """Correct the intervals of resampled shares where resampling says too little.

    Where every lesion is found, every sample finds every lesion, and where none is, none: that says
    nothing of how sure it is. So no lower end is above the one that Wilson gives to all of them
    found, and no upper end below the one he gives to none. Few lesions get his interval outright,
    and so does a share that is the same in every sample.

    Args:
        ends: Lower and upper ends from resampling, (2, ...).
        n_hit: Found lesions, (...).
        n_total: All lesions, above 0.

    Returns:
        Lower and upper ends, (2, ...).
    """
    hits = np.asarray(n_hit)
    counts, place = np.unique(hits, return_inverse=True)
    table = np.array([wilson(int(n), n_total) for n in counts]).reshape(-1, 2)
    exact = np.moveaxis(table[place.reshape(hits.shape)], -1, 0)
    if n_total < LEAST_TO_RESAMPLE:
        return exact
    lowest, highest = wilson(n_total, n_total)[0], wilson(0, n_total)[1]
    settled = np.stack([np.minimum(ends[0], lowest), np.maximum(ends[1], highest)])
    return np.where(ends[0] == ends[1], exact, settled)


@dataclass(frozen=True)
class PatientLevel:
    """Scans at one threshold.

    Args:
        sensitivity: Location-free.
        localized: Scans in which at least one lesion is hit.
        specificity: Over scans without any tumor.
        auc: Area under the ROC curve over all thresholds, location-free; NaN without both kinds.
        auc_interval: 95 % by bootstrap; None where there is none.
    """

    sensitivity: Rate
    localized: Rate
    specificity: Rate
    auc: float
    auc_interval: tuple[float, float] | None = None


def measure_patients(sweeps: Sequence[CaseSweep], rule: HitRule, threshold: float) -> PatientLevel:
    """Measure the patient level at one threshold, with Wilson's intervals.

    Args:
        sweeps: One per case, of one organ.
        rule: When a lesion counts as found.
        threshold: Candidates are p >= this.

    Returns:
        The rates; scans whose only tumors are too small to count are in none of them.
    """
    with_lesions = [sweep for sweep in sweeps if sweep.lesions]
    clear = [sweep for sweep in sweeps if sweep.is_clear]
    n_any = sum(_has_candidate(sweep, threshold) for sweep in with_lesions)
    n_hit = sum(bool(sweep.hits_at(threshold, rule).any()) for sweep in with_lesions)
    n_silent = sum(not _has_candidate(sweep, threshold) for sweep in clear)
    return PatientLevel(
        _rate(n_any, len(with_lesions)),
        _rate(n_hit, len(with_lesions)),
        _rate(n_silent, len(clear)),
        measure_auc(sweeps)[0],
    )


def measure_auc(
    sweeps: Sequence[CaseSweep], times: npt.NDArray[np.float32] | None = None
) -> tuple[float, npt.NDArray[np.float64] | None]:
    """Measure the area under the patient-level ROC curve.

    It is the share of pairs, a scan with lesions and one without any tumor, in which the former has
    the higher score; ties count half. A scan's score is the highest threshold at which it still
    has a candidate, so that the ROC curve says just what the operating point will do. Not to be
    confused with the highest probability, which a speck may have that is no candidate.

    Args:
        sweeps: One per case, of one organ.
        times: As `draw_cases` gives it, (n, C).

    Returns:
        The area, NaN without scans of both kinds; and that of each sample, (n,), NaN where it drew
        scans of one kind. None if `times` is not given, and where samples say nothing of how sure
        the area is: of one scan of a kind, and where all pairs are in order, in the wrong one, or
        tied.
    """
    scores = np.array([sweep.score for sweep in sweeps])
    positive = np.flatnonzero([bool(sweep.lesions) for sweep in sweeps])
    negative = np.flatnonzero([sweep.is_clear for sweep in sweeps])
    if not positive.size or not negative.size:
        return math.nan, None
    difference = scores[positive][:, None] - scores[negative]
    wins = 0.5 * (np.sign(difference) + 1)
    area = float(wins.mean())
    if times is None or min(wins.shape) < _LEAST_OF_A_KIND or np.ptp(wins) == 0:
        return area, None
    ours, theirs = times[:, positive].astype(np.float64), times[:, negative].astype(np.float64)
    pairs = ours.sum(axis=1) * theirs.sum(axis=1)
    won = ((ours @ wins) * theirs).sum(axis=1)
    return area, np.divide(won, pairs, where=pairs > 0, out=np.full(pairs.size, np.nan))


def _rate(n_hit: int, n_total: int) -> Rate:
    return Rate(n_hit, n_total, wilson(n_hit, n_total) if n_total else None, "Wilson")


def _has_candidate(sweep: CaseSweep, threshold: float) -> bool:
    row = sweep.at(threshold)
    return row >= 0 and bool(sweep.n_components[row])
