"""From the rows of finished cells to curves, each with how sure it is, and what follows from them.

Two things vary: which scans a model happened to learn from and start with (the seed), and on which
patients it happened to be measured. A sample draws seeds with replacement and patients with
replacement, the same ones for every arm and size, so that arms are compared on equal terms. With
few seeds this understates how much another seed could change; the report says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..detection.bootstrap import draw_cases, find_interval
from ..organs import KEYS
from .cells import Cell, CellResult
from .config import ScalingConfig
from .estimating import Estimate, find_equal_share, find_plateau
from .fitting import PowerLaw, fit_power_law
from .measuring import Row
from .metrics import ALL, METRICS, list_cases, measure

__all__ = ["Curve", "Gain", "Study", "analyze"]

_STREAM = 11

Floats = npt.NDArray[np.float64]
Key = tuple[str, str, str, float]


@dataclass(frozen=True, eq=False)
class Curve:
    """One metric of one organ on one set, for one arm, over the sizes.

    Args:
        set: Name of the held-out set.
        organ: Key, or `ALL`.
        metric: Key of `METRICS`.
        fold: The arm.
        sizes: (N,).
        seeds: Values of each seed, (S, N); NaN where there is none.
        mean: Over the seeds, (N,).
        interval: Of the means, 95 %, (2, N).
        law: The power law fitted to the means' distance from 1, then those of all samples,
            (1 + M,); None for metrics that are no share of an error.
        plateau: Where twice the data gains too little; None likewise.
    """

    set: str
    organ: str
    metric: str
    fold: float
    sizes: tuple[int, ...]
    seeds: Floats
    mean: Floats
    interval: Floats
    law: PowerLaw | None
    plateau: Estimate | None


@dataclass(frozen=True, eq=False)
class Gain:
    """What an arm with synthetic tumors gains over the one without.

    Args:
        set: Name of the held-out set.
        organ: Key, or `ALL`.
        metric: Key of `METRICS`.
        fold: The arm.
        sizes: (N,).
        mean: Difference of the means, (N,).
        interval: 95 %, (2, N).
        equal: Share of the real scans with which it is as accurate as the other arm with all;
            None for metrics that are no share of an error.
    """

    set: str
    organ: str
    metric: str
    fold: float
    sizes: tuple[int, ...]
    mean: Floats
    interval: Floats
    equal: Estimate | None


@dataclass(frozen=True, eq=False)
class Study:
    """Everything that is said about a study.

    Args:
        config: What was asked for.
        results: The finished cells.
        n_cells: Of all cells.
        n_patients: Of each set.
        organs: Keys of the organs that were measured.
        curves: By set, organ, metric and fold.
        gains: By the same, without the arm of real scans only.
    """

    config: ScalingConfig
    results: tuple[CellResult, ...]
    n_cells: int
    n_patients: Mapping[str, int]
    organs: tuple[str, ...]
    curves: Mapping[Key, Curve]
    gains: Mapping[Key, Gain]


def analyze(config: ScalingConfig, results: Sequence[CellResult], n_cells: int) -> Study:
    """Sum a study up.

    Args:
        config: What was asked for.
        results: The finished cells, at least one.
        n_cells: Of all cells, finished or not.

    Returns:
        Curves and what follows from them.
    """
    measured = {row.organ for result in results for row in result.rows}
    organs = tuple(key for key in KEYS if key in measured)
    curves: dict[Key, Curve] = {}
    gains: dict[Key, Gain] = {}
    n_patients: dict[str, int] = {}
    rng = np.random.default_rng([config.samples, _STREAM])
    n_seeds = len(config.seeds)
    drawn = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=config.samples)
    weights = np.vstack([np.ones((1, n_seeds)), drawn])  # (1 + M, S)
    for name in config.held_out:
        rows = {r.cell: [row for row in r.rows if row.set == name] for r in results}
        cases = list_cases([row for own in rows.values() for row in own])
        n_patients[name] = len(cases)
        times = _draw(rows.values(), cases, config.samples)
        for organ in (ALL, *organs) if len(organs) > 1 else organs:
            chosen = {c: [r for r in own if organ in {ALL, r.organ}] for c, own in rows.items()}
            for metric in METRICS:
                table = {c: measure(own, cases, metric, times) for c, own in chosen.items()}
                _compare(config, (name, organ, metric), table, weights, (curves, gains))
    return Study(config, tuple(results), n_cells, n_patients, organs, curves, gains)


def _draw(
    groups: Iterable[Sequence[Row]], cases: Sequence[str], n_samples: int
) -> npt.NDArray[np.float32]:
    """Draw samples of the patients of a set, (n, C)."""
    number = {case: n for n, case in enumerate(cases)}
    n_lesions = np.zeros(len(cases), np.int64)
    rows = {(row.case, row.organ): row for group in groups for row in group}
    for row in rows.values():
        n_lesions[number[row.case]] += row.n_lesions
    return draw_cases(n_lesions, n_samples, seed=_STREAM)


def _compare(
    config: ScalingConfig,
    names: tuple[str, str, str],
    table: Mapping[Cell, Floats],
    weights: Floats,
    into: tuple[dict[Key, Curve], dict[Key, Gain]],
) -> None:
    """Add the curves of every arm, and what each gains over real scans only."""
    curves, gains = into
    means: dict[float, Floats] = {}
    for fold in config.folds:
        values = _lay_out(config, table, fold)
        means[fold] = _average(values, weights)
        curves[*names, fold] = _draw_curve(config, (*names, fold), values, means[fold])
    base = curves.get((*names, 0.0))
    if base is None:
        return
    for fold in (fold for fold in config.folds if fold):
        difference = means[fold] - means[0.0]
        law, equal = curves[*names, fold].law, None
        if law is not None and base.law is not None:
            rises = (one[:, -1] - one[:, 0] for one in (means[fold], means[0.0]))
            equal = find_equal_share(law, base.law, config.sizes, *rises)
        interval = find_interval(difference[1:])
        gains[*names, fold] = Gain(*names, fold, config.sizes, difference[0], interval, equal)


def _lay_out(config: ScalingConfig, table: Mapping[Cell, Floats], fold: float) -> Floats:
    """Lay the cells of an arm out as (1 + M, S, N)."""
    nothing = np.full(config.samples + 1, math.nan)
    columns = [
        [table.get(Cell(n, fold, seed), nothing) for n in config.sizes] for seed in config.seeds
    ]
    return np.moveaxis(np.array(columns), -1, 0)


def _average(values: Floats, weights: Floats) -> Floats:
    """Average over the seeds that were drawn and have a value, (1 + M, N)."""
    known = np.isfinite(values)
    shares = weights[..., None] * known
    total = shares.sum(axis=1)
    sums = (shares * np.where(known, values, 0.0)).sum(axis=1)
    means: Floats = np.divide(sums, total, where=total > 0, out=np.full(total.shape, math.nan))
    return means


def _draw_curve(config: ScalingConfig, key: Key, values: Floats, means: Floats) -> Curve:
    law = plateau = None
    if METRICS[key[2]].is_fitted:
        law = fit_power_law(config.sizes, np.maximum(1.0 - means, 0.0))
        rise = means[:, -1] - means[:, 0]
        plateau = find_plateau(law, config.sizes, rise, gain=config.gain)
    interval = find_interval(means[1:])
    return Curve(*key, config.sizes, values[0], means[0], interval, law, plateau)
