"""How far two groups of numbers are apart, how sure that is, and what chance alone would give.

Tumors of one patient are alike, so that patients and not tumors are resampled and shuffled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Distance", "Group", "measure_distances"]

Floats = npt.NDArray[np.float64]

_INTERVAL = (2.5, 97.5)
_CHANCE = 95.0
_CELLS = 4_000_000  # weights held at once


class Group(NamedTuple):
    """Numbers of one kind.

    Args:
        values: (N,), NaN where undefined.
        cases: Name of the case that each is of, N of them.
    """

    values: Floats
    cases: Sequence[str]


@dataclass(frozen=True)
class Distance:
    """A distance between two distributions.

    Args:
        value: NaN if a side has fewer than two numbers.
        low: 2.5th percentile over resampled cases; NaN if a side has fewer than two cases.
        high: 97.5th percentile.
        by_chance: 95th percentile if cases are dealt to the sides at random: below it, nothing says
            that the distributions differ; NaN where `low` is.
    """

    value: float
    low: float
    high: float
    by_chance: float


class _Pooled(NamedTuple):
    """All numbers in order: values (N,), case number of each (N,), cases, and cases of side one."""

    values: Floats
    case: npt.NDArray[np.intp]
    n_cases: int
    n_first: int


def measure_distances(
    real: Group, synthetic: Group, rng: np.random.Generator, *, n_samples: int = 1000
) -> tuple[Distance, Distance]:
    """Compare two groups.

    Args:
        real: Numbers of real tumors.
        synthetic: Numbers of synthetic ones.
        rng: Source of randomness.
        n_samples: How often cases are resampled, and how often they are shuffled; 0 for neither.

    Returns:
        Wasserstein distance in standard deviations of the real ones (NaN if they are all equal),
        and the greatest difference of the cumulative distributions (Kolmogorov, Smirnov).
    """
    pooled, spread = _pool(real, synthetic)
    if pooled is None:
        nothing = Distance(*[math.nan] * 4)
        return nothing, nothing
    sides = np.arange(pooled.n_cases) < pooled.n_first
    plain = _compare(pooled, np.stack([sides, ~sides])[:, None].astype(float))[0]
    resampled = shuffled = np.full((1, 2), math.nan)
    if n_samples and 2 <= pooled.n_first <= pooled.n_cases - 2:
        resampled = _repeat(pooled, _draw_again, rng, n_samples)
        shuffled = _repeat(pooled, _deal, rng, n_samples)
    low, high = np.percentile(resampled, _INTERVAL, axis=0)
    chance = np.percentile(shuffled, _CHANCE, axis=0)
    units = (spread if spread > 0 else math.nan, 1.0)
    first, second = (
        Distance(*(float(x[n]) / unit for x in (plain, low, high, chance)))
        for n, unit in enumerate(units)
    )
    return first, second


def _pool(real: Group, synthetic: Group) -> tuple[_Pooled | None, float]:
    """Sort the numbers of both groups, and tell the standard deviation of the real ones."""
    kept = [np.isfinite(group.values) for group in (real, synthetic)]
    if min(int(mask.sum()) for mask in kept) < 2:
        return None, math.nan
    names: list[str] = []
    for side, (group, mask) in enumerate(zip((real, synthetic), kept, strict=True)):
        names += [f"{side}{case}" for case, keep in zip(group.cases, mask, strict=True) if keep]
    values = np.concatenate(
        [group.values[m] for group, m in zip((real, synthetic), kept, strict=True)]
    )
    unique, case = np.unique(names, return_inverse=True)  # those of side 0 come first
    n_first = sum(name[0] == "0" for name in unique)
    order = np.argsort(values, kind="stable")
    spread = float(real.values[kept[0]].std(ddof=1))
    return _Pooled(values[order], case[order], len(unique), n_first), spread


def _compare(pooled: _Pooled, weights: Floats) -> Floats:
    """Both distances (B, 2), from how often each case counts on each side, (2, B, cases)."""
    shares = weights[..., pooled.case].cumsum(axis=-1)
    total = shares[..., -1:]
    shares = np.divide(shares, total, where=total > 0, out=np.full_like(shares, math.nan))
    apart = np.abs(shares[0] - shares[1])[:, :-1]
    steps = np.diff(pooled.values)
    # Between equal values there is no place at which the distributions could be compared.
    largest = np.where(steps > 0, apart, 0.0).max(axis=1, initial=0.0)
    return np.stack([apart @ steps, largest], axis=1)


def _draw_again(pooled: _Pooled, n: int, rng: np.random.Generator) -> Floats:
    """How often each case counts if as many are drawn anew from each side, (2, n, cases)."""
    weights = np.zeros((2, n, pooled.n_cases))
    first, second = pooled.n_first, pooled.n_cases - pooled.n_first
    weights[0, :, :first] = rng.multinomial(first, np.full(first, 1.0 / first), size=n)
    weights[1, :, first:] = rng.multinomial(second, np.full(second, 1.0 / second), size=n)
    return weights


def _deal(pooled: _Pooled, n: int, rng: np.random.Generator) -> Floats:
    """How often each case counts if they are dealt to the sides at random, (2, n, cases)."""
    rank = rng.random((n, pooled.n_cases)).argsort(axis=1)
    sides = rank < pooled.n_first
    return np.stack([sides, ~sides]).astype(float)


def _repeat(
    pooled: _Pooled,
    draw: Callable[[_Pooled, int, np.random.Generator], Floats],
    rng: np.random.Generator,
    n_samples: int,
) -> Floats:
    """Distances (n, 2) for random weights, in portions that fit into memory."""
    portion = max(_CELLS // (2 * len(pooled.values)), 1)
    parts = [
        _compare(pooled, draw(pooled, min(portion, n_samples - start), rng))
        for start in range(0, n_samples, portion)
    ]
    return np.concatenate(parts)
