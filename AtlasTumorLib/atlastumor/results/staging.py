"""Where a result is prepared, and how it is put in place.

Everything is written into a hidden `partial` folder beside the result, which becomes `ready` by one
rename when it is complete. A `ready` folder is moved to its place: by one rename where nothing is
there yet, else file by file, `result.json` leaving first and coming last as the mark of a complete
result. What a killed process left behind is cleared up by the next one: `partial` is deleted,
`ready` is put in place. So there is always the old result or the new one, never a mixture.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = [
    "MANIFEST",
    "SCHEMA",
    "clear_up",
    "list_own_files",
    "make_partial",
    "put_in_place",
    "try_writing",
]

MANIFEST = "result.json"
SCHEMA = "atlastumor-result"

_BACKUP = ".earlier"
_LONGEST_NAME = 150  # bytes; leaves room for what is added, below the 255 of most file systems
_LONGEST_FILE = 60  # characters, of a result's own files


def list_own_files(directory: Path) -> set[str] | None:
    """List the files of a result.

    Args:
        directory: A folder.

    Returns:
        Their names relative to it, with `/`, the manifest too; None if it holds no result of ours,
        or one whose manifest names what lies elsewhere: what is listed may be replaced.
    """
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        names = {*manifest["files"], MANIFEST}
        home = directory.resolve()
        is_own = manifest["schema"] == SCHEMA and all(
            home.joinpath(name).parent.resolve().is_relative_to(home) for name in names
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return None
    return names if is_own else None


def make_partial(directory: Path) -> Path:
    """Make the hidden folder in which a result is prepared.

    Args:
        directory: Where the result is to be; need not exist.

    Returns:
        The folder, empty.

    Raises:
        OSError: If it cannot be made.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = _find_home(directory) / f"{_prefix(directory)}partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    return partial


def try_writing(directory: Path) -> Path:
    """Write a little where a result would be prepared; permissions show only when they are used.

    Args:
        directory: Where the result is to be; need not exist.

    Returns:
        The nearest folder that exists, in which a file was made and removed.

    Raises:
        OSError: If that is not possible.
    """
    home = _find_home(directory)
    while not home.exists():
        home = home.parent
    for part in directory.relative_to(home).parts:
        home.joinpath(part).exists()  # raises where a name is longer than the disk allows
    directory.joinpath("x" * _LONGEST_FILE).exists()
    probe = home / f"{_prefix(directory)}check-{os.getpid()}"
    try:
        probe.write_bytes(b"\0")
    finally:
        probe.unlink(missing_ok=True)
    return home


def put_in_place(partial: Path, directory: Path) -> None:
    """Turn a complete partial folder into the result.

    Args:
        partial: As `make_partial` gave it, now complete, its manifest included.
        directory: Where the result is to be.

    Raises:
        FileExistsError: If somebody else's file has the name of one of the result's.
        OSError: If a rename fails; the earlier result is then back in its place.
    """
    _refuse_strangers(partial, directory)
    ready = partial.with_name(f"{_prefix(directory)}ready-{os.getpid()}")
    partial.replace(ready)
    try:
        _settle(ready, directory)
    except BaseException:
        _undo(ready, directory)
        shutil.rmtree(ready, ignore_errors=True)
        raise


def clear_up(directory: Path) -> None:
    """Finish or remove what killed processes left beside a result.

    Args:
        directory: Where the result is or is to be.

    Raises:
        OSError: If a complete result cannot be put in place.
    """
    for home in (directory.parent, directory):
        for path in _list(home):
            stage, _, process = path.name.removeprefix(_prefix(directory)).partition("-")
            if stage not in {"check", "partial", "ready"} or not process.isdigit():
                continue
            if psutil.pid_exists(int(process)) and not _was_left(path, int(process)):
                continue
            if stage == "ready":
                _settle(path, directory)
            elif stage == "check":
                path.unlink(missing_ok=True)
            shutil.rmtree(path, ignore_errors=True)


def _was_left(path: Path, process: int) -> bool:
    """Whether a process began after a folder was last changed, and so only has its maker's number.

    In a container every run may have the same number.
    """
    try:
        began_s: float = psutil.Process(process).create_time()
        return began_s > path.stat().st_mtime
    except (psutil.Error, OSError):
        return False


def _list(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _prefix(directory: Path) -> str:
    """Start of the hidden folders' names; a hash stands for a very long name."""
    raw = os.fsencode(directory.name)
    short = len(raw) <= _LONGEST_NAME
    return f".{directory.name if short else hashlib.sha256(raw).hexdigest()[:16]}.atlastumor-"


def _find_home(directory: Path) -> Path:
    """Folder that holds the hidden ones: the parent, unless it is another file system or locked."""
    if not directory.is_dir():
        return directory.parent
    within = directory.is_mount() or not os.access(directory.parent, os.W_OK)
    return directory if within else directory.parent


def _refuse_strangers(partial: Path, directory: Path) -> None:
    own = (list_own_files(directory) or set()) | {partial.name}
    for name in list_own_files(partial) or ():
        path = directory / name
        if name not in own and (path.exists() or path.is_symlink()):
            raise FileExistsError(0, "A file of another program is in the way", str(path))


def _settle(ready: Path, directory: Path) -> None:
    """Move a complete folder to its place; may be called again where it was broken off."""
    if not directory.exists():
        ready.replace(directory)
        return
    new = list_own_files(ready)
    if new is not None:  # else the manifest has moved, and it moves last
        backup = ready / _BACKUP
        earlier = (list_own_files(directory) or set()) | (list_own_files(backup) or set())
        waiting = (name for name in earlier if not (backup / name).exists())
        _move(_manifest_first(waiting), directory, backup)
        _move(reversed(_manifest_first(new)), ready, directory)
    shutil.rmtree(ready, ignore_errors=True)


def _undo(ready: Path, directory: Path) -> None:
    """Bring the earlier result back after a failed `_settle`."""
    new = list_own_files(ready)
    if new is None:  # it had not failed before it was through
        return
    _move((name for name in new if not (ready / name).exists()), directory, ready)
    earlier = list_own_files(ready / _BACKUP) or set()
    _move(reversed(_manifest_first(earlier)), ready / _BACKUP, directory)


def _manifest_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name != MANIFEST, name))


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    """Move files that are there, making and removing folders on the way."""
    for name in names:
        if not (source / name).is_file():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).replace(target / name)
        if "/" in name:
            with suppress(OSError):  # others' files, or more of ours to come
                (source / name).parent.rmdir()
