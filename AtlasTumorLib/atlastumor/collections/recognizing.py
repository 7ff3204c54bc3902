"""Which data set a folder holds, and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..batch.cases import list_some
from ..errors import InputError, UnknownKeyError
from ..organs import find_organ
from ..scans.input_files import name_of, refuse, require_path
from .cases import Annotation, Collection, CollectionCase
from .challenges import (
    is_amos,
    is_flare,
    is_kits,
    is_lits,
    read_amos,
    read_flare,
    read_kits,
    read_lits,
)
from .dataset_json import is_msd, is_nnunet, read_dataset_json
from .folders import is_atlas, read_folders
from .uls import is_uls, read_uls

__all__ = ["KINDS", "read_collection", "recognize_collection"]


@dataclass(frozen=True)
class _Kind:
    """A layout: how it is told, and its reader."""

    recognize: Callable[[Path], bool]
    read: Callable[[Path], Collection]


_WANTED = "the folder of a data set, as unpacked"
_YEARS = ("flare21", "flare22", "flare23")
_KINDS = {
    "nnunet": _Kind(is_nnunet, read_dataset_json),
    "abdomenatlas": _Kind(is_atlas, read_folders),
    "kits": _Kind(is_kits, read_kits),
    **{
        year: _Kind(partial(is_flare, year=year), partial(read_flare, year=year)) for year in _YEARS
    },
    "amos": _Kind(is_amos, read_amos),
    "msd": _Kind(is_msd, read_dataset_json),
    "uls23": _Kind(is_uls, read_uls),
    "lits": _Kind(is_lits, read_lits),
    "folders": _Kind(Path.is_dir, read_folders),
}

KINDS: tuple[str, ...] = tuple(_KINDS)
"""Layouts, in the order in which a folder is tried."""


def recognize_collection(path: Path) -> str:
    """Tell which data set a folder holds.

    Args:
        path: The folder.

    Returns:
        One of `KINDS`; "folders" if it is none of the others.

    Raises:
        InputError: If it is no folder or cannot be read.
    """
    if not require_path(path, give=_WANTED).is_dir():
        msg = f"{name_of(path)} is a file; name the folder of a data set."
        raise InputError(msg)
    try:
        return next(name for name, kind in _KINDS.items() if kind.recognize(path))
    except OSError as error:
        raise refuse(path, error, give=_WANTED) from error


def read_collection(
    path: Path, kind: str | None = None, *, tumors: Iterable[str] = ()
) -> Collection:
    """List the cases of a data set and what is annotated in each.

    Scans are not opened, and label maps only where the layout does not say what is annotated.

    Args:
        path: Its folder, as unpacked.
        kind: One of `KINDS`; None recognizes it.
        tumors: Of use where labels are label maps of the user's own: keys of organs whose tumors
            are outlined wherever the organ is.

    Returns:
        Its cases, the problems of those that cannot be used, and what the layout leaves open.

    Raises:
        InputError: If it cannot be read or holds no case that can be used.
        UnknownKeyError: If there is no such kind or organ.
    """
    name = kind or recognize_collection(path)
    if name not in _KINDS:
        raise UnknownKeyError("kind of collection", name, KINDS)
    vouched = [find_organ(key).key for key in tumors]
    read = _KINDS[name].read
    if read is read_folders:
        read = partial(read_folders, tumors=vouched)
    try:
        found = read(require_path(path, give=_WANTED))
    except OSError as error:
        raise refuse(path, error, give=_WANTED) from error
    if not found.cases:
        first = f" The first problem: {found.problems[0].message}" if found.problems else ""
        msg = (
            f"{name_of(path)}, read as {name}, holds no case that can be used.{first} Name the "
            "folder just above the data, or their kind."
        )
        raise InputError(msg)
    return replace(found, notes=(*found.notes, *_describe_idle(found.cases)))


def _describe_idle(cases: Iterable[CollectionCase]) -> list[str]:
    """Name the cases that have labels of which nothing is known to us."""
    idle = [case.id for case in cases if case.labels and case.annotated == Annotation()]
    if not idle:
        return []
    return [
        f"Cases whose labels outline no organ of ours and no tumor of one, so that nothing can be "
        f"learned from them: {list_some(idle)}. Check the numbers in their label maps."
    ]
