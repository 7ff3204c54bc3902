"""Tumors as points: standardized features, the plane in which they differ most, nearest pairs.

The plane is that of a principal component analysis. The paper shows t-SNE; that has no axes and
forms clusters even of noise, while here every axis is a sum of named features, and the share of all
differences that the plane shows can be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from .features import FEATURES, Feature

__all__ = ["Plane", "find_pairs", "find_plane", "standardize"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Plane:
    """Where tumors lie in the plane in which they differ most.

    Args:
        points: (N, 2).
        axes: Weight of each feature on both axes, (2, M), rows of unit length.
        shares: Part of all differences along each axis, (2,).
    """

    points: Floats
    axes: Floats
    shares: Floats


def standardize(
    table: Floats, reference: npt.NDArray[np.bool_], features: Sequence[Feature] = FEATURES
) -> Floats:
    """Bring features to one scale.

    Args:
        table: A row per tumor, (N, M), NaN where undefined.
        reference: Rows whose mean and standard deviation become 0 and 1, (N,), at least one.
        features: What the columns are; of `is_log` ones the logarithm is taken.

    Returns:
        (N, M); what is undefined lies at 0, as does a feature that does not vary.
    """
    is_log = np.array([feature.is_log for feature in features])
    values = np.where(is_log, np.log(np.maximum(table, 1e-3)), table)
    known = np.isfinite(values)
    count = np.maximum((known & reference[:, None]).sum(axis=0), 1)
    base = np.where(known & reference[:, None], values, 0.0)
    mean = base.sum(axis=0) / count
    off = np.where(known, values - mean, 0.0)
    spread = np.sqrt((np.where(reference[:, None], off, 0.0) ** 2).sum(axis=0) / count)
    scaled: Floats = np.divide(off, spread, where=spread > 1e-9, out=np.zeros_like(off))
    return scaled


def find_plane(points: Floats) -> Plane:
    """Find the plane in which points differ most.

    Args:
        points: (N, M), N and M at least 2.

    Returns:
        The plane; of each axis the heaviest feature counts upward, so that equal input gives equal
        pictures.
    """
    centered = points - points.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centered, full_matrices=False)
    axes = axes[:2] * np.sign(axes[np.arange(2), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    total = max(float((sizes**2).sum()), 1e-12)
    return Plane(centered @ axes.T, axes, sizes[:2] ** 2 / total)


def find_pairs(first: Floats, second: Floats, n: int) -> list[tuple[int, int, float]]:
    """Find the nearest pairs of two groups, each point in at most one.

    Args:
        first: (N, M).
        second: (K, M).
        n: How many to find at most.

    Returns:
        Row of the first, row of the second and their distance, the nearest first.
    """
    apart = cdist(first, second)
    pairs: list[tuple[int, int, float]] = []
    while len(pairs) < min(n, *apart.shape):
        a, b = np.unravel_index(int(np.argmin(apart)), apart.shape)
        pairs.append((int(a), int(b), float(apart[a, b])))
        apart[a, :] = np.inf
        apart[:, b] = np.inf
    return pairs
