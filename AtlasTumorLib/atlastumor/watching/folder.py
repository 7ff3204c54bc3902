"""A folder into which scans are put: what in it is complete, told by looking again and again.

Looking works on network shares, where the system tells nobody of a change. Time is this computer's
own: a server's clock may be wrong. Every file or folder directly in the watched one is an arrival.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FolderWatch", "is_temporary", "take_signature"]

_TEMPORARY = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".download", "~")

Signature = tuple[tuple[str, int, int], ...]
"""Name, size in bytes and time of change in ns of every file and folder of an arrival."""


def is_temporary(name: str) -> bool:
    """Tell whether a file or folder is still being written by the name that it has.

    Args:
        name: Last part of its path.

    Returns:
        True for hidden ones, which rsync writes, and for endings such as `.part`.
    """
    return name.startswith(".") or name.lower().endswith(_TEMPORARY)


@dataclass
class _Entry:
    """What was last seen of an arrival; `parts` are its folders' times once it was given."""

    signature: Signature
    since_s: float
    parts: dict[Path, int] | None = None


class FolderWatch:
    """Tells which arrivals have become complete.

    An arrival is complete when none of its files has changed for some seconds and none has a
    temporary name; at once if it was seen under a temporary name and then renamed. One that
    changes afterwards is told again: a folder when files come or go, a file when it is replaced.

    Args:
        folder: The one to look into.
        still_s: How long an arrival must have stayed as it is, in seconds.
        clock: Monotonic seconds.
    """

    def __init__(
        self, folder: Path, *, still_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Know nothing yet: what lies in the folder already will be told too."""
        self.folder = folder
        self._still_s = still_s
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._temporary: dict[tuple[int, int], str] = {}
        self._is_closed = False

    def poll(self) -> list[Path]:
        """Look once.

        Returns:
            Arrivals that have become complete since the last look, by name.

        Raises:
            OSError: If the folder itself cannot be read.
        """
        seen = sorted(os.scandir(self.folder), key=lambda one: one.name)
        complete = []
        for one in seen:
            if self._is_closed:
                return []
            if not is_temporary(one.name) and self._look_at(Path(one.path)):
                complete.append(Path(one.path))
        names = {one.name for one in seen}
        self._entries = {name: one for name, one in self._entries.items() if name in names}
        self._temporary = dict(_identify(seen))
        return complete

    def close(self) -> None:
        """Break off the look that another thread is at."""
        self._is_closed = True

    def _look_at(self, path: Path) -> bool:
        """Look at one arrival; whether it has become complete."""
        known = self._entries.get(path.name)
        try:
            if known is not None and known.parts is not None and _times(known.parts) == known.parts:
                return False
            signature, parts = take_signature(path)
            status = path.stat()
        except OSError:  # it is being moved, or the share is away; the next look will tell
            return False
        now = self._clock()
        if known is None or known.signature != signature:
            known = self._entries[path.name] = _Entry(signature, now)
            before = self._temporary.get((status.st_dev, status.st_ino), "")
            if path.name in before:  # a rename: who writes so says that it is complete
                known.since_s = now - self._still_s
        is_complete = now - known.since_s >= self._still_s and not _is_unfinished(signature)
        if is_complete:
            known.parts = parts
        return is_complete


def _identify(entries: list[os.DirEntry[str]]) -> Iterator[tuple[tuple[int, int], str]]:
    """Device and number of what has a temporary name; a rename changes neither."""
    for one in entries:
        if is_temporary(one.name):
            try:
                status = one.stat()
            except OSError:
                continue
            yield (status.st_dev, status.st_ino), one.name


def take_signature(path: Path) -> tuple[Signature, dict[Path, int]]:
    """Look at all files of an arrival.

    Args:
        path: A file or folder.

    Returns:
        Its signature, and the times of its folders, or of the file, in ns.

    Raises:
        OSError: If something cannot be looked at.
    """

    def stop(error: OSError) -> None:
        raise error

    status = path.stat()
    if not path.is_dir():
        return ((path.name, status.st_size, status.st_mtime_ns),), _times([path])
    parts: dict[Path, int] = {}
    found = []
    for root, _, names in os.walk(path, onerror=stop):
        parts[Path(root)] = time_ns = Path(root).stat().st_mtime_ns
        found.append((f"{Path(root).relative_to(path).as_posix()}/", 0, time_ns))
        for name in names:
            file = Path(root, name)
            one = file.stat()
            found.append((file.relative_to(path).as_posix(), one.st_size, one.st_mtime_ns))
    return tuple(sorted(found)), parts


def _times(paths: list[Path] | dict[Path, int]) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in paths}


def _is_unfinished(signature: Signature) -> bool:
    """Whether nothing is there, or a file within still has a temporary name."""
    files = [name for name, _, _ in signature if not name.endswith("/")]
    return not files or any(name.lower().endswith(_TEMPORARY) for name in files)
