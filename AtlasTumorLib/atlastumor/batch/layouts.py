"""The folders in which predictions and references come: which file says what.

    prediction   CASE/probabilities/<organ>_tumor.nii.gz   what `atlastumor segment` writes
                 CASE/labels.nii.gz, CASE.nii.gz           AbdomenAtlas 2.0 numbers
                 CASE/segmentations/<mask>.nii.gz          a binary mask per class
    reference    CASE/segmentations/<mask>.nii.gz          AbdomenAtlas; names as in `organs.py`
                 CASE/labels.nii.gz, CASE.nii.gz

Which of several counts is said in `reading.py`. `.nii` will do as well. Names that begin with a dot
or an underscore are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError
from ..organs import KEYS, ORGANS, Organ
from ..scans.input_files import name_of, refuse, require_path

__all__ = [
    "CASE_FOLDER",
    "PROBABILITIES",
    "SEGMENTATIONS",
    "find_labels",
    "find_masks",
    "find_probability",
    "find_tumor_masks",
    "list_places",
    "predicted_organs",
]

CASE_FOLDER = "a folder of cases"
"""What is to be given, for messages."""

PROBABILITIES = "probabilities"
SEGMENTATIONS = "segmentations"
_ENDINGS = (".nii.gz", ".nii")


def list_places(root: Path) -> dict[str, list[Path]]:
    """List the cases of a folder.

    Args:
        root: Folder of predictions or of references.

    Returns:
        Folders and label maps by case name; more than one if a name is there twice.

    Raises:
        InputError: If it cannot be read, is empty, or is itself the folder of one case.
    """
    if not require_path(root, give=CASE_FOLDER).is_dir():
        msg = f"{name_of(root)} is a file; name the folder that holds the cases."
        raise InputError(msg)
    try:
        entries = sorted(path for path in root.iterdir() if path.name[0] not in "._")
    except OSError as error:
        raise refuse(root, error, give=CASE_FOLDER) from error
    if any(path.name in (PROBABILITIES, SEGMENTATIONS) for path in entries):
        msg = f"{name_of(root)} is the folder of one case; name the folder around it."
        raise InputError(msg)
    places: dict[str, list[Path]] = {}
    for path in entries:
        name = path.name if path.is_dir() else _strip(path.name)
        if name is not None:
            places.setdefault(name, []).append(path)
    if not places:
        msg = f"{name_of(root)} holds no case. One is a folder 'CASE' or a file 'CASE.nii.gz'."
        raise InputError(msg)
    return places


def find_labels(place: Path) -> Path | None:
    """Find the label map of a case.

    Args:
        place: The case's folder, or its label map.

    Returns:
        The file, or None if there is none.

    Raises:
        InputError: If there are two.
    """
    return _find(place, "labels") if place.is_dir() else place


def find_probability(place: Path, organ: str) -> Path | None:
    """Find the map of an organ's tumor probabilities.

    Args:
        place: The case's folder, or its label map.
        organ: The organ's key.

    Returns:
        The file, or None if there is none.

    Raises:
        InputError: If there are two.
    """
    return _find(place / PROBABILITIES, f"{organ}_tumor")


def find_masks(place: Path, names: Iterable[str]) -> list[Path]:
    """Find binary masks of a case.

    Args:
        place: The case's folder, or its label map.
        names: File names without their ending.

    Returns:
        Those that are there, in this order.

    Raises:
        InputError: If one is there twice.
    """
    found = (_find(place / SEGMENTATIONS, name) for name in names)
    return [path for path in found if path is not None]


def find_tumor_masks(place: Path, organ: Organ) -> list[Path]:
    """Find the masks that together hold an organ's tumors.

    Args:
        place: The case's folder, or its label map.
        organ: Row of the organ.

    Returns:
        AbdomenAtlas 2.0's own mask if it is there, else all that other data sets file apart.

    Raises:
        InputError: If one is there twice.
    """
    own, *others = organ.tumor_files
    return find_masks(place, [own]) or find_masks(place, others)


def predicted_organs(place: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Tell the tumors of which organs a case predicts.

    Args:
        place: The case's folder, or its label map.

    Returns:
        Organ keys that its label map speaks of, and those that anything of it speaks of. A label
        map speaks of the organs in the record beside it, and without one of all.

    Raises:
        InputError: If a file is there twice.
    """
    labelled = _recorded(place) if find_labels(place) is not None else frozenset()
    others = {organ.key for organ in ORGANS if find_masks(place, organ.tumor_files)}
    others |= {key for key in KEYS if find_probability(place, key) is not None}
    return labelled, labelled | others


def _recorded(place: Path) -> frozenset[str]:
    """Organs in the `result.json` beside a label map; all if it has none."""
    try:
        record = json.loads((place / "result.json").read_text(encoding="utf-8"))
        keys = {str(finding["organ"]) for finding in record["findings"]}
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset(KEYS)
    return frozenset(keys & set(KEYS))


def _strip(name: str) -> str | None:
    """A file's name without its ending; None if it is no NIfTI's."""
    for ending in _ENDINGS:
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return None


def _find(folder: Path, name: str) -> Path | None:
    try:
        found = [path for ending in _ENDINGS if (path := folder / f"{name}{ending}").is_file()]
    except OSError as error:  # such as a folder that belongs to somebody else
        raise refuse(folder, error, give="a case that can be read") from error
    if len(found) > 1:
        msg = f"{name_of(found[0])} and {name_of(found[1])} are both there; keep one."
        raise InputError(msg)
    return found[0] if found else None
