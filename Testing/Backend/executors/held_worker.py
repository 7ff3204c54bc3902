"""Loaded into a worker before its first job: after so many cases it begins no other one.

`dask worker ... --preload Backend.executors.held_worker`; it holds until it is killed.
"""

from __future__ import annotations

import time
from itertools import count

from atlastumor.cohorts import working
from atlastumor.cohorts.outcome import CaseOutcome

__all__ = ["N_CASES"]

N_CASES = 2
_LONGEST_S = 600.0
_run_case, _begun = working.run_case, count()


def run_case(task: working.CaseTask) -> CaseOutcome:
    if next(_begun) >= N_CASES:
        time.sleep(_LONGEST_S)
    return _run_case(task)


working.run_case = run_case  # jobs name their function, so it is this one that is found
