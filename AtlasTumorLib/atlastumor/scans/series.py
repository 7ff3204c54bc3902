"""What a person needs to know of a DICOM series to choose it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Series"]


@dataclass(frozen=True)
class Series:
    """One DICOM series found in a folder or zip.

    Args:
        uid: Its SeriesInstanceUID.
        description: Its SeriesDescription; empty if it has none.
        modality: Such as "CT" or "MR"; empty if the files do not say.
        n_files: Number of its files.
        shape: Columns, rows and images; zeros where the series holds no images.
        is_candidate: Whether it is a CT volume that `read_scan` would choose by itself.
    """

    uid: str
    description: str
    modality: str
    n_files: int
    shape: tuple[int, int, int]
    is_candidate: bool = False
