"""What the values of a collection's label maps mean: from a table of ours, or by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..organs import ORGANS, Organ
from .cases import UNKNOWN, Annotation, find_whole_organs

__all__ = ["Numbering", "names_cyst", "number_by_alias", "number_by_name"]

_IGNORE = "ignore"
_CYSTS = {"cyst", "cysts"}
_APART = {"vein", "veins", "vessel", "vessels", "artery", "arteries", "prostate"}
"""Words of structures that are no part of an organ, though it may be named beside them."""


@dataclass(frozen=True)
class Numbering:
    """The values of a label map, and what is annotated where they are used.

    Args:
        values: As in `LabelFile`.
        annotated: All that the values can speak of.
        notes: What they leave open, in sentences.
    """

    values: Mapping[int, tuple[int, ...]]
    annotated: Annotation
    notes: tuple[str, ...] = ()


def number_by_alias(collection: str, highest: int) -> Numbering:
    """Take the numbers that the organ table has for a collection.

    Args:
        collection: Key of `Organ.aliases`.
        highest: The collection's last value; those that are no organ's of ours are background.

    Returns:
        What its values mean.
    """
    values: dict[int, tuple[int, ...]] = dict.fromkeys(range(1, highest + 1), ())
    rows = [(organ, organ.aliases[collection]) for organ in ORGANS if collection in organ.aliases]
    for organ, alias in rows:
        halves = [(label,) for label in organ.labels]
        wholes = halves if len(alias.organ) == len(halves) else [organ.labels]
        values |= dict(zip(alias.organ, wholes, strict=False))
        values |= dict.fromkeys(alias.tumor, (organ.tumor_label,))
    annotated = Annotation(
        frozenset(organ.key for organ, alias in rows if alias.organ),
        frozenset(organ.key for organ, alias in rows if alias.tumor),
    )
    return Numbering(values, annotated)


def number_by_name(names: Mapping[int, Sequence[str]], title: str) -> Numbering:
    """Understand values by what a data set calls them.

    A tumor whose name does not say its organ is in the organ that is all else that the data set
    outlines, else in the only one that its title names; without either it is of unknown organ.

    Args:
        names: All names of each value; several where regions overlap, as in nnU-Net.
        title: Of the data set, such as "Task08_HepaticVessel".

    Returns:
        What its values mean. A cyst has a tumor's label, as in AbdomenAtlas 2.0, but a data set
        that names only cysts has not annotated tumors. What else is said of an organ, such as
        "pancreatic PNET", may be a part or a lesion of it and is unknown.
    """
    flat = [name for value in names.values() for name in value]
    owner = _find_owner(flat, title)
    values: dict[int, tuple[int, ...]] = {}
    parts, tumors, notes = set(), set(), dict[str, None]()
    for value, own in names.items():
        found = [_understand(name, owner) for name in own]
        values[value] = _pick(found)
        parts |= {label for kind, _, labels in found if kind == "organ" for label in labels}
        tumors |= {organ.key for kind, organ, _ in found if kind == "tumor" and organ}
        for name, (kind, organ, _) in zip(own, found, strict=True):
            if organ is None and kind in _LEFT_OUT:
                notes[f"'{name}' {_LEFT_OUT[kind]}; it is left out of every loss."] = None
    annotated = Annotation(find_whole_organs(parts), frozenset(tumors))
    return Numbering(values, annotated, tuple(notes))


def names_cyst(name: str) -> bool:
    """Tell whether something is a cyst by its name.

    Args:
        name: Of a label or of a file, such as "kidney_cyst.nii.gz".

    Returns:
        Whether a word of it says so.
    """
    return bool(_CYSTS & set(_words(name)))


_LEFT_OUT = {"tumor": "says no organ", "unclear": "is no name of an organ or tumor that is known"}
_RANKS = {"other": 0, "organ": 1, "unclear": 2, "cyst": 3, "tumor": 4, "void": 5}
_SIDES = ("left", "right")

_Found = tuple[str, Organ | None, tuple[int, ...]]
"""Kind, organ and our labels of a name."""


def _pick(found: Sequence[_Found]) -> tuple[int, ...]:
    """Of all that a value is, what tells most: ignored, a tumor, a cyst, unclear, a half, whole."""
    telling = [one for one in found if one[2]]
    most = max(telling, key=lambda f: (_RANKS[f[0]], f[1] is not None, -len(f[2])), default=None)
    return most[2] if most else ()


def _understand(name: str, owner: Organ | None) -> _Found:
    if name.strip().lower() == _IGNORE:
        return "void", None, (UNKNOWN,)
    kind, key, side = _read(name)
    if kind == "tumor":
        organ = next((organ for organ in ORGANS if organ.key == key), owner)
        return "tumor", organ, (organ.tumor_label if organ else UNKNOWN,)
    if kind != "organ":
        sick = _find_sick(name, owner)
        if sick:
            return "cyst", sick, (sick.tumor_label,)
        return ("unclear", None, (UNKNOWN,)) if _is_unclear(name, kind) else ("other", None, ())
    organ = next(organ for organ in ORGANS if organ.key == key)
    halves = {half.key: (half.label,) for half in organ.sides}
    return "organ", organ, halves.get(side or "", organ.labels)


def _find_sick(name: str, owner: Organ | None) -> Organ | None:
    """The organ of a cyst, such as "renal cyst", or only "cyst" of an owner."""
    rest = set(_words(name)) - _CYSTS - set(_SIDES)
    if not names_cyst(name):
        return None
    return next((o for o in ORGANS if rest and rest <= set(o.words)), None if rest else owner)


def _is_unclear(name: str, kind: str) -> bool:
    """Tell what may be a lesion or a part of an organ of ours: it must not be background."""
    words = set(_words(name))
    is_ours = any(words & set(organ.words) for organ in ORGANS) and not words & _APART
    return is_ours or kind == "lesion" or (names_cyst(name) and words <= _CYSTS | set(_SIDES))


def _find_owner(names: Sequence[str], title: str) -> Organ | None:
    """The organ of tumors whose names do not say it."""
    read = {name: _read(name) for name in names}
    outlined = {key for kind, key, _ in read.values() if kind == "organ"}
    only = next((organ for organ in ORGANS if {organ.key} == outlined), None)
    others = [n for n, (kind, *_) in read.items() if kind == "other" and n.lower() != _IGNORE]
    if only and all(_find_sick(name, only) for name in others):
        return only
    words = set(_words(title))
    titled = [organ for organ in ORGANS if words & set(organ.words)]
    return titled[0] if len(titled) == 1 else None


def _read(name: str) -> tuple[str, str | None, str | None]:
    from ..models.importing.labels import read_meaning  # its package loads torch

    return read_meaning(name)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())
