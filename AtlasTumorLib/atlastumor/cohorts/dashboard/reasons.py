"""Why cases failed: alike reasons together, and without what could name a patient."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..anonymous import make_anonymous

__all__ = ["Reason", "Reasons"]

_MOST_NAMED = 6
_NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass
class Reason:
    """A reason and the cases that it stopped.

    Args:
        kind: Class of the error.
        text: Of the first of them, anonymous.
        n: Number of cases.
        cases: Ids of the first few.
    """

    kind: str
    text: str
    n: int = 0
    cases: list[str] = field(default_factory=list)


@dataclass
class Reasons:
    """Reasons, by what is left of them without their numbers."""

    by_text: dict[tuple[str, str], Reason] = field(default_factory=dict)

    def add(self, case: str, kind: str, reason: str) -> None:
        """Add a case.

        Args:
            case: Its id; empty if it is none.
            kind: Class of the error.
            reason: Why it failed.
        """
        text = make_anonymous(reason)
        found = self.by_text.setdefault((kind, _NUMBER.sub("#", text)), Reason(kind, text))
        found.n += 1
        if case and len(found.cases) < _MOST_NAMED:
            found.cases.append(case)

    def ranked(self) -> Sequence[Reason]:
        """The most frequent first."""
        return sorted(self.by_text.values(), key=lambda one: (-one.n, one.text))
