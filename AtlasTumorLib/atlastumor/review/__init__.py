"""Reading candidates the way the SMART-Annotator does: stages 3 and 4 of its loop.

One reader removes false positives, another adds missed tumors and mends borders. Every decision is
a line of an append-only log (`log`); what holds is a fold over it (`state`); what comes next is a
queue by score (`queue`). `times` measures what it took, `export` writes the reviewed truth.

Nothing here needs torch or a window. The panel in 3D Slicer is one way to use it.

Source:
    Chen et al., "Scaling Tumor Segmentation: Best Lessons from Real and Synthetic Data", ICCV 2025,
    section 3.1. Differs: there, no audit log, scores or rule for candidates are described.
"""

from __future__ import annotations

from .entries import DECISIONS, ROLES, Basis, Entry, check_reader, make_basis
from .log import LOG_NAME, ReviewLog, read_log
from .outlines import Outline, load_outline, make_ball, make_outline, save_outline
from .queue import Item, find_next, find_next_scan, identify_items, make_items
from .state import ReviewState, ScanState, find_undoable, fold
from .times import IDLE_LIMIT_S, ReviewTimes, Stopwatch, measure_times

__all__ = [
    "DECISIONS",
    "IDLE_LIMIT_S",
    "LOG_NAME",
    "ROLES",
    "Basis",
    "Entry",
    "Item",
    "Outline",
    "ReviewLog",
    "ReviewState",
    "ReviewTimes",
    "ScanState",
    "Stopwatch",
    "check_reader",
    "find_next",
    "find_next_scan",
    "find_undoable",
    "fold",
    "identify_items",
    "load_outline",
    "make_ball",
    "make_basis",
    "make_items",
    "make_outline",
    "measure_times",
    "read_log",
    "save_outline",
]
