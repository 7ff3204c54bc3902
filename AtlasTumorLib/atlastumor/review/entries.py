"""What one line of a review's audit log says, and what the review as a whole rests on.

A line is complete in itself: who decided what about which candidate of which scan, when, in which
role, for which model at which threshold, and how long the scan had been shown.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from ..errors import InputError
from ..provenance import to_plain

__all__ = ["DECISIONS", "KINDS", "ROLES", "Basis", "Entry", "check_reader", "make_basis"]

ROLES = ("remove-false-positives", "revise")
"""Stage 3: candidates are kept or removed. Stage 4: missed tumors and borders too."""

DECISIONS = ("accept", "reject", "add", "border")
"""What a reader decides, and what undo takes back."""

KINDS = ("begin", "show", *DECISIONS, "undo", "done", "leave", "repair")
"""begin: the first line; show, leave: a scan comes up, goes; done: a scan is finished in a role;
repair: the line before was torn by a crash and does not count."""

_LONGEST_NAME = 80
_MORE_OF = {"revise": DECISIONS, "remove-false-positives": ("accept", "reject")}


@dataclass(frozen=True)
class Basis:
    """What a review rests on; decisions made on another basis do not belong to it.

    Args:
        cohort: Hash of the cases' names, hex.
        n_cases: How many there are.
        model_id: The model card's id.
        weights_sha256: Hash of the weights that made the maps, hex; empty if unknown.
        thresholds: Probability from which a voxel is a candidate's, by organ key.
        min_volume_mm3: Smallest candidate, mm3.
    """

    cohort: str
    n_cases: int
    model_id: str
    weights_sha256: str
    thresholds: Mapping[str, float]
    min_volume_mm3: float

    def require_same(self, other: Basis) -> None:
        """Make sure that another basis is this one.

        Args:
            other: Of the review that is to go on.

        Raises:
            InputError: If it differs; the message says in what.
        """
        names = {
            "cohort": "another cohort",
            "n_cases": "another cohort",
            "model_id": "another model",
            "weights_sha256": "other weights of the model",
            "thresholds": "other thresholds",
            "min_volume_mm3": "another smallest candidate",
        }
        for name, what in names.items():
            here, there = getattr(self, name), getattr(other, name)
            if here != there:
                msg = (
                    f"This review was begun with {what} ({_short(here)}, now {_short(there)}). "
                    "Choose what it was begun with, or another folder for a new review."
                )
                raise InputError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Give the basis as what JSON can hold."""
        plain: dict[str, Any] = to_plain(
            {one.name: getattr(self, one.name) for one in fields(self)}
        )
        return plain


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {number:g}" for key, number in value.items())
    text = str(value) or "unknown"
    return text if len(text) <= 40 else f"{text[:12]}..."


def make_basis(
    cases: Iterable[str],
    *,
    model_id: str,
    thresholds: Mapping[str, float],
    weights_sha256: str = "",
    min_volume_mm3: float = 30.0,
) -> Basis:
    """Describe what a review rests on.

    Args:
        cases: Names of the cohort's cases, in any order.
        model_id: The model card's id.
        thresholds: By organ key, in (0, 1].
        weights_sha256: Hash of the weights, hex; empty if unknown.
        min_volume_mm3: Smallest candidate, mm3.

    Returns:
        The basis.

    Raises:
        InputError: If there is no case, no threshold, or one outside (0, 1].
    """
    names = sorted(set(cases))
    if not names or not thresholds:
        msg = "A review needs at least one case and the threshold of at least one organ."
        raise InputError(msg)
    for organ, value in thresholds.items():
        if not 0.0 < value <= 1.0:
            msg = f"The threshold of {organ} is {value:g}; it must lie above 0 and be at most 1."
            raise InputError(msg)
    text = json.dumps(names, ensure_ascii=True)
    return Basis(
        cohort=hashlib.sha256(text.encode()).hexdigest(),
        n_cases=len(names),
        model_id=model_id,
        weights_sha256=weights_sha256,
        thresholds=dict(sorted(thresholds.items())),
        min_volume_mm3=float(min_volume_mm3),
    )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the log.

    Args:
        kind: Of `KINDS`.
        who: The name that the reader typed.
        role: Of `ROLES`; empty where no reader acted.
        scan: The case's name.
        organ: The candidate's or added tumor's organ key.
        candidate: The candidate's key, such as "liver-2"; the log names an added tumor.
        score: The candidate's score, in [0, 1].
        threshold: At which the organ's candidates were made.
        model_id: Model that made the map.
        seconds: How long the scan was shown since the reader's line before, s.
        idle_seconds: How much of a longer break was left out of `seconds`, s.
        voxel: (i, j, k) of an added tumor.
        outline: File of a drawn or edited outline, in the review's folder.
        undoes: Number of the line that is taken back.
        shown: Fingerprint of the scan's candidates; kind "show".
        torn_bytes: Length of the torn line before; kind "repair".
        basis: Kind "begin".
        when: ISO 8601 in UTC, to the millisecond.
        n: Number of the line, from 1; the log gives it.
    """

    kind: str
    who: str = ""
    role: str = ""
    scan: str = ""
    organ: str = ""
    candidate: str = ""
    score: float | None = None
    threshold: float | None = None
    model_id: str = ""
    seconds: float = 0.0
    idle_seconds: float = 0.0
    voxel: tuple[int, int, int] | None = None
    outline: str = ""
    undoes: int | None = None
    shown: str = ""
    torn_bytes: int | None = None
    basis: Mapping[str, Any] | None = None
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    n: int = 0

    def __post_init__(self) -> None:
        """Refuse what the role does not allow."""
        if self.kind not in KINDS:
            msg = f"A review knows no '{self.kind}'."
            raise ValueError(msg)
        if self.kind in ("begin", "repair"):
            return
        check_reader(self.who)
        if self.role not in ROLES:
            msg = f"'{self.role}' is no role; choose one of: {', '.join(ROLES)}."
            raise InputError(msg)
        if self.kind in DECISIONS and self.kind not in _MORE_OF[self.role]:
            msg = (
                "Tumors are added and borders edited in the role 'revise'; now candidates are "
                "only kept or removed. Change the role first."
            )
            raise InputError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold, leaving out what is empty."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        kept = {key: to_plain(value) for key, value in values.items() if value not in (None, "")}
        return {"n": kept.pop("n"), "kind": kept.pop("kind"), **kept}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Entry:
        """Read what `to_dict` gave.

        Args:
            values: Of one line; unknown keys are errors.

        Returns:
            The entry.

        Raises:
            ValueError: If it is none.
            TypeError: If it has an unknown key or lacks its kind.
        """
        known = dict(values)
        if "voxel" in known:
            i, j, k = (int(x) for x in known["voxel"])
            known["voxel"] = (i, j, k)
        return cls(**known)


def check_reader(name: str) -> str:
    """Make sure that a reader has said who they are.

    The name is never taken from the computer: who decides must be who typed it.

    Args:
        name: What was typed.

    Returns:
        The name without blanks around it.

    Raises:
        InputError: If it is empty, too long, or holds control characters.
    """
    text = name.strip()
    if not text:
        msg = "Type your name first; every decision is recorded with it."
        raise InputError(msg)
    if len(text) > _LONGEST_NAME or any(unicodedata.category(x)[0] == "C" for x in text):
        msg = f"A reader's name is one line of at most {_LONGEST_NAME} characters."
        raise InputError(msg)
    return text
