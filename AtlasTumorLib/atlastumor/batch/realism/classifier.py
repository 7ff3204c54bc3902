"""Whether a simple classifier tells synthetic tumors from real ones.

Source:
    Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017. Differs: a linear
    classifier and the area under its curve; no p-value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

__all__ = ["tell_apart"]

Floats = npt.NDArray[np.float64]

_FOLDS = 5
_FEWEST = 10  # tumors of either kind
_PENALTY = 1.0


def tell_apart(
    points: Floats, is_real: npt.NDArray[np.bool_], cases: Sequence[str], rng: np.random.Generator
) -> float:
    """Measure how well a logistic regression tells two kinds apart in tumors that it never saw.

    Args:
        points: Standardized features, (N, M), finite.
        is_real: Which are real, (N,).
        cases: Name of the case that each is of; those of one case are learned or tested together.
        rng: Deals the cases to folds.

    Returns:
        Area under the curve over five folds: 0.5 if they cannot be told apart, 1 if always; NaN for
        fewer than ten tumors or five cases of either kind.
    """
    named = [f"{int(real)}{case}" for real, case in zip(is_real, cases, strict=True)]
    unique, case = np.unique(named, return_inverse=True)
    kind = np.array([name[0] == "1" for name in unique])
    if min(is_real.sum(), (~is_real).sum()) < _FEWEST or min(kind.sum(), (~kind).sum()) < _FOLDS:
        return math.nan
    fold = np.zeros(len(unique), np.intp)
    for side in (kind, ~kind):
        fold[side] = rng.permutation(int(side.sum())) % _FOLDS
    scores = np.zeros(len(points))
    for number in range(_FOLDS):
        test = fold[case] == number
        weights = _fit(points[~test], is_real[~test])
        raw = points[test] @ weights[1:] + weights[0]
        scores[test] = stats.rankdata(raw) / len(raw)  # folds have scales of their own
    return _measure_area(scores, is_real)


def _fit(points: Floats, is_real: npt.NDArray[np.bool_]) -> Floats:
    """Intercept and slopes, (1 + M,); both kinds weigh the same, slopes are held small."""
    target = np.where(is_real, 1.0, -1.0)
    weight = np.where(is_real, 0.5 / is_real.sum(), 0.5 / (~is_real).sum())
    table = np.column_stack([np.ones(len(points)), points])

    def cost(slopes: Floats) -> tuple[float, Floats]:
        margin = target * (table @ slopes)
        held = np.r_[0.0, slopes[1:]] * _PENALTY / len(points)
        gradient = -(table.T @ (weight * target * special.expit(-margin))) + held
        value = float(weight @ np.logaddexp(0.0, -margin) + 0.5 * held @ slopes)
        return value, gradient

    found: Floats = optimize.minimize(cost, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B").x
    return found


def _measure_area(scores: Floats, is_real: npt.NDArray[np.bool_]) -> float:
    """Share of pairs in which the real one scores higher; ties count half."""
    ranks = stats.rankdata(scores)
    n, m = int(is_real.sum()), int((~is_real).sum())
    return float((ranks[is_real].sum() - n * (n + 1) / 2.0) / (n * m))
