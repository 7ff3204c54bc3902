"""Whom a study learns from and whom it is measured on, and that nobody is in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from ..collections import (
    Annotation,
    CollectionCase,
    check_leakage,
    number_scans,
    read_cohort,
    take_fingerprint,
)
from ..errors import InputError
from ..organs import KEYS
from ..progress import Progress, ignore_progress
from ..scans import read_scan
from .config import ScalingConfig

__all__ = ["Patients", "draw_subset", "read_patients", "teaches"]

_STREAM = 7  # keeps the drawing of subsets apart from what else follows from a seed


@dataclass(frozen=True)
class Patients:
    """The scans of a study.

    Args:
        pool: To draw subsets from: the cases of each scan, more than one where a scan is there
            under several names.
        held_out: The cases of each set to evaluate on, annotated for the tumors that any of the
            pool teaches and no others.
    """

    pool: tuple[tuple[CollectionCase, ...], ...]
    held_out: Mapping[str, tuple[CollectionCase, ...]]


def teaches(case: CollectionCase, organs: Iterable[str] | None) -> bool:
    """Tell whether anything can be learned from a case.

    Args:
        case: One to learn from.
        organs: Keys of the organs to learn; None for all.

    Returns:
        Whether it is annotated for one of them or for its tumors.
    """
    return not (case.annotated.organs | case.annotated.tumors).isdisjoint(organs or KEYS)


def read_patients(config: ScalingConfig, *, progress: Progress = ignore_progress) -> Patients:
    """Read the cohorts of a study, and make sure that nobody learned from is evaluated on.

    Args:
        config: The study's.
        progress: Told after every scan that must be read, as its cohort has no fingerprint of it.

    Returns:
        The cases, those to learn from grouped by scan.

    Raises:
        InputError: If a cohort cannot be read, two cases have one id, a scan is in both parts,
            nothing can be measured on a set, or there are fewer scans that teach anything than the
            largest subset needs.
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
    organs = config.training.organs
    useful = _group_useful([known[case.id] for case in pool], organs)
    if len(useful) < config.sizes[-1]:
        msg = (
            f"The cohorts hold {len(useful)} different scans to learn from; the largest subset is "
            f"to have {config.sizes[-1]}. Name more cohorts or smaller sizes."
        )
        raise InputError(msg)
    taught = {key for group in useful for case in group for key in case.annotated.tumors}
    taught &= set(organs or KEYS)
    sets = {
        name: _choose_measurable(name, [known[case.id] for case in cases], taught)
        for name, cases in held_out.items()
    }
    return Patients(tuple(useful), sets)


def _group_useful(
    cases: Sequence[CollectionCase], organs: Iterable[str] | None
) -> list[tuple[CollectionCase, ...]]:
    """Put the cases of each scan together; scans that teach nothing are left out."""
    groups: dict[int, list[CollectionCase]] = {}
    for case, number in zip(cases, number_scans(cases), strict=True):
        groups.setdefault(number, []).append(case)
    return [tuple(g) for g in groups.values() if any(teaches(case, organs) for case in g)]


def _choose_measurable(
    name: str, cases: Sequence[CollectionCase], taught: Set[str]
) -> tuple[CollectionCase, ...]:
    """Keep the cases of a set that were searched for tumors which are taught, and only these."""
    known = [
        replace(case, annotated=Annotation(case.annotated.organs, case.annotated.tumors & taught))
        for case in cases
    ]
    measurable = tuple(case for case in known if case.annotated.tumors)
    if not measurable:
        tumors = ", ".join(key for key in KEYS if key in taught) or "none"
        msg = (
            f"Nothing can be measured on the set '{name}': no case of it was searched for tumors "
            f"that the scans to learn from show how to find ({tumors}). Name other cohorts, or say "
            "in them under `annotated` which tumors are outlined."
        )
        raise InputError(msg)
    return measurable


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
            case = replace(case, fingerprint=_take_fingerprint(case))
            progress(number / len(cases), "Looking for copies of scans")
        known[case.id] = case
    return known


def _take_fingerprint(case: CollectionCase) -> str:
    try:
        return take_fingerprint(read_scan(case.scan))
    except InputError as error:
        msg = f"The scan of '{case.id}' is needed to look for copies of it: {error}"
        raise InputError(msg) from error


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
