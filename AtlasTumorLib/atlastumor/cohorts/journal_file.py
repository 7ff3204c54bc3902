"""The file of a journal: made, opened, checked, and its errors in words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError, OutputError

__all__ = ["SAID_OF_DAMAGE", "connect", "connect_new", "is_begun", "speaking_of", "transaction"]

SAID_OF_DAMAGE = (
    "'{}' is damaged ({}). Run the same `atlastumor batch` again with --rebuild: finished results "
    "are verified and kept."
)
"""With the file and what is wrong."""

_SAID_OF_VERSION = (
    "'{}' was written by a newer version of this software. Update it, or choose another folder."
)
_VERSION = 1
_APPLICATION = 0x41546C73  # "ATls" tells it from other SQLite files
_BUSY_S = 30.0
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE problems (name TEXT NOT NULL, message TEXT NOT NULL) STRICT;
CREATE TABLE cases (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, path BLOB NOT NULL, series TEXT,
    size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'quarantined')),
    token TEXT NOT NULL DEFAULT '', failures INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL DEFAULT '',
    worker TEXT NOT NULL DEFAULT '', started REAL, ended REAL, outcome TEXT
) STRICT;
CREATE INDEX cases_in_order ON cases (state, failures, position);
"""


def connect_new(path: Path, settings: str) -> sqlite3.Connection:
    """Make a journal without cases, whole or not at all.

    Args:
        path: The file; `is_begun` is false of it.
        settings: What every case will be done with, as JSON.

    Returns:
        A connection without transactions of its own.

    Raises:
        OutputError: If it cannot be made.
    """
    connection = _connect(path, "rwc")
    with speaking_of(path):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    with transaction(path, connection):
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO about VALUES ('settings', ?)", (settings,))
    return connection


def is_begun(path: Path) -> bool:
    """Tell whether there is a journal, or a file that is none.

    One whose making was broken off holds nothing.

    Args:
        path: The file; need not be there.

    Raises:
        InputError: If it is damaged.
    """
    if not path.is_file():
        return False
    connection = _connect(path, "rw")
    try:
        with speaking_of(path):
            found = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
            return int(found) > 0
    finally:
        connection.close()


def connect(path: Path, *, reading: bool = False) -> sqlite3.Connection:
    """Open a journal that is there.

    Args:
        path: The file.
        reading: Whether nothing will be written; others may then write meanwhile.

    Returns:
        A connection without transactions of its own.

    Raises:
        InputError: If it is damaged, or of a newer version.
        OutputError: If it cannot be opened.
    """
    mode = "ro" if reading else "rw"
    wal = path.with_name(f"{path.name}-wal")
    if reading and not os.access(path.parent, os.W_OK) and not wal.exists():
        mode += "&immutable=1"  # readers of WAL write beside the file, which this one cannot
    connection = _connect(path, mode)
    try:
        with speaking_of(path):
            _check(path, connection)
            if not reading:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with speaking_of(path):
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
        )
    connection.row_factory = sqlite3.Row
    return connection


def _check(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse what is no journal, or none that this version understands."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    fault = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if application != _APPLICATION or fault != "ok":
        fault = "it is no journal" if fault == "ok" else fault
        raise InputError(SAID_OF_DAMAGE.format(path, fault))
    if version > _VERSION:
        raise InputError(_SAID_OF_VERSION.format(path))


@contextmanager
def transaction(path: Path, connection: sqlite3.Connection) -> Iterator[None]:
    """Do all of the block or nothing.

    Args:
        path: The file, for messages.
        connection: To it, for writing.

    Yields:
        Nothing.

    Raises:
        OutputError: If it cannot be written to.
        InputError: If it is damaged.
    """
    with speaking_of(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def speaking_of(path: Path) -> Iterator[None]:
    """Turn what SQLite says into a sentence."""
    try:
        yield
    except sqlite3.OperationalError as error:  # the disk, permissions, locks
        msg = f"The journal '{path}' cannot be used: {error}. Free some space, or look after the "
        msg += "permissions of its folder, and start again."
        raise OutputError(msg) from error
    except sqlite3.DatabaseError as error:
        raise InputError(SAID_OF_DAMAGE.format(path, error)) from error
