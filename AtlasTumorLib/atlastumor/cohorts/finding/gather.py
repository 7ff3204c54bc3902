"""What the paths that a user named hold, before any of it is opened."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from ...batch.cases import Problem
from ...errors import InputError
from ...progress import CancelToken
from ...scans.input_files import FORMATS, name_of, sniff_format
from .folders import Contents, find_contents, is_label_folder, name_volume, split_name
from .places import Entry, Folder, list_folder, make_entry, walk

__all__ = ["gather"]


def gather(
    paths: Iterable[Path],
    *,
    exclude: Collection[Path] = (),
    cancel: CancelToken | None = None,
    is_literal: bool = False,
) -> Contents:
    """Look through files and folders.

    Args:
        paths: All there.
        exclude: Folders not to look into.
        cancel: Stops it.
        is_literal: Whether files count as scans without a look at what lies beside them.

    Returns:
        What they hold.

    Raises:
        Cancelled: If `cancel` was set.
    """
    barred = {Path(os.path.realpath(path)) for path in exclude}
    found = Contents()
    named: dict[Path, list[str]] = {}
    for path in paths:
        real = Path(os.path.realpath(path))
        if real.is_dir():
            _walk(real, barred, cancel, found)
        elif is_literal:
            own = Contents()
            _sort(make_entry(path), own)
            if own.others:
                _add_neighbors(list_folder(real.parent), own)
            found.add(own)
        elif barred.isdisjoint(real.parents):
            folder = Path(os.path.realpath(path.parent))
            named.setdefault(folder, []).append(path.name)
    above: dict[Path, Folder] = {}
    for place, names in named.items():
        _take_named(place, names, above, found)
    return found


def _walk(root: Path, barred: set[Path], cancel: CancelToken | None, found: Contents) -> None:
    def enters(path: Path, parent: Folder | None) -> bool:
        if cancel is not None:
            cancel.check()
        is_label = parent is not None and is_label_folder(path.name, parent)
        if is_label:
            found.left_out.append(path)
        return path not in barred and not is_label

    for folder in walk(root, enters):
        found.add(find_contents(folder))


def _take_named(place: Path, names: list[str], above: dict[Path, Folder], found: Contents) -> None:
    """Take single files of a folder, with the neighbors of DICOM files, which make the scan."""
    if place.parent not in above:
        above[place.parent] = list_folder(place.parent)
    folder = list_folder(place)
    if is_label_folder(place.name, above[place.parent]):
        found.left_out += [folder.files[name].path for name in names if name in folder.files]
        return
    own = find_contents(folder, names)
    unsure, own.others = own.others, []
    for entry in unsure:
        _sort(entry, own)
    _add_neighbors(folder, own)
    found.add(own)


def _add_neighbors(folder: Folder, own: Contents) -> None:
    if own.others:
        here = {entry.path for entry in own.others}
        around = [one for one in find_contents(folder).others if one.path not in here]
        own.neighbors += [one.path for one in around]
        own.others += around


def _sort(entry: Entry, found: Contents) -> None:
    """File an entry by its ending, or else by what its first bytes say."""
    stem, ending = split_name(entry.name)
    if ending:
        found.volumes.append((entry, name_volume(stem, entry.path.parent)))
        return
    try:
        kind = sniff_format(entry.path)
    except InputError as error:
        found.problems.append(Problem(entry.name, str(error)))
        return
    if kind == "dicom":
        found.others.append(entry)
    elif kind == "zip":
        found.archives.append(entry)
    elif kind in ("", "pair"):
        msg = f"{name_of(entry.path)} is of no known format. Give {FORMATS}."
        found.problems.append(Problem(entry.name, msg))
    else:
        found.volumes.append((entry, name_volume(stem, entry.path.parent)))
