"""Reasons of failures without what could name a patient.

Messages quote names of files and folders, which may be names of patients. What is between quotation
marks and what looks like a path is left out.
"""

from __future__ import annotations

import re

__all__ = ["make_anonymous"]

_QUOTED = re.compile(r"'.*'|\".*\"", re.DOTALL)  # from the first to the last: names hold quotes too
_PATH = re.compile(r"\S*[/\\]\S*")
_GONE = "…"


def make_anonymous(reason: str) -> str:
    """Leave out of a message what may name a patient.

    Args:
        reason: A sentence or two, with names of files in quotation marks.

    Returns:
        The same in one line, with an ellipsis for what was left out.
    """
    text = _PATH.sub(_GONE, _QUOTED.sub(_GONE, reason))
    return " ".join(text.split())[:400]
