"""Results out: label maps, tables, pictures and a report, in one folder, complete or not at all.

Nothing here needs torch. Formats and pictures load their libraries when they are asked for.
"""

from __future__ import annotations

from .folder import check_output
from .write import FORMATS, write_results

__all__ = ["FORMATS", "check_output", "write_results"]
