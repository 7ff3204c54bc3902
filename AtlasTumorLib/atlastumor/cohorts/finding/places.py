"""Where to look: wildcards, folders within folders, links, and what lies in each."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path

from ...batch.cases import Problem
from ...errors import InputError
from ...scans.input_files import name_of, refuse, require_path

__all__ = ["Entry", "Folder", "expand", "list_folder", "make_absolute", "make_entry", "walk"]

_MAGIC = re.compile(r"[*?\[]")
_PASSED_OVER = "__MACOSX"
_INPUTS = "scans, folders or zips of them, .csv manifests, or patterns"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file.

    Args:
        path: Absolute; a link's own, in a folder whose links are resolved.
        real: The same, or what the link leads to.
        size_bytes: Of the real one.
        modified_ns: Of the real one, since 1970.
    """

    path: Path
    real: Path
    size_bytes: int
    modified_ns: int

    @property
    def name(self) -> str:
        """Its name, or the link's."""
        return self.path.name


@dataclass(frozen=True)
class Folder:
    """A folder and what is in it, hidden files and folders left out.

    Args:
        path: Absolute, links resolved.
        files: By name.
        folders: Names, sorted.
        problem: Why it cannot be read; empty if it can.
    """

    path: Path
    files: dict[str, Entry] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    problem: Problem | None = None


def expand(text: str) -> list[Path]:
    """Find what a path with wildcards names.

    Args:
        text: With `*`, `?`, `[...]`, and `**` for any number of folders; or any path that exists.

    Returns:
        Paths, sorted; the path itself if it holds no wildcard.

    Raises:
        InputError: If nothing is there.
    """
    path = Path(text).expanduser()
    if not _MAGIC.search(text) or os.path.lexists(path):
        return [require_path(path, give=_INPUTS)]
    parts = path.parts
    first = next(n for n, part in enumerate(parts) if _MAGIC.search(part))
    found = sorted(set(_match(Path(*parts[:first]), parts[first:], ())))
    if not found:
        msg = f"Nothing is named {name_of(path)} there. Check the pattern and the folder before it."
        raise InputError(msg)
    return found


def make_absolute(text: str) -> str:
    """Name an input so that `expand` finds the same from any folder.

    Args:
        text: As `expand` takes it.

    Returns:
        The same, with the current folder before it if it is relative.
    """
    path = Path(text).expanduser()
    if path.is_absolute():
        return str(path)
    here = str(Path.cwd())
    is_pattern = _MAGIC.search(text) is not None and not os.path.lexists(path)
    return str(Path(glob.escape(here) if is_pattern else here, path))


def _match(folder: Path, parts: tuple[str, ...], above: tuple[str, ...]) -> Iterator[Path]:
    """Paths below a folder that fit a pattern; `above` are the real folders on the way."""
    if not parts:
        yield folder
        return
    if parts[0] != "**":
        fits = re.compile(translate(parts[0])).match
        for name in _list_names(folder):
            if fits(name):
                yield from _match(folder / name, parts[1:], above)
        return
    real = os.path.realpath(folder)
    if real in above:  # a link that leads back
        return
    yield from _match(folder, parts[1:], above)
    for name in _list_names(folder):
        if (folder / name).is_dir():
            yield from _match(folder / name, parts, (*above, real))


def _list_names(folder: Path) -> list[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names alone, of 10,000 files
    except (NotADirectoryError, FileNotFoundError, PermissionError):
        return []
    return sorted(name for name in names if not name.startswith("."))


def walk(root: Path, enters: Callable[[Path, Folder | None], bool]) -> Iterator[Folder]:
    """List a folder and all below it, each once, whatever links there are.

    Args:
        root: The folder, absolute and real.
        enters: Whether to look into a folder, given its real path and the folder it is in.

    Yields:
        Folders, each before those in it.
    """
    seen: set[Path] = set()
    waiting: list[tuple[Path, Folder | None]] = [(root, None)]
    while waiting:
        path, parent = waiting.pop()
        if path in seen or not enters(path, parent):
            continue
        seen.add(path)
        folder = list_folder(path)
        yield folder
        inner = (path / name for name in reversed(folder.folders))
        real = (Path(os.path.realpath(one)) if one.is_symlink() else one for one in inner)
        waiting += [(one, folder) for one in real]


def list_folder(path: Path) -> Folder:
    """List one folder.

    Args:
        path: Absolute, links resolved.

    Returns:
        What is in it; broken links, pipes and devices are left out.
    """
    files: dict[str, Entry] = {}
    folders: list[str] = []
    try:
        with os.scandir(path) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        return Folder(path, problem=Problem(path.name, str(refuse(path, error))))
    for entry in listed:
        if entry.name.startswith(".") or entry.name == _PASSED_OVER:
            continue
        with suppress(OSError):  # a link that leads nowhere, or in a circle
            if entry.is_dir():
                folders.append(entry.name)
            elif entry.is_file():
                files[entry.name] = _make_entry(path, entry)
    return Folder(path, files, tuple(folders))


def make_entry(path: Path) -> Entry:
    """Describe a file.

    Args:
        path: Of a regular file, or of a link to one.

    Returns:
        Where it is, its size and age.

    Raises:
        OSError: If it cannot be reached.
    """
    stat, real = path.stat(), Path(os.path.realpath(path))
    own = Path(os.path.realpath(path.parent)) / path.name
    return Entry(own, real, stat.st_size, stat.st_mtime_ns)


def _make_entry(folder: Path, entry: os.DirEntry[str]) -> Entry:
    path, stat = folder / entry.name, entry.stat()
    real = Path(os.path.realpath(path)) if entry.is_symlink() else path
    return Entry(path, real, stat.st_size, stat.st_mtime_ns)
