"""The metrics of the paper, from rows of held-out scans, as they are and resampled.

Every metric but the AUC is a sum over a sum, so that a sample of scans is a product of matrices.
Over all organs each organ of each scan counts as one; the AUC is then the mean of the organs', as
scores of different organs are not compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ..organs import KEYS
from .measuring import Row

__all__ = ["ALL", "METRICS", "Metric", "list_cases", "measure"]

ALL = "all"
"""Stands for all organs together."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """What is measured.

    Args:
        key: Its name.
        title: For people.
        meaning: What it counts, in a sentence.
        is_fitted: Whether it is a share whose distance from 1 is an error that falls with data.
    """

    key: str
    title: str
    meaning: str
    is_fitted: bool = True


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.key: metric
        for metric in (
            Metric("dsc", "DSC", "Dice of an organ's tumors, over scans with a tumor of it."),
            Metric("nsd", "NSD", "Normalized surface Dice, over the same scans."),
            Metric("tumor_sensitivity", "Tumor sensitivity", "Found lesions over all lesions."),
            Metric(
                "early_sensitivity",
                "Early tumor sensitivity",
                "The same, of lesions under 20 mm in diameter.",
            ),
            Metric(
                "patient_sensitivity",
                "Patient sensitivity",
                "Scans with a lesion in which there is any candidate, wherever.",
            ),
            Metric(
                "specificity",
                "Specificity",
                "Scans without a tumor in which there is no candidate.",
                is_fitted=False,
            ),
            Metric(
                "auc",
                "AUC",
                "Scans with a lesion against those without a tumor, by the highest probability at "
                "which a candidate is left, wherever.",
            ),
            Metric(
                "false_per_scan",
                "False positives per scan",
                "Candidates that touch no tumor.",
                is_fitted=False,
            ),
        )
    }
)


def list_cases(rows: Sequence[Row]) -> tuple[str, ...]:
    """List the scans of rows, each once, in order."""
    return tuple(dict.fromkeys(row.case for row in rows))


def measure(
    rows: Sequence[Row], cases: Sequence[str], metric: str, times: npt.NDArray[np.float32]
) -> Floats:
    """Measure one model on one set.

    Args:
        rows: Of the set, of one organ or of several.
        cases: Scans of the set, in the order of `times`.
        metric: Key of `METRICS`.
        times: How often each sample holds each scan, (n, C).

    Returns:
        The metric of all scans once and then of each sample, (1 + n,); NaN where there is none.
    """
    weights = np.vstack([np.ones((1, len(cases))), times.astype(np.float64)])
    if metric == "auc":
        organs = [key for key in KEYS if any(row.organ == key for row in rows)]
        areas = [_find_area([r for r in rows if r.organ == o], cases, weights) for o in organs]
        return _mean([area for area in areas if np.isfinite(area[0])], len(weights))
    number = {case: n for n, case in enumerate(cases)}
    top, bottom = np.zeros(len(cases)), np.zeros(len(cases))
    for row in rows:
        above, below = _count(row, metric)
        top[number[row.case]] += above
        bottom[number[row.case]] += below
    return _divide(weights @ top, weights @ bottom)


def _divide(top: Floats, bottom: Floats) -> Floats:
    """Divide; NaN where there is nothing to divide by."""
    shares: Floats = np.divide(top, bottom, where=bottom > 0, out=np.full(top.shape, math.nan))
    return shares


def _mean(areas: Sequence[Floats], n: int) -> Floats:
    if not areas:
        return np.full(n, math.nan)
    table = np.array(areas)
    return _divide(np.nansum(table, axis=0), np.isfinite(table).sum(axis=0).astype(float))


def _count(row: Row, metric: str) -> tuple[float, float]:
    """What a row adds above and below the line."""
    if metric in {"dsc", "nsd"}:
        value = row.dsc if metric == "dsc" else row.nsd
        return (0.0, 0.0) if math.isnan(value) else (value, 1.0)
    if metric == "tumor_sensitivity":
        return row.n_found, row.n_lesions
    if metric == "early_sensitivity":
        return row.n_early_found, row.n_early
    if metric == "patient_sensitivity":
        return float(row.n_lesions > 0 and row.n_candidates > 0), float(row.n_lesions > 0)
    if metric == "specificity":
        return float(row.is_clear and not row.n_candidates), float(row.is_clear)
    return row.n_false, 1.0


def _find_area(rows: Sequence[Row], cases: Sequence[str], weights: Floats) -> Floats:
    """Area under the ROC curve of one organ, (1 + n,): the share of pairs that are in order."""
    number = {case: n for n, case in enumerate(cases)}
    ill = [row for row in rows if row.n_lesions]
    clear = [row for row in rows if row.is_clear]
    if not ill or not clear:
        return np.full(len(weights), math.nan)
    difference = np.subtract.outer([row.score for row in ill], [row.score for row in clear])
    wins = 0.5 * (np.sign(difference) + 1)
    ours = weights[:, [number[row.case] for row in ill]]
    theirs = weights[:, [number[row.case] for row in clear]]
    won = ((ours @ wins) * theirs).sum(axis=1)
    return _divide(won, ours.sum(axis=1) * theirs.sum(axis=1))
