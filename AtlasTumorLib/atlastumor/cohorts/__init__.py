"""One model over many scans: found, journaled, segmented, tabulated.

Knows scans, inference, results, collections and executors. A case is a scan; what is done to it is
one transaction in a journal, so that a run can be killed at any moment and taken up again.
"""

from __future__ import annotations

from .case import CohortCase

__all__ = ["CohortCase"]
