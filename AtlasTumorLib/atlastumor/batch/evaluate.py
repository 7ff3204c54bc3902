"""A cohort's numbers, organ by organ, each with how sure it is.

Tumor level and patient level are kept apart, and no sensitivity is given without specificity or
false positives beside it. Overlap and surfaces are averaged over the scans whose reference has a
tumor of the organ: a scan without any is judged by its candidates and not by a Dice of 0 or of
nothing. Intervals come from drawing cases again with replacement (percentile bootstrap, 95 %), and
from Wilson's formula for shares of few or of all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..detection.bootstrap import draw_cases, find_interval
from ..detection.rates import PatientLevel, Rate, measure_patients, wilson
from ..detection.size_bins import measure_sizes
from ..organs import KEYS
from .cases import Problem
from .scoring import ANY, EvaluationOptions, OrganScore

__all__ = ["AVERAGED", "Evaluation", "Mean", "OrganResult", "evaluate_scores"]

AVERAGED = ("dsc", "nsd", "hd95_mm", "volume_error")
"""Fields of `OrganScore` that are averaged, in the order of the tables."""

_LEAST_TO_RESAMPLE = 10  # lesions; below, Wilson's interval is the better one

Times = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mean:
    """A mean over cases.

    Args:
        value: NaN over none.
        sd: Standard deviation of the cases, not of the mean; NaN over fewer than two.
        n: Number of cases.
        interval: Of the mean, 95 %; None over fewer than two cases, and where all are alike, as
            drawing them again says nothing then.
        n_without: Cases with a reference tumor for which there is no number: no distance where
            nothing was predicted.
    """

    value: float
    sd: float
    n: int
    interval: tuple[float, float] | None
    n_without: int = 0


@dataclass(frozen=True)
class OrganResult:
    """One organ of a cohort.

    Args:
        organ: Its key.
        n_scans: Scans that were measured.
        n_tumor_scans: Of these, those with a lesion that counts.
        n_clear_scans: Of these, those without any tumor.
        tumor: Found lesions over all lesions.
        patients: Rates of scans.
        fp_per_scan: False positives per scan, lenient, over all scans.
        strict_fp_per_scan: The same, strict.
        sizes: Sensitivity by size class.
        means: By the names of `AVERAGED`.
    """

    organ: str
    n_scans: int
    n_tumor_scans: int
    n_clear_scans: int
    tumor: Rate
    patients: PatientLevel
    fp_per_scan: Mean
    strict_fp_per_scan: Mean
    sizes: dict[str, Rate]
    means: dict[str, Mean]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything that is said about a cohort.

    Args:
        options: What the numbers mean.
        organs: One per organ, in table order.
        scores: One per case and organ.
        problems: Of what does not count.
    """

    options: EvaluationOptions
    organs: tuple[OrganResult, ...]
    scores: tuple[OrganScore, ...]
    problems: tuple[Problem, ...]


def evaluate_scores(
    scores: Sequence[OrganScore], problems: Sequence[Problem], options: EvaluationOptions
) -> Evaluation:
    """Sum a cohort up.

    Args:
        scores: One per case and organ, in any order.
        problems: Of what does not count.
        options: As the scores were made.

    Returns:
        The numbers.
    """
    ordered = sorted(scores, key=lambda score: (score.case, KEYS.index(score.organ)))
    organs = tuple(
        _sum_up(key, [score for score in ordered if score.organ == key], options)
        for key in KEYS
        if any(score.organ == key for score in ordered)
    )
    return Evaluation(options, organs, tuple(ordered), tuple(problems))


def _sum_up(organ: str, scores: Sequence[OrganScore], options: EvaluationOptions) -> OrganResult:
    sweeps = [score.sweep for score in scores]
    counts = [score.counts(options.rule) for score in scores]
    n_lesions = np.array([count["n_lesions"] for count in counts], np.int64)
    times = None
    if options.n_samples and len(scores) > 1:
        times = draw_cases(n_lesions, options.n_samples, seed=options.seed)

    def per_scan(name: str) -> Mean:
        return _average([float(count[name]) for count in counts], lambda _: True, times)

    has_tumor = [score.reference_ml > 0 for score in scores]
    return OrganResult(
        organ,
        n_scans=len(scores),
        n_tumor_scans=sum(bool(sweep.lesions) for sweep in sweeps),
        n_clear_scans=sum(sweep.is_clear for sweep in sweeps),
        tumor=_pool([count["n_found"] for count in counts], n_lesions, times),
        patients=measure_patients(sweeps, options.rule, ANY),
        fp_per_scan=per_scan("n_false"),
        strict_fp_per_scan=per_scan("n_false_strict"),
        sizes=measure_sizes(sweeps, options.rule, ANY, times=times),
        means={
            name: _average([getattr(score, name) for score in scores], has_tumor.__getitem__, times)
            for name in AVERAGED
        },
    )


def _pool(n_found: Sequence[int], n_lesions: npt.NDArray[np.int64], times: Times | None) -> Rate:
    """Found lesions over all lesions; the interval by bootstrap where cases vary enough."""
    n_hit, n_total = sum(n_found), int(n_lesions.sum())
    if not n_total:
        return Rate(0, 0, None, "no lesions")
    few = n_total < _LEAST_TO_RESAMPLE or np.count_nonzero(n_lesions) < 2
    if not few and times is not None:
        samples = (times @ np.array(n_found, float)) / (times @ n_lesions)
        low, high = find_interval(samples)
        if low < high:  # else every case has the same share, and drawing them says nothing
            return Rate(n_hit, n_total, (float(low), float(high)), "bootstrap")
    return Rate(n_hit, n_total, wilson(n_hit, n_total), "Wilson")


def _average(values: Sequence[float], counts: Callable[[int], bool], times: Times | None) -> Mean:
    """Mean of the finite values of the cases that count."""
    chosen = np.array([counts(n) for n in range(len(values))], bool)
    array = np.array(values, float)
    finite = chosen & np.isfinite(array)
    n = int(np.count_nonzero(finite))
    n_without = int(np.count_nonzero(chosen)) - n
    if not n:
        return Mean(math.nan, math.nan, 0, None, n_without)
    kept = array[finite]
    if n == 1:
        return Mean(float(kept[0]), math.nan, 1, None, n_without)
    interval = None
    if times is not None and np.ptp(kept) > 0:
        totals = times[:, finite].sum(axis=1)
        sums = times[:, finite] @ kept
        low, high = find_interval(
            np.divide(sums, totals, where=totals > 0, out=np.full_like(sums, np.nan))
        )
        interval = (float(low), float(high))
    return Mean(float(kept.mean()), float(kept.std(ddof=1)), n, interval, n_without)
