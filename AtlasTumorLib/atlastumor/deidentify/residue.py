"""The last look: words that name the patient, in text that the profile does not know of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from .values import DUMMY_TEXT
from .words import is_descriptive

__all__ = ["find_names", "remove_names"]

_IDENTIFIERS = frozenset(
    {
        "PatientID",
        "OtherPatientIDs",
        "AccessionNumber",
        "StudyID",
        "AdmissionID",
        "InstitutionName",
        "PatientAddress",
        "PatientTelephoneNumbers",
        "MedicalRecordLocator",
    }
)
_TEXT = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_SHORTEST = 3  # characters; shorter parts of names are in many words


def find_names(dataset: Dataset) -> frozenset[str]:
    """Find the words by which people and places could be recognized.

    Args:
        dataset: As it came; sequences are looked into.

    Returns:
        Parts of names and whole identifiers, lower case, of at least 3 characters; none that are
        words for scans too, as the name Colon is.
    """
    words = {word for element in _walk(dataset) for word in _list_words(element)}
    return frozenset(w for w in words if len(w) >= _SHORTEST and not is_descriptive(w))


def remove_names(dataset: Dataset, names: frozenset[str]) -> int:
    """Replace every text in which such a word still is.

    Args:
        dataset: After the profile; changed in place, sequences too.
        names: From `find_names`.

    Returns:
        How many values were replaced.
    """
    if not names:
        return 0
    pattern = re.compile("|".join(map(_to_pattern, sorted(names))), re.IGNORECASE)
    n_replaced = 0
    for element in _walk(dataset):
        is_free = element.VR in _TEXT or element.keyword == "BodyPartExamined"
        if is_free and pattern.search(str(element.value)):
            element.value = DUMMY_TEXT
            n_replaced += 1
    return n_replaced


def _to_pattern(name: str) -> str:
    """A whole word; in scripts that do not part words, anywhere."""
    return rf"(?<!\w){re.escape(name)}(?!\w)" if name.isascii() else re.escape(name)


def _walk(dataset: Dataset) -> Iterator[Any]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _walk(item)
        else:
            yield element


def _list_words(element: Any) -> Iterator[str]:
    values = element.value if element.VM > 1 else [element.value]
    for value in values:
        if isinstance(value, PersonName):
            yield from (word.lower() for word in re.split(r"[\^=\s,.]+", str(value)) if word)
        elif element.keyword in _IDENTIFIERS and value:
            yield str(value).strip().lower()
