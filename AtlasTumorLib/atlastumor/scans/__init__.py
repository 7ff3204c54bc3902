"""Scans in: a NIfTI, NRRD or MetaImage file, or a DICOM series as file, folder or zip.

Whatever the format, `read_scan` returns Hounsfield units on the file's own grid, or refuses with
an `InputError` of one sentence or two. Nothing is repaired, resampled or reoriented here.
"""

from __future__ import annotations

from .gate import check_geometry
from .hounsfield import check_hounsfield
from .reader import list_series, read_scan
from .series import Series

__all__ = ["Series", "check_geometry", "check_hounsfield", "list_series", "read_scan"]
