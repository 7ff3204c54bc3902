"""Public data sets, as they are unpacked, into one partially labelled cohort.

Recognizes a folder's layout, says of each scan what was annotated in it, reads it in AbdomenAtlas
2.0's numbers, and finds scans that are there under two names. Knows batch, scans and organs; needs
numpy, scipy and nibabel only.
"""

from __future__ import annotations

from .cases import (
    SPLITS,
    UNKNOWN,
    Annotation,
    Collection,
    CollectionCase,
    LabelFile,
    join_collections,
)
from .cohort_file import read_cohort, write_cohort
from .duplicates import (
    check_leakage,
    compare_fingerprints,
    fill_fingerprints,
    find_duplicates,
    number_scans,
    take_fingerprint,
)
from .gathering import check_case, divide_cases, write_leakage
from .load import load_case
from .recognizing import KINDS, read_collection, recognize_collection

__all__ = [
    "KINDS",
    "SPLITS",
    "UNKNOWN",
    "Annotation",
    "Collection",
    "CollectionCase",
    "LabelFile",
    "check_case",
    "check_leakage",
    "compare_fingerprints",
    "divide_cases",
    "fill_fingerprints",
    "find_duplicates",
    "join_collections",
    "load_case",
    "number_scans",
    "read_cohort",
    "read_collection",
    "recognize_collection",
    "take_fingerprint",
    "write_cohort",
    "write_leakage",
]
