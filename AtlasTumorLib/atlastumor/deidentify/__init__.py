"""Patients out of DICOM files: CT series and the results of this software, before they leave.

The Basic Application Level Confidentiality Profile of DICOM PS3.15 Annex E, with keyed replacements
for UIDs, names and dates. Pixels are not changed: what is burned in is refused.
"""

from __future__ import annotations

from .files import DeidentifiedFiles, deidentify_file, deidentify_files
from .options import DeidentifyOptions, make_key

__all__ = [
    "DeidentifiedFiles",
    "DeidentifyOptions",
    "deidentify_file",
    "deidentify_files",
    "make_key",
]
