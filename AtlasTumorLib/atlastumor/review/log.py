"""The audit log of a review: append-only JSON lines, each on the disk before it counts.

A decision is acknowledged when its line has been written and flushed to the disk (`fsync`); a crash
can therefore tear only a line that nobody was told of. A torn last line is left where it is, closed
with a line break, and a "repair" line behind it says that it does not count.

Several readers may write into one log: each append locks it and first reads what others added.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from ..errors import InputError, OutputError
from ..locking import locked
from .entries import Basis, Entry
from .lines import LogContent, add_entry, begin_content, parse_log

__all__ = ["LOG_NAME", "ReviewLog", "read_log"]

LOG_NAME = "review.jsonl"


def read_log(path: Path) -> LogContent:
    """Read a log without writing to it.

    Args:
        path: The file, or the review's folder.

    Returns:
        What it says.

    Raises:
        InputError: If it is missing, not a review's log, or damaged before its last line.
    """
    file = path / LOG_NAME if path.is_dir() else path
    try:
        data = file.read_bytes()
    except OSError as error:
        msg = f"There is no review at '{path}' ({error.strerror}). Choose the review's folder."
        raise InputError(msg) from error
    content = parse_log(data)
    if content is None:
        msg = f"'{file.name}' holds no complete line; the review never began. Begin a new one."
        raise InputError(msg)
    return content


class ReviewLog:
    """A log that is written to.

    Args:
        folder: The review's folder; made if it is not there.
        basis: What the review rests on; must be that of a log already there.

    Raises:
        InputError: If the log there rests on another basis, or is damaged.
        OutputError: If it cannot be written.
    """

    def __init__(self, folder: Path, basis: Basis) -> None:
        """Begin a log, or go on with the one that is there."""
        self.path = folder / LOG_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _no_writing(error) from error
        with self._locked(create=True) as file:
            # None: new, or torn while its first line was written
            self._content = parse_log(_read_all(file)) or _begin(file, basis)
            _sync_folder(folder)
        self._content.basis.require_same(basis)

    @property
    def content(self) -> LogContent:
        """What the log said when it was last read or written."""
        return self._content

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The lines after the first, those of other readers too."""
        return self._content.entries

    def append(self, entry: Entry) -> Entry:
        """Write a line and wait until it is on the disk.

        Args:
            entry: What it says; its number is given here.

        Returns:
            The entry as it was written. Whoever has it may rely on it.

        Raises:
            OutputError: If it cannot be written; the decision does then not count.
            InputError: If somebody changed or removed the log meanwhile.
        """
        with self._locked() as file:
            content, data = add_entry(self._catch_up(file), entry)
            _write(file, data)
            self._content = content
        return content.entries[-1]

    def refresh(self) -> None:
        """Read what other readers added."""
        with self._locked() as file:
            self._content = self._catch_up(file)

    def _catch_up(self, file: FileIO) -> LogContent:
        """Read on where reading stopped last, or all of it if somebody else has been writing."""
        size = os.fstat(file.fileno()).st_size
        known = self._content
        if size == known.n_bytes:
            return known
        content = parse_log(_read_all(file)) if size > known.n_bytes else None
        if content is None or content.entries[: len(known.entries)] != known.entries:
            msg = (
                "The review's log was shortened or replaced while it was in use. Put it back from "
                "a copy; nothing more is recorded until then."
            )
            raise InputError(msg)
        return content

    @contextmanager
    def _locked(self, *, create: bool = False) -> Iterator[FileIO]:
        """Open the log for this reader alone; by its path, so that a removed file is noticed."""
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            handle = os.open(self.path, flags | (os.O_CREAT if create else 0), 0o644)
            with FileIO(handle, "r+b") as file, locked(handle):
                yield file
        except OSError as error:
            raise _no_writing(error) from error


def _no_writing(error: OSError) -> OutputError:
    return OutputError(
        f"The decision could not be recorded ({error.strerror or error}) and does not count. "
        "Make room, or let the review's folder be written to, and decide again."
    )


def _begin(file: FileIO, basis: Basis) -> LogContent:
    """Write the first line; a torn one, which held no decision, goes."""
    content, line = begin_content(basis)
    file.truncate(0)
    _write(file, line)
    return content


def _read_all(file: FileIO) -> bytes:
    file.seek(0)
    return file.readall()


def _write(file: FileIO, data: bytes) -> None:
    """Write and wait for the disk; a raw file may take fewer bytes than it is given."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a new file's name last, where the system can say so."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
