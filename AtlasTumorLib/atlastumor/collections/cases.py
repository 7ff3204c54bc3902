"""A partially labelled cohort: which scans there are, and what is known about each.

Collections annotate different things in different numbers. A case keeps its files as they came and
says what their values mean, so that nothing is copied or rewritten; `load.py` reads it in our own
numbers. What no annotator looked at is not background: `Annotation` says what was looked at, and a
loss must leave out all else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..batch.cases import Problem
from ..errors import InputError
from ..organs import KEYS, ORGANS

__all__ = [
    "SPLITS",
    "UNKNOWN",
    "Annotation",
    "Collection",
    "CollectionCase",
    "LabelFile",
    "find_whole_organs",
    "join_collections",
]

UNKNOWN = 255
"""Label of a voxel of which nobody said what it is, such as a tumor of an organ left unnamed.

It is no organ's background and no organ's tumor: a loss leaves it out.
"""

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Annotation:
    """What annotators looked at, in the whole of a scan.

    Args:
        organs: Keys of the organs that are outlined wherever they are in view, with their tumors.
        tumors: Keys of the organs whose tumors are all outlined; none there means there is none.

    Raises:
        ValueError: If a key is no organ's.
    """

    organs: frozenset[str] = frozenset()
    tumors: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Check and freeze the fields."""
        for name in ("organs", "tumors"):
            keys = frozenset(getattr(self, name))
            if strange := sorted(keys - set(KEYS)):
                msg = f"There is no organ {strange[0]!r}."
                raise ValueError(msg)
            object.__setattr__(self, name, keys)


def find_whole_organs(labels: Set[int]) -> frozenset[str]:
    """Tell which organs labels speak of with all their parts; half a kidney is none.

    Args:
        labels: Our labels that occur or can occur.

    Returns:
        Organ keys.
    """
    return frozenset(organ.key for organ in ORGANS if labels >= set(organ.labels))


@dataclass(frozen=True)
class LabelFile:
    """A file of labels, and what they mean.

    Args:
        path: Where it is.
        values: Our labels by each value that may occur: none for what is background to us,
            `UNKNOWN` for a tumor of no named organ, and both halves of a paired organ where the
            file does not tell them apart (their sides are then told by where they lie). 0 need
            not be named; it is `UNKNOWN` where only one of perhaps several tumors is outlined.
    """

    path: Path
    values: Mapping[int, tuple[int, ...]] = field(hash=False)

    def __post_init__(self) -> None:
        """Keep a copy; a plain one, as proxies do not travel to other processes."""
        values = {int(value): tuple(labels) for value, labels in self.values.items()}
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class CollectionCase:
    """A scan of a collection.

    Args:
        id: Its name, with the collection's before it; one of its kind in a cohort.
        scan: The CT.
        labels: Its label files; where two speak of a voxel, the later one counts. None at all for
            a scan without annotations.
        annotated: What the files speak of.
        fingerprint: Of the scan's slices, as `take_fingerprint` gives it; "" if it was not taken.
        split: "train" or "validation"; "" if it was not decided.
    """

    id: str
    scan: Path
    labels: tuple[LabelFile, ...] = ()
    annotated: Annotation = field(default_factory=Annotation)
    fingerprint: str = ""
    split: str = ""


@dataclass(frozen=True)
class Collection:
    """What was found in a folder, or in several.

    Args:
        cases: By id.
        problems: Of cases that cannot be used, and why.
        notes: What the layout leaves open and how it was read, in sentences.
    """

    cases: tuple[CollectionCase, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def join_collections(found: Mapping[str, Collection]) -> Collection:
    """Put collections together; each case's id and problem gets its collection's name before it.

    Args:
        found: Collections by name, such as that of their folder.

    Returns:
        All their cases, problems and notes.

    Raises:
        InputError: If two cases of a collection have one id.
    """
    for name, one in found.items():
        twice = [i for i, n in Counter(case.id for case in one.cases).items() if n > 1]
        if twice:
            msg = f"{name} holds two cases '{twice[0]}'; collect its folders one by one."
            raise InputError(msg)
    return Collection(
        tuple(
            replace(case, id=f"{name}/{case.id}")
            for name, one in found.items()
            for case in one.cases
        ),
        tuple(
            Problem(f"{name}/{problem.case}", problem.message)
            for name, one in found.items()
            for problem in one.problems
        ),
        tuple(f"{name}: {note}" for name, one in found.items() for note in one.notes),
    )
