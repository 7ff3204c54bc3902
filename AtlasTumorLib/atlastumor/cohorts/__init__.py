"""One model over many scans: found, journaled, segmented, tabulated.

Knows scans, inference, results, collections and executors. A case is a scan; what is done to it is
one transaction in a journal, so that a run can be killed at any moment and taken up again. What
needs scipy is imported on first use: a journal is looked at in a moment.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .case import CohortCase

if TYPE_CHECKING:
    from .batch import BatchSummary, retry_failed, run_batch
    from .settings import BatchSettings, make_settings

__all__ = [
    "BatchSettings",
    "BatchSummary",
    "CohortCase",
    "make_settings",
    "retry_failed",
    "run_batch",
]

_HOMES = {
    "BatchSettings": "settings",
    "BatchSummary": "batch",
    "make_settings": "settings",
    "retry_failed": "batch",
    "run_batch": "batch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
