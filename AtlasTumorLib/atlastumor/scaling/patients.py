"""Whom a study learns from and whom it is measured on, and that nobody is in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..collections import (
    CollectionCase,
    check_leakage,
    number_scans,
    read_cohort,
    take_fingerprint,
)
from ..errors import InputError
from ..progress import Progress, ignore_progress
from ..scans import read_scan
from .config import ScalingConfig

__all__ = ["Patients", "draw_subset", "read_patients"]

_STREAM = 7  # keeps the drawing of subsets apart from what else follows from a seed


@dataclass(frozen=True)
class Patients:
    """The scans of a study.

    Args:
        pool: To draw subsets from: the cases of each scan, more than one where a scan is there
            under several names.
        held_out: The cases of each set to evaluate on.
    """

    pool: tuple[tuple[CollectionCase, ...], ...]
    held_out: Mapping[str, tuple[CollectionCase, ...]]


def read_patients(config: ScalingConfig, *, progress: Progress = ignore_progress) -> Patients:
    """Read the cohorts of a study, and make sure that nobody learned from is evaluated on.

    Args:
        config: The study's.
        progress: Told after every scan that must be read, as its cohort has no fingerprint of it.

    Returns:
        The cases, those to learn from grouped by scan.

    Raises:
        InputError: If a cohort cannot be read, two cases have one id, a scan is in both parts, a
            set is empty, or there are fewer scans than the largest subset needs.
    """
    pool = [
        replace(case, split="train")
        for path in config.cohorts
        for case in read_cohort(path).cases
        if case.split != "validation"
    ]
    held_out = {
        name: [
            replace(case, split="validation")
            for case in read_cohort(path).cases
            if case.split != "train"
        ]
        for name, path in config.held_out.items()
    }
    _check_ids(pool, held_out)
    everyone = [*pool, *(case for cases in held_out.values() for case in cases)]
    known = _take_fingerprints(everyone, progress)
    check_leakage(known.values())
    groups: dict[int, list[CollectionCase]] = {}
    for case, number in zip(pool, number_scans([known[c.id] for c in pool]), strict=True):
        groups.setdefault(number, []).append(known[case.id])
    if len(groups) < config.sizes[-1]:
        msg = (
            f"The cohorts hold {len(groups)} different scans to learn from; the largest subset is "
            f"to have {config.sizes[-1]}. Name more cohorts or smaller sizes."
        )
        raise InputError(msg)
    sets = {name: tuple(known[case.id] for case in cases) for name, cases in held_out.items()}
    return Patients(tuple(tuple(group) for group in groups.values()), sets)


def _check_ids(
    pool: Sequence[CollectionCase], held_out: Mapping[str, Sequence[CollectionCase]]
) -> None:
    for name, cases in held_out.items():
        if not cases:
            msg = f"The set '{name}' holds no case to evaluate on; its split must not be 'train'."
            raise InputError(msg)
    ids = Counter(case.id for cases in (pool, *held_out.values()) for case in cases)
    twice = next((one for one, n in ids.items() if n > 1), None)
    if twice is not None:
        msg = (
            f"Two cases of the study have the id '{twice}'. Nobody may be learned from and "
            "evaluated on: decide on the splits, or rename one."
        )
        raise InputError(msg)


def _take_fingerprints(
    cases: Sequence[CollectionCase], progress: Progress
) -> dict[str, CollectionCase]:
    """Read the scans whose fingerprint no cohort holds; cases by id."""
    known: dict[str, CollectionCase] = {}
    for number, case in enumerate(cases, start=1):
        if not case.fingerprint:
            case = replace(case, fingerprint=take_fingerprint(read_scan(case.scan)))
            progress(number / len(cases), "Looking for copies of scans")
        known[case.id] = case
    return known


def draw_subset(
    pool: Sequence[tuple[CollectionCase, ...]], n: int, seed: int
) -> tuple[CollectionCase, ...]:
    """Draw n scans; a larger subset of the same seed holds every smaller one.

    Args:
        pool: The cases of each scan.
        n: Number of scans, at most as many as there are.
        seed: The same seed gives the same order.

    Returns:
        Their cases.
    """
    order = np.random.default_rng([seed, _STREAM]).permutation(len(pool))
    return tuple(_flatten(pool[number] for number in order[:n]))


def _flatten(groups: Iterable[tuple[CollectionCase, ...]]) -> Iterable[CollectionCase]:
    return (case for group in groups for case in group)
