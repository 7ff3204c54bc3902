"""One model over many scans: found, journaled, segmented, tabulated.

Knows scans, inference, results, collections and executors. A case is a scan; what is done to it is
one transaction in a journal, so that a run can be killed at any moment and taken up again.
"""

from __future__ import annotations

from .batch import BatchSummary, retry_failed, run_batch
from .case import CohortCase
from .settings import BatchSettings, make_settings

__all__ = [
    "BatchSettings",
    "BatchSummary",
    "CohortCase",
    "make_settings",
    "retry_failed",
    "run_batch",
]
