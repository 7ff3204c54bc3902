"""From the names that a model gives its labels to the organs and tumors of our table.

A name counts if every word of it is known: "liver", "left kidney", "Pancreas_Tumour", "hepatic
lesion". A tumor without an organ belongs to the only organ that the model outlines. Whatever
else a model knows ("spleen", "hepatic vessel", "kidney cyst") is "other"; what could be of several
organs is refused, for the user to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ...organs import KEYS, ORGANS, find_organ
from .fields import list_some

__all__ = ["assign_outputs", "read_meaning"]

_TUMOR_WORDS = {
    *("tumor", "tumors", "tumour", "tumours", "lesion", "lesions", "mass", "masses"),
    *("cancer", "cancers", "carcinoma", "adenocarcinoma", "neoplasm", "neoplasms", "endometrioma"),
    *("malignant", "metastasis", "metastases", "hcc", "pdac", "rcc"),
}
_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
_IDLE_WORDS = {
    *("the", "of", "class", "label", "organ", "whole", "parenchyma", "primary", "primaries"),
    *("cell", "ductal"),
}
_JOINING_WORDS = {"and", "with", "plus", "including", "incl"}
_ANY_WORDS = {"any"}
_BACKGROUND_WORDS = {"background", "bg"}
_ORGAN_WORDS = {word: organ.key for organ in ORGANS for word in organ.words}
_OTHER, _ANY = "other", "lesion"
_MOST_NAMED = 40
_MOST_LABELS = 256


@dataclass(frozen=True)
class _Meaning:
    """What a label stands for; a tumor without organ is one whose organ the name does not say."""

    kind: str
    organ: str | None = None
    side: str | None = None


def read_meaning(name: str) -> tuple[str, str | None, str | None]:
    """Read the name of a label.

    Args:
        name: In any spelling, such as "Liver tumour", "kidney_left" or "background".

    Returns:
        (kind, organ, side) as in a card's outputs. "other" for a name that says nothing to us;
        a tumor whose organ the name does not say has None for it.
    """
    meaning = _read(name)
    return meaning.kind, meaning.organ, meaning.side


def assign_outputs(
    names: Sequence[str],
    *,
    activation: str,
    labels: Mapping[str, str] | None = None,
    organ: str | None = None,
) -> list[dict[str, Any]]:
    """Say what each channel of a network means.

    Args:
        names: What the model calls each channel, in channel order.
        activation: "softmax", where channel 0 is the background, "sigmoid" or "regions".
        labels: What some of them mean in the user's words, such as {"PDAC": "pancreas tumor"}; the
            keys are names or channel numbers.
        organ: Key of the organ of tumors whose names do not say it.

    Returns:
        A card's `outputs`.

    Raises:
        InputError: If a label could belong to several organs, two mean the same, or none means
            anything of ours; lists the labels.
        UnknownKeyError: If `organ` names none.
    """
    if not 1 <= len(names) <= _MOST_LABELS:
        msg = f"The model has {len(names)} labels; 1 to {_MOST_LABELS} are possible."
        raise InputError(msg)
    owner = None if organ is None else find_organ(organ).key
    told = {key.strip().lower(): text for key, text in (labels or {}).items()}
    _check_told(told, names)
    texts = [told.get(str(n), told.get(name.strip().lower(), name)) for n, name in enumerate(names)]
    meanings = [_read(text) for text in texts]
    if activation != "softmax":
        meanings = [_Meaning(_OTHER) if m.kind == "background" else m for m in meanings]
    if _Meaning("tumor") in meanings:
        owned = _Meaning("tumor", _find_owner(meanings, names, owner))
        meanings = [owned if meaning == _Meaning("tumor") else meaning for meaning in meanings]
    _check_meanings(meanings, names, activation)
    return [_make_output(number, meaning) for number, meaning in enumerate(meanings)]


def _read(name: str) -> _Meaning:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub("[+&]", " and ", name))
    words = set(re.findall(r"[^\W_]+", spaced.lower())) - _IDLE_WORDS
    organs = {_ORGAN_WORDS[word] for word in words & set(_ORGAN_WORDS)}
    sides = {_SIDES[word] for word in words & set(_SIDES)}
    known = _TUMOR_WORDS | _ANY_WORDS | _JOINING_WORDS | set(_ORGAN_WORDS) | set(_SIDES)
    if words and words <= _BACKGROUND_WORDS:
        return _Meaning("background")
    if words - known or len(organs) > 1 or len(sides) > 1:
        return _Meaning(_OTHER)
    organ = next(iter(organs), None)
    if words & _TUMOR_WORDS and not words & _JOINING_WORDS:
        return _Meaning(_ANY) if words & _ANY_WORDS else _Meaning("tumor", organ)
    return _Meaning(_OTHER) if organ is None else _read_side(organ, sides)


def _read_side(organ: str, sides: set[str]) -> _Meaning:
    """An organ or its half; half of an organ that is not paired is nothing we know."""
    if not sides:
        return _Meaning("organ", organ)
    own = sides & {side.key for side in find_organ(organ).sides}
    return _Meaning("organ", organ, own.pop()) if own else _Meaning(_OTHER)


def _check_told(told: Mapping[str, str], names: Sequence[str]) -> None:
    """Raise if the user speaks of labels that there are not, or in words that say nothing."""
    known = {*(name.strip().lower() for name in names), *map(str, range(len(names)))}
    for key, text in told.items():
        if key not in known:
            msg = f"The model has no label '{key}'; its labels are {list_some(names, _MOST_NAMED)}."
            raise InputError(msg)
        if _read(text).kind == _OTHER and text.strip().lower() != _OTHER:
            msg = (
                f"What '{key}' is said to be, '{text}', means nothing here. Say an organ "
                f"({', '.join(KEYS)}), one and 'tumor' or a side, 'background' or 'other'."
            )
            raise InputError(msg)


def _find_owner(meanings: Sequence[_Meaning], names: Sequence[str], owner: str | None) -> str:
    """The organ of tumors whose names do not say it."""
    organs = {meaning.organ for meaning in meanings if meaning.kind == "organ"}
    if owner is not None:
        return owner
    if len(organs) == 1 and (only := organs.pop()) is not None:
        return only
    unclear = [n for n, m in zip(names, meanings, strict=True) if m == _Meaning("tumor")]
    msg = (
        f"Of which organ {list_some(unclear)} is, the model does not say; its labels are "
        f"{list_some(names, _MOST_NAMED)}. Name the organ (organ), or what each label is (labels): "
        "'any lesion' for one of whatever organ."
    )
    raise InputError(msg)


def _check_meanings(meanings: Sequence[_Meaning], names: Sequence[str], activation: str) -> None:
    """Raise if the labels make no outputs of ours."""
    if activation == "softmax" and meanings[0].kind != "background":
        msg = (
            "The model's first label must be the background; its labels are "
            f"{list_some(names, _MOST_NAMED)}."
        )
        raise InputError(msg)
    ours = [meaning for meaning in meanings if meaning.organ is not None or meaning.kind == _ANY]
    if not ours:
        msg = (
            "None of the model's labels means an organ of ours: "
            f"{list_some(names, _MOST_NAMED)}. Say what they are (labels), such as '1' = 'liver' "
            "and '2' = 'liver tumor'."
        )
        raise InputError(msg)
    for meaning in ours:
        same = [n for n, m in zip(names, meanings, strict=True) if m == meaning]
        if len(same) > 1:
            msg = (
                f"The labels {list_some(same)} mean the same ({meaning.kind}, "
                f"{meaning.organ or 'any organ'}). Say which of them counts and call the others "
                "'other' (labels)."
            )
            raise InputError(msg)


def _make_output(channel: int, meaning: _Meaning) -> dict[str, Any]:
    side = {} if meaning.side is None else {"side": meaning.side}
    return {"channel": channel, "kind": meaning.kind, "organ": meaning.organ, **side}
