"""Comparing a prediction with a reference: overlap of organs, hits and misses of lesions.

Needs numpy and scipy only.
"""

from __future__ import annotations

from .matching import HIT_RULE, CaseMatch, LesionMatch, match_lesions
from .overlap import dice

__all__ = ["HIT_RULE", "CaseMatch", "LesionMatch", "dice", "match_lesions"]
