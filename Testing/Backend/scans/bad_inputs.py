"""Inputs that must be refused: what they are, how to make them, and what the message says.

The table serves the reader's tests and those of the command line, where each must end in exit
code 3 with one line and no output.
"""

from __future__ import annotations

from .broken_dicom import BAD_DICOM
from .broken_files import BAD_FILES, BadInput
from .broken_headers import BAD_HEADERS
from .broken_volumes import BAD_VOLUMES

__all__ = ["BAD_INPUTS", "BadInput"]

BAD_INPUTS: list[BadInput] = [*BAD_FILES, *BAD_HEADERS, *BAD_VOLUMES, *BAD_DICOM]
"""(sentence, builder of the input in an empty folder, part of the message)."""
