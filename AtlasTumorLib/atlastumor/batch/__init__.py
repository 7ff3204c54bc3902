"""Many cases at once: predictions beside references, measured and reported.

Knows detection, volumes and organs; never the networks, so it needs numpy, scipy and nibabel only.
"""

from __future__ import annotations

from .cohort import (
    Case,
    Cohort,
    Pair,
    Problem,
    collect_problems,
    find_cases,
    organs_of,
    read_pair,
    read_prediction,
    read_probability,
    read_reference,
)

__all__ = [
    "Case",
    "Cohort",
    "Pair",
    "Problem",
    "collect_problems",
    "find_cases",
    "organs_of",
    "read_pair",
    "read_prediction",
    "read_probability",
    "read_reference",
]
