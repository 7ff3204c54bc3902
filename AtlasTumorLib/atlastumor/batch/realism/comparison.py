"""Real and synthetic tumors of two folders, compared organ by organ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ...organs import Organ, select_organs
from ...progress import CancelToken, Progress, ignore_progress, part_of
from ...scans.input_files import name_of, require_path
from ..cases import Problem
from ..layouts import CASE_FOLDER
from .classifier import tell_apart
from .distances import Distance, Group, measure_distances
from .embedding import Plane, find_pairs, find_plane, standardize
from .features import FEATURES
from .tumors import Kind, Tumor, find_tumors

__all__ = ["Comparison", "OrganComparison", "compare_folders"]

_FEWEST = 2
_PAIRS = 4
_APPEARANCE = np.array([not feature.is_size for feature in FEATURES])


@dataclass(frozen=True, eq=False)
class OrganComparison:
    """The tumors of one organ.

    Args:
        organ: Key of the organ.
        n_real: Real tumors.
        n_synthetic: Synthetic tumors.
        wasserstein: Distance by feature, in standard deviations of the real ones.
        ks: Greatest difference of the cumulative distributions by feature, in [0, 1].
        area: Of the classifier that tells them apart by all but size; NaN where it has too few.
        pairs: Nearest pairs, real before synthetic, and their distance in standard deviations of
            the real ones.
    """

    organ: str
    n_real: int
    n_synthetic: int
    wasserstein: Mapping[str, Distance]
    ks: Mapping[str, Distance]
    area: float
    pairs: tuple[tuple[Tumor, Tumor, float], ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that is known of two folders.

    Args:
        tumors: Every tumor that was measured, real ones first.
        organs: The organs that could be compared, in table order.
        plane: Where the tumors lie, in their order.
        problems: What does not count, by case.
        n_samples: How often cases were resampled and shuffled.
        seed: Of that.
    """

    tumors: tuple[Tumor, ...]
    organs: tuple[OrganComparison, ...]
    plane: Plane
    problems: tuple[Problem, ...]
    n_samples: int
    seed: int


def compare_folders(
    real: Path,
    synthetic: Path,
    *,
    organs: Sequence[str] | None = None,
    n_samples: int = 1000,
    seed: int = 0,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> Comparison:
    """Compare the tumors of two folders.

    Args:
        real: Folder of cases with real tumors.
        synthetic: Folder of cases with synthetic ones.
        organs: Keys of the organs that count; None for all.
        n_samples: How often cases are resampled and shuffled; 0 leaves intervals out.
        seed: Of all randomness.
        progress: Told how far it is.
        cancel: Stops between cases and organs.

    Returns:
        What came out; cases that cannot be used are problems in it.

    Raises:
        InputError: If the folders are one, cannot be read, or no organ has two tumors in both.
        UnknownKeyError: If a key names no organ.
        Cancelled: If `cancel` was set.
    """
    rows = select_organs(organs)
    homes = [require_path(one, give=CASE_FOLDER).resolve() for one in (real, synthetic)]
    if homes[0] == homes[1]:
        msg = f"Both folders are {name_of(real)}; name one of real and one of synthetic tumors."
        raise InputError(msg)
    cancel = cancel or CancelToken()
    sides: dict[Kind, Path] = {"real": real, "synthetic": synthetic}
    tumors, problems = _find_all(sides, rows, part_of(progress, 0.0, 0.9), cancel)
    common = _find_common(tumors, rows, problems)
    points = standardize(_make_table(tumors), np.array([one.kind == "real" for one in tumors]))
    plane = find_plane(points)
    compared = []
    for number, organ in enumerate(common):
        cancel.check()
        progress(0.9 + 0.1 * number / len(common), "Comparing tumors")
        own = [tumor for tumor in tumors if tumor.organ == organ]
        compared.append(_compare(organ, own, n_samples, np.random.default_rng(seed)))
    progress(1.0, "Comparing tumors")
    return Comparison(tuple(tumors), tuple(compared), plane, tuple(problems), n_samples, seed)


def _find_all(
    sides: Mapping[Kind, Path], rows: tuple[Organ, ...], progress: Progress, cancel: CancelToken
) -> tuple[list[Tumor], list[Problem]]:
    """Measure the tumors of both folders."""
    tumors: list[Tumor] = []
    problems: list[Problem] = []
    for number, (kind, folder) in enumerate(sides.items()):
        part = part_of(progress, 0.5 * number, 0.5 * (number + 1))
        found, wrong = find_tumors(folder, kind, rows, progress=part, cancel=cancel)
        tumors += found
        problems += [Problem(f"{kind}/{one.case}", one.message) for one in wrong]
    return tumors, problems


def _find_common(
    tumors: Sequence[Tumor], rows: Sequence[Organ], problems: list[Problem]
) -> list[str]:
    """Organs that have enough tumors on both sides; say why others have not."""
    common = []
    lacking = []
    for organ in rows:
        n_real, n_synthetic = (
            sum(tumor.organ == organ.key and tumor.kind == kind for tumor in tumors)
            for kind in ("real", "synthetic")
        )
        if min(n_real, n_synthetic) >= _FEWEST:
            common.append(organ.key)
        elif n_real or n_synthetic:
            lacking.append(f"{organ.name.lower()} {n_real} real and {n_synthetic} synthetic")
    if not common:
        there = f"There are: {', '.join(lacking)}." if lacking else "There is no tumor at all."
        first = f" The first problem: {problems[0].case}: {problems[0].message}" if problems else ""
        msg = f"Two real and two synthetic tumors of one organ are needed. {there}{first}"
        raise InputError(msg)
    for text in lacking:
        problems.append(Problem(text.split()[0], f"Too few tumors to compare: {text}; two needed."))
    return common


def _make_table(tumors: Sequence[Tumor]) -> npt.NDArray[np.float64]:
    """Features, a row per tumor, (N, M)."""
    return np.array([[one.features[f.key] for f in FEATURES] for one in tumors], float)


def _compare(
    organ: str, tumors: Sequence[Tumor], n_samples: int, rng: np.random.Generator
) -> OrganComparison:
    """Compare the tumors of one organ."""
    table = _make_table(tumors)
    is_real = np.array([tumor.kind == "real" for tumor in tumors])
    cases = np.array([tumor.case for tumor in tumors])
    wasserstein, ks = {}, {}
    for column, feature in enumerate(FEATURES):
        real, synthetic = (
            Group(table[side, column], cases[side].tolist()) for side in (is_real, ~is_real)
        )
        both = measure_distances(real, synthetic, rng, n_samples=n_samples)
        wasserstein[feature.key], ks[feature.key] = both
    points = standardize(table, is_real)
    area = tell_apart(points[:, _APPEARANCE], is_real, cases.tolist(), rng)
    ours, theirs = np.flatnonzero(~is_real), np.flatnonzero(is_real)
    pairs = tuple(
        (tumors[theirs[a]], tumors[ours[b]], apart)
        for a, b, apart in find_pairs(points[theirs], points[ours], _PAIRS)
    )
    return OrganComparison(organ, len(theirs), len(ours), wasserstein, ks, area, pairs)
