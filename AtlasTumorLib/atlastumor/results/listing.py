"""Which tumors are shown one by one to people and viewers: thousands of specks help neither."""

from __future__ import annotations

from collections.abc import Iterable

from ..lesions import Lesion

__all__ = ["MAX_LISTED", "is_listed", "pick_listed"]

MAX_LISTED = 100
"""Tumors of one organ; the table of lesions and the record of a result hold all."""


def is_listed(lesion: Lesion) -> bool:
    """Tell whether a lesion is among the largest of its organ.

    Args:
        lesion: Numbered by size within its organ.

    Returns:
        Whether it is.
    """
    return lesion.index <= MAX_LISTED


def pick_listed(lesions: Iterable[Lesion]) -> tuple[Lesion, ...]:
    """Pick the largest lesions of each organ.

    Args:
        lesions: All that were found.

    Returns:
        Those, in the same order.
    """
    return tuple(filter(is_listed, lesions))
