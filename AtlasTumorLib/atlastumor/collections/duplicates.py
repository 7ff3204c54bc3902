"""One scan under two names.

Public collections are made of one another, and a copy of a training scan in the validation set
makes a model look better than it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from ..errors import InputError
from ..scans import read_scan
from ..volume import Scan
from .cases import SPLITS, CollectionCase

__all__ = ["check_leakage", "find_duplicates", "take_fingerprint"]

_LOW_HU, _HIGH_HU = -1000, 1000
_SLAB = 32


def take_fingerprint(scan: Scan) -> str:
    """Hash what copies of a scan have in common.

    It is made of how many voxels have each HU above -1000 (those above 1000 count as one), so it is
    the same however a copy is turned, mirrored, packed, named or rescaled, whatever its header
    says of orientation and spacing, and whichever value stands for nothing around the body. Two
    scans never agree in all two thousand counts by chance. A crop, a resampled copy and one with a
    synthetic tumor have other counts and are not found.

    Args:
        scan: The scan, HU.

    Returns:
        32 hexadecimal digits.
    """
    counts = np.zeros(_HIGH_HU - _LOW_HU + 1, np.int64)
    for start in range(0, scan.array.shape[2], _SLAB):
        slab = np.clip(np.rint(scan.array[:, :, start : start + _SLAB]), _LOW_HU, _HIGH_HU)
        numbers = slab.astype(np.int16).ravel(order="K") - _LOW_HU
        counts += np.bincount(numbers, minlength=counts.size)
    return hashlib.blake2b(counts[1:].astype("<i8").tobytes(), digest_size=16).hexdigest()


def find_duplicates(cases: Iterable[CollectionCase]) -> tuple[tuple[CollectionCase, ...], ...]:
    """Find scans that are there more than once.

    Args:
        cases: Of one cohort or several; the scan of one without a fingerprint is read.

    Returns:
        Groups of two and more cases of one scan, in order of their first.

    Raises:
        InputError: If a scan must be read and cannot be.
    """
    groups: dict[str, list[CollectionCase]] = {}
    for case in cases:
        known = case.fingerprint or take_fingerprint(read_scan(case.scan))
        groups.setdefault(known, []).append(case)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def check_leakage(cases: Iterable[CollectionCase]) -> None:
    """Refuse to validate on a scan that is trained on under another name.

    Args:
        cases: Of one cohort or several; those of no split are trained on. Only those with a
            fingerprint are compared.

    Raises:
        InputError: If a scan is in both sets; names its cases.
    """
    for group in find_duplicates(case for case in cases if case.fingerprint):
        first, *others = sorted(group, key=lambda case: case.split == SPLITS[1])
        leaked = [case.id for case in others if case.split == SPLITS[1]]
        if leaked and first.split != SPLITS[1]:
            msg = (
                f"'{leaked[0]}' is for validation, but '{first.id}' is a copy of its scan and is "
                "trained on. Give both one split, or collect the folders together."
            )
            raise InputError(msg)
