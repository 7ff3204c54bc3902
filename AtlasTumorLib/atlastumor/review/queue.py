"""What a reader sees next: candidates by falling score, and scans in the cohort's order."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..organs import KEYS
from .state import ReviewState, ScanState

__all__ = ["CandidateLike", "Item", "find_next", "find_next_scan", "identify_items", "make_items"]

Voxel = tuple[int, int, int]


class CandidateLike(Protocol):
    """A candidate as the detection library gives it."""

    @property
    def index(self) -> int:
        """Its number in the candidates' label array."""

    @property
    def volume_ml(self) -> float:
        """Its volume, mL."""

    @property
    def score(self) -> float:
        """Highest probability in it, in [0, 1]."""

    @property
    def center_ijk(self) -> Sequence[int | float]:
        """One of its voxels."""


@dataclass(frozen=True)
class Item:
    """One row of the candidate list.

    Args:
        key: Stable name within the scan, such as "liver-2".
        organ: The organ's key.
        index: The candidate's number; 0 for a tumor that a reader added.
        score: In [0, 1]; NaN for an added tumor.
        volume_ml: mL; NaN for an added tumor.
        voxel: (i, j, k) in it.
    """

    key: str
    organ: str
    index: int
    score: float
    volume_ml: float
    voxel: Voxel


def make_items(
    candidates: Mapping[str, Iterable[CandidateLike]], state: ScanState | None = None
) -> tuple[Item, ...]:
    """Put the candidates of a scan in the order in which they are read.

    Args:
        candidates: By organ key.
        state: Adds the tumors that readers added; None adds none.

    Returns:
        By falling score (ties: organs in table order, then number); added tumors last.
    """
    items = [
        Item(
            f"{organ}-{one.index}",
            organ,
            one.index,
            float(one.score),
            float(one.volume_ml),
            _round(one.center_ijk),
        )
        for organ, found in candidates.items()
        for one in found
    ]
    items.sort(key=lambda item: (-item.score, KEYS.index(item.organ), item.index))
    for key, entry in (state.added if state else {}).items():
        items.append(Item(key, entry.organ, 0, math.nan, math.nan, entry.voxel or (0, 0, 0)))
    return tuple(items)


def identify_items(items: Iterable[Item]) -> str:
    """Give a fingerprint of a scan's candidates, which tells whether its maps are the same.

    Args:
        items: From `make_items`; added tumors do not count.

    Returns:
        16 hexadecimal digits.
    """
    lines = [
        f"{item.key} {item.voxel} {item.volume_ml:.4f} {item.score:.4f}"
        for item in items
        if item.index
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def find_next(
    items: Sequence[Item], state: ScanState, role: str, *, after: str = ""
) -> Item | None:
    """Find the candidate that waits for a decision.

    In the role "revise", what was rejected before does not wait: it was removed.

    Args:
        items: The scan's, in order.
        state: What was decided about the scan.
        role: In which the reader works.
        after: Key from which to look on, then round from the start.

    Returns:
        The item, or None if nothing waits.
    """
    keys = [item.key for item in items]
    start = keys.index(after) + 1 if after in keys else 0
    decided = state.decided.get(role, frozenset())
    for item in (*items[start:], *items[:start]):
        was_removed = role == "revise" and state.is_accepted(item.key) is False
        if item.key not in decided and not was_removed:
            return item
    return None


def find_next_scan(
    cases: Sequence[str], state: ReviewState, role: str, *, after: str = ""
) -> str | None:
    """Find the scan that waits to be read: where one stopped, when a review is resumed.

    Args:
        cases: The cohort's cases, in order.
        state: Of the review.
        role: In which the reader works.
        after: Case from which to look on, then round from the start.

    Returns:
        The case, or None if every one is done in this role.
    """
    start = cases.index(after) + 1 if after in cases else 0
    for case in (*cases[start:], *cases[:start]):
        if role not in state.scan(case).done:
            return case
    return None


def _round(center: Sequence[int | float]) -> Voxel:
    i, j, k = (round(x) for x in center)
    return i, j, k
