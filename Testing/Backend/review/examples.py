"""Reviews for tests: a cohort of three scans, two readers, candidates with known scores."""

from __future__ import annotations

from dataclasses import dataclass

from atlastumor.organs import ORGANS
from atlastumor.review import Basis, Entry, Item, make_basis, make_items

FIRST, SECOND = ORGANS[0].key, ORGANS[1].key
CASES = ("case-1", "case-2", "case-3")
REMOVE, REVISE = "remove-false-positives", "revise"


@dataclass(frozen=True)
class Found:
    """A candidate as the detection library gives it."""

    index: int
    score: float
    volume_ml: float = 1.5
    center_ijk: tuple[int, int, int] = (4, 5, 6)


def a_basis(**changes: object) -> Basis:
    values = {"model_id": "a-model", "thresholds": {FIRST: 0.25, SECOND: 0.4}, **changes}
    return make_basis(values.pop("cases", CASES), **values)  # type: ignore[arg-type]


def items() -> tuple[Item, ...]:
    """By falling score: first-1 (0.9), second-1 (0.7), first-2 (0.5)."""
    return make_items({FIRST: [Found(1, 0.9), Found(2, 0.5)], SECOND: [Found(1, 0.7)]})


def decide(
    kind: str,
    candidate: str = f"{FIRST}-1",
    *,
    who: str = "Ada",
    role: str = REMOVE,
    scan: str = "case-1",
    **more: object,
) -> Entry:
    return Entry(kind=kind, candidate=candidate, who=who, role=role, scan=scan, **more)  # type: ignore[arg-type]
