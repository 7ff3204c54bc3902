"""How much a chosen threshold flatters itself: it is chosen on some cases and tried on the others.

The sensitivity at a threshold that was chosen to reach 90 % on a cohort is about 90 % on that
cohort by construction. What it gives elsewhere is seen on cases that had no part in choosing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .changes import Changes
from .choice import choose_threshold
from .froc import FrocCurve, pool

__all__ = ["HeldOut", "cross_validate", "split_cases"]


@dataclass(frozen=True)
class HeldOut:
    """What thresholds give on the cases they were not chosen on, pooled over the folds.

    Args:
        n_folds: Number of folds.
        n_reached: Folds in which the target could be reached on the other cases; only these count.
        sensitivity: Found over all lesions of these folds; NaN if there are none.
        fp_per_scan: False positives per scan of these folds; NaN if there are none.
        thresholds: The chosen threshold of each of them.
    """

    n_folds: int
    n_reached: int
    sensitivity: float
    fp_per_scan: float
    thresholds: tuple[float, ...]


def split_cases(
    n_lesions: npt.NDArray[np.int64], folds: int, *, seed: int = 0
) -> npt.NDArray[np.int64]:
    """Deal cases to folds at random, those with lesions first so that every fold gets some.

    Args:
        n_lesions: Of each case, (C,).
        folds: Number of folds; C of them leave one case out at a time.
        seed: Of the random numbers.

    Returns:
        Fold of each case, (C,).
    """
    order = np.random.default_rng(seed).permutation(n_lesions.size)
    order = order[np.argsort(n_lesions[order] == 0, kind="stable")]
    fold = np.empty(n_lesions.size, np.int64)
    fold[order] = np.arange(n_lesions.size) % folds
    return fold


def cross_validate(
    changes: Changes, curve: FrocCurve, *, target: float = 0.9, folds: int = 5, seed: int = 0
) -> HeldOut | None:
    """Choose on all folds but one, try on that one, and so on.

    Args:
        changes: Of the cohort.
        curve: Pooled from them; says which false positives count.
        target: Least pooled sensitivity.
        folds: Number of folds, 2 or more; no more than there are cases are made.
        seed: Of the random numbers.

    Returns:
        The outcome; None if fewer than two cases have lesions, so that there is nothing to try on.
    """
    folds = min(folds, changes.n_cases)
    if folds < 2 or np.count_nonzero(changes.n_lesions) < 2:
        return None
    fold = split_cases(changes.n_lesions, folds, seed=seed)
    thresholds: list[float] = []
    tp = fp = n_lesions = n_scans = 0
    for n in range(folds):
        train = pool(changes.only(fold != n), curve.organ, curve.rule, strict=curve.strict)
        threshold = choose_threshold(train, target).threshold
        if threshold is None:
            continue
        test = pool(changes.only(fold == n), curve.organ, curve.rule, strict=curve.strict)
        point = test.point(test.row_at(threshold))
        thresholds.append(threshold)
        tp, fp = tp + point.tp, fp + point.fp
        n_lesions, n_scans = n_lesions + test.n_lesions, n_scans + test.n_scans
    return HeldOut(
        folds,
        len(thresholds),
        tp / n_lesions if n_lesions else math.nan,
        fp / n_scans if n_scans else math.nan,
        tuple(thresholds),
    )
