"""One scan under two names.

Public collections are made of one another, and synthetic tumors are grown in scans that are also
there without. A model looks better than it is where one is trained on and the other validated on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import AtlasTumorError, InputError
from ..progress import Progress, ignore_progress
from ..scans import read_scan
from ..volume import Scan
from .cases import SPLITS, CollectionCase

__all__ = [
    "check_leakage",
    "compare_fingerprints",
    "fill_fingerprints",
    "find_duplicates",
    "number_scans",
    "take_fingerprint",
]

_LOW_HU, _HIGH_HU = -500, 1000
_LEAST_VALUES = 32  # fewer different HU are no slice of a patient
_KEPT, _DIGITS = 16, 16


def take_fingerprint(scan: Scan) -> str:
    """Hash what copies of a scan have in common.

    Each slice along each axis is hashed by how many of its voxels have each HU above -500 (those
    above 1000 count as one), and of every axis the smallest hashes are kept. So it is the same
    however a copy is turned, mirrored, packed, named or rescaled, whatever its header says of
    orientation and spacing, and whatever stands for nothing around the body. A part of the scan,
    and one with a synthetic tumor, have many slices in common with it. Slices of two patients
    never agree in fifteen hundred counts by chance.

    Args:
        scan: The scan, HU.

    Returns:
        Up to 48 hashes of 16 hexadecimal digits, smallest first; "" if no slice shows a patient.

    Source:
        Broder, Compression and Complexity of Sequences 1997 (the smallest hashes of two sets tell
        how much the sets have in common).
    """
    kept: set[str] = set()
    for axis in range(3):
        hashes = {_hash_slice(plane) for plane in np.moveaxis(scan.array, axis, 0)}
        kept |= set(sorted(hashes - {""})[:_KEPT])
    return "".join(sorted(kept))


def _hash_slice(plane: npt.NDArray[Any]) -> str:
    whole = plane if plane.dtype.kind == "i" else np.rint(plane)
    numbers = np.clip(whole, _LOW_HU, _HIGH_HU).astype(np.int16).ravel(order="K") - _LOW_HU
    counts = np.bincount(numbers, minlength=_HIGH_HU - _LOW_HU + 1)[1:]
    if np.count_nonzero(counts) < _LEAST_VALUES:
        return ""
    return hashlib.blake2b(counts.astype("<i4").tobytes(), digest_size=_DIGITS // 2).hexdigest()


def compare_fingerprints(one: str, other: str) -> float:
    """Estimate how much two scans have in common.

    Args:
        one: A fingerprint.
        other: Another.

    Returns:
        The share of their slices that are alike, roughly; 1 for copies.
    """
    first, second = _split(one), _split(other)
    return len(first & second) / max(len(first), len(second), 1)


def _split(fingerprint: str) -> set[str]:
    return {fingerprint[n : n + _DIGITS] for n in range(0, len(fingerprint), _DIGITS)}


def number_scans(cases: Sequence[CollectionCase]) -> list[int]:
    """Number the scans of cases; copies, parts and scans with other tumors share a number.

    Args:
        cases: Of one cohort or several; one without a fingerprint is like those of its file only.

    Returns:
        A number for each case, in order from 0 on.
    """
    group = list(range(len(cases)))

    def root(n: int) -> int:
        while group[n] != n:
            n = group[n]
        return n

    seen: dict[str, int] = {}
    for n, case in enumerate(cases):
        for part in (str(case.scan.resolve()), *_split(case.fingerprint)):
            low, high = sorted((root(n), root(seen.setdefault(part, n))))
            group[high] = low
    roots = [root(n) for n in range(len(cases))]
    order = {first: number for number, first in enumerate(dict.fromkeys(roots))}
    return [order[one] for one in roots]


def find_duplicates(cases: Iterable[CollectionCase]) -> tuple[tuple[CollectionCase, ...], ...]:
    """Find scans that are there more than once, whole or in part.

    Args:
        cases: Of one cohort or several; the scan of one without a fingerprint is read.

    Returns:
        Groups of two and more cases of one scan, in order of their first.

    Raises:
        InputError: If a scan must be read and cannot be.
    """
    listed = list(cases)
    return _group([case if case.fingerprint else _take(case) for case in listed], listed)


def _group(
    known: Sequence[CollectionCase], listed: Sequence[CollectionCase]
) -> tuple[tuple[CollectionCase, ...], ...]:
    groups: dict[int, list[CollectionCase]] = {}
    for number, case in zip(number_scans(known), listed, strict=True):
        groups.setdefault(number, []).append(case)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _take(case: CollectionCase) -> CollectionCase:
    return replace(case, fingerprint=take_fingerprint(read_scan(case.scan)))


def fill_fingerprints(
    cases: Sequence[CollectionCase], *, progress: Progress = ignore_progress
) -> list[CollectionCase]:
    """Read the scans whose fingerprint no cohort holds.

    Args:
        cases: Of one cohort or several.
        progress: Told after every scan that is read.

    Returns:
        The cases with their fingerprints. One whose scan cannot be read stays without: it is
        skipped later, and named then.
    """
    filled: list[CollectionCase] = []
    for case in cases:
        known = case
        if not case.fingerprint:
            with suppress(AtlasTumorError):
                known = _take(case)
            progress(0.0, "Looking for copies of scans")
        filled.append(known)
    return filled


def check_leakage(cases: Iterable[CollectionCase]) -> None:
    """Refuse to validate on a scan that is trained on under another name.

    Args:
        cases: Of one cohort or several; those of no split are trained on. Of one without a
            fingerprint only the file is compared.

    Raises:
        InputError: If a scan is in both sets, whole or in part; names two of its cases.
    """
    for group in _group(listed := list(cases), listed):
        held = [case for case in group if case.split == SPLITS[1]]
        trained = [case for case in group if case.split != SPLITS[1]]
        if held and trained:
            msg = (
                f"'{held[0].id}' is for validation, but '{trained[0].id}' is a copy of its scan, "
                "or a part or a change of it, and is trained on. Give both one split, or collect "
                "their folders together."
            )
            raise InputError(msg)
