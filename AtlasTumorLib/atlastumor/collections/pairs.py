"""Scans and label maps that lie in two folders under one name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..batch.cases import Problem
from ..batch.layouts import list_places
from ..errors import InputError
from ..scans.input_files import name_of
from .cases import Collection, CollectionCase, LabelFile
from .numbers import Numbering

__all__ = ["CHANNEL", "find_folder_pairs", "find_within", "list_files", "pair_files"]

CHANNEL = "_0000"
"""What nnU-Net, and data sets after its fashion, put behind the name of a scan."""

_PARTNERS = (("images", "labels"), ("Img", "Mask"))
_DEEPEST = 2


def find_within(root: Path, pattern: str) -> list[Path]:
    """Find what a pattern names in a folder and two levels below it, but in no hidden folder.

    Archives packed on a Mac bring a folder `__MACOSX` with the same names and no data.
    """
    levels = ("*/" * depth + pattern for depth in range(_DEEPEST + 1))
    found = (path for level in levels for path in root.glob(level))
    return sorted(p for p in found if all(n[0] not in "._" for n in p.relative_to(root).parts))


def find_folder_pairs(root: Path) -> list[tuple[Path, Path]]:
    """Find folders of scans beside which there is one of label maps.

    Args:
        root: Folder of a data set.

    Returns:
        Such as (imagesTr, labelsTr), (imagesVa, labelsVa) and (TrainingImg, TrainingMask).
    """
    pairs = []
    for images in sorted(path for path in root.iterdir() if path.is_dir()):
        for scans, masks in _PARTNERS:
            labels = images.with_name(images.name.replace(scans, masks))
            if labels != images and labels.is_dir():
                pairs.append((images, labels))
    return pairs


def list_files(folder: Path) -> dict[str, list[Path]]:
    """List the NIfTI files of a folder by name without ending; hidden ones are passed over."""
    places = list_places(folder)
    files = {name: [path for path in paths if path.is_file()] for name, paths in places.items()}
    return {name: paths for name, paths in files.items() if paths}


def pair_files(
    scans: Mapping[str, Iterable[Path]],
    labels: Mapping[str, Iterable[Path]],
    number: Callable[[Path], Numbering],
) -> Collection:
    """Make cases of scans and label maps of one name.

    Args:
        scans: Files by name, which may have `CHANNEL` behind it.
        labels: Files by name.
        number: Says what the values of a label map mean.

    Returns:
        The cases, and what stands alone or is there twice.
    """
    cases: list[CollectionCase] = []
    problems: list[Problem] = []
    notes: dict[str, None] = {}
    named: dict[str, list[Path]] = {}
    for name, paths in scans.items():
        named.setdefault(_match(name, labels), []).extend(paths)
    for name in sorted({*named, *labels}):
        try:
            scan = _take(named.get(name, []), "scan")
            path = _take(list(labels.get(name, [])), "label file")
            numbering = number(path)
        except InputError as error:
            problems.append(Problem(name, str(error)))
            continue
        notes |= dict.fromkeys(numbering.notes)
        file = LabelFile(path, numbering.values)
        cases.append(CollectionCase(name, scan, (file,), numbering.annotated))
    return Collection(tuple(cases), tuple(problems), tuple(notes))


def _match(name: str, labels: Mapping[str, object]) -> str:
    """The name under which a scan's label map goes."""
    return name if name in labels else name.removesuffix(CHANNEL)


def _take(paths: list[Path], what: str) -> Path:
    if len(paths) > 1:
        names = " and ".join(name_of(path) for path in paths)
        msg = f"Its {what} is there more than once, as {names}; keep one."
        raise InputError(msg)
    if not paths:
        msg = f"It has no {what}; add it, or remove the rest of the case."
        raise InputError(msg)
    return paths[0]
