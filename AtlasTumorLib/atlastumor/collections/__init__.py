"""Public data sets, as they are unpacked, into one partially labelled cohort.

Recognizes a folder's layout, says of each scan what was annotated in it, reads it in AbdomenAtlas
2.0's numbers, and finds scans that are there under two names. Knows batch, scans and organs; needs
numpy, scipy and nibabel only.
"""

from __future__ import annotations

from .cases import SPLITS, UNKNOWN, Annotation, Collection, CollectionCase, LabelFile
from .cohort_file import read_cohort, write_cohort

__all__ = [
    "SPLITS",
    "UNKNOWN",
    "Annotation",
    "Collection",
    "CollectionCase",
    "LabelFile",
    "read_cohort",
    "write_cohort",
]
