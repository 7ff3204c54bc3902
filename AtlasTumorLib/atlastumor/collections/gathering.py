"""From folders of data sets to one cohort: every case read once, copies found, sets divided."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..batch.cases import Problem
from ..errors import InputError, OutOfMemoryError, OutputError
from ..organs import KEYS
from ..scans.input_files import make_text, name_of
from .cases import SPLITS, Annotation, CollectionCase
from .duplicates import (
    compare_fingerprints,
    find_duplicates,
    number_scans,
    take_fingerprint,
)
from .load import load_case

__all__ = ["check_case", "divide_cases", "write_leakage"]

_NO_TEXT = "The name of one of its files or folders is no text in UTF-8; rename it."
_COLUMNS = ("scan", "case", "common", "split", "organs", "tumors", "file")


def check_case(case: CollectionCase) -> CollectionCase | Problem:
    """Read all that a case consists of, so that training need not find out what is wrong.

    Args:
        case: One of a collection.

    Returns:
        The case with its fingerprint, or why it cannot be used.
    """
    files = (case.scan, *(one.path for one in case.labels))
    if any((text := str(file.absolute())) != make_text(text) for file in files):
        return Problem(case.id, _NO_TEXT)
    try:
        scan, _ = load_case(case)
    except (InputError, OutOfMemoryError) as error:
        return Problem(case.id, str(error))
    return replace(case, fingerprint=take_fingerprint(scan))


def divide_cases(
    cases: Sequence[CollectionCase], share: float, *, seed: int = 0
) -> tuple[CollectionCase, ...]:
    """Divide cases into a training and a validation set that have no scan in common.

    A scan, its copies and its parts stay together.

    Args:
        cases: With fingerprints. Those without annotations are for training.
        share: Of the annotated scans, those to validate on, above 0 and below 1.
        seed: Other seeds divide otherwise.

    Returns:
        The same cases with their split; each set has an annotated scan at least.

    Raises:
        InputError: If the share is none, or there are fewer than two annotated scans.
    """
    if not 0.0 < share < 1.0:
        msg = f"The share of the validation set is {share:g}; it lies between 0 and 1."
        raise InputError(msg)
    numbers = number_scans(cases)
    known = {
        n: "" for n, case in zip(numbers, cases, strict=True) if case.annotated != Annotation()
    }
    if len(known) < 2:
        msg = f"There are {len(known)} annotated scans; two are needed to validate on one of them."
        raise InputError(msg)
    for n, case in zip(numbers, cases, strict=True):
        if n in known:
            known[n] = max(known[n], case.fingerprint)
    size = min(max(round(share * len(known)), 1), len(known) - 1)
    validation = set(sorted(known, key=lambda n: _draw(known[n], seed))[:size])
    return tuple(
        replace(case, split=SPLITS[n in validation]) for n, case in zip(numbers, cases, strict=True)
    )


def _draw(fingerprint: str, seed: int) -> bytes:
    """What looks random and is always the same."""
    return hashlib.blake2b(f"{seed}:{fingerprint}".encode(), digest_size=8).digest()


def write_leakage(
    path: Path, cases: Iterable[CollectionCase]
) -> tuple[tuple[CollectionCase, ...], ...]:
    """Write which scans are there more than once, a row per case.

    "common" is how much a case's slices have in common with those of the first case of the scan.

    Args:
        path: The `.csv` file; an earlier one is replaced.
        cases: With fingerprints.

    Returns:
        The groups, as `find_duplicates` gives them.

    Raises:
        OutputError: If it cannot be written.
    """
    groups = find_duplicates(cases)
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(_COLUMNS)
            for number, group in enumerate(groups, start=1):
                table.writerows(_row(number, case, group[0]) for case in group)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        msg = f"{name_of(path)} cannot be written: {error.strerror}. Name another file."
        raise OutputError(msg) from error
    return groups


def _row(number: int, case: CollectionCase, first: CollectionCase) -> list[str]:
    common = compare_fingerprints(case.fingerprint, first.fingerprint)
    organs, tumors = (
        " ".join(key for key in KEYS if key in keys)
        for keys in (case.annotated.organs, case.annotated.tumors)
    )
    return [str(number), case.id, f"{common:.2f}", case.split, organs, tumors, str(case.scan)]
