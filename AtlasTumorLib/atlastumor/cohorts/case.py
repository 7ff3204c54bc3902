"""A scan of a cohort, before anything was done to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["CohortCase"]


@dataclass(frozen=True)
class CohortCase:
    """A scan to be segmented.

    Args:
        id: Unique in the cohort, fit for the name of a folder on every system, and the same
            whenever the same cohort is found again. Says nothing of the patient that the name of
            the file or folder does not say; DICOM series are named by a hash.
        path: File, folder or archive, absolute, as `scans.read_scan` takes it.
        series: DICOM series UID; None for other formats.
        size_bytes: Of all its files together; with the next, tells at a resume whether the input is
            still the same.
        modified_ns: Latest modification of its files, in nanoseconds since 1970.
    """

    id: str
    path: Path
    series: str | None = None
    size_bytes: int = 0
    modified_ns: int = 0
