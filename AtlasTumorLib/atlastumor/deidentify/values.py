"""Values that stand in for what is replaced, and dates that are shifted."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

__all__ = ["DUMMY_TEXT", "make_dummy", "shift_date"]

DUMMY_TEXT = "DEIDENTIFIED"
"""Fits every text representation, the shortest of which has 16 characters."""

_DUMMIES: dict[str, Any] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), DUMMY_TEXT),
    **dict.fromkeys(("DS", "IS"), "0"),
    **dict.fromkeys(("FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"), 0),
    "AS": "000Y",
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "UR": "http://deidentified.invalid",  # RFC 2606
}
_DATE = re.compile(r"(\d{8})(.*)", re.DOTALL)


def make_dummy(vr: str) -> Any:
    """Make a value that is allowed and tells nothing.

    Args:
        vr: Value representation.

    Returns:
        The value; None where there is none, as for bytes.
    """
    return _DUMMIES.get(vr)


def shift_date(text: str, days: int) -> str:
    """Move a date back.

    Args:
        text: DA or DT, of any precision from the day on.
        days: By how much.

    Returns:
        The date with its time as it was; empty if it is no full date.
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return ""
    try:
        moved = datetime.strptime(match[1], "%Y%m%d") - timedelta(days=days)
    except (ValueError, OverflowError):
        return ""
    return moved.strftime("%Y%m%d").rjust(8, "0") + match[2]
