"""What a service remembers beside the journal: results to be sent, arrivals, peers."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..cohorts import CohortCase
from ..errors import OutputError

__all__ = ["Parcel", "Records"]

_FAST = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS parcels (
    case_id TEXT NOT NULL, result TEXT NOT NULL, is_sent INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (case_id, result)
) STRICT;
CREATE TABLE IF NOT EXISTS copies (
    case_id TEXT NOT NULL, size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    PRIMARY KEY (case_id, size_bytes, modified_ns)
) STRICT;
CREATE TABLE IF NOT EXISTS arrivals (
    path BLOB PRIMARY KEY, fingerprint TEXT NOT NULL, cases TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS peers (name TEXT PRIMARY KEY) STRICT;
"""
_LATER = "ALTER TABLE parcels ADD COLUMN is_refused INTEGER NOT NULL DEFAULT 0"


@dataclass(frozen=True)
class Parcel:
    """A result that is to be sent.

    Args:
        case: Id of the case.
        result: Token under which it was made, which tells a new result of a case from an old one.
        attempts: How often sending failed.
        reason: Why it failed last.
    """

    case: str
    result: str
    attempts: int = 0
    reason: str = ""


class Records:
    """Tables in one SQLite file; every call is a transaction of its own, from any thread.

    Args:
        path: The file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            OutputError: If it cannot be opened or is no such file.
        """
        self._lock = threading.Lock()
        self._path = path
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False)
            # What a failing power supply takes back is found again in the journal, or sent twice.
            self._connection.executescript(f"{_FAST}{_SCHEMA}")
            columns = self._connection.execute("PRAGMA table_info(parcels)").fetchall()
            if "is_refused" not in {column[1] for column in columns}:  # made new, or long ago
                self._connection.execute(_LATER)
        except sqlite3.Error as error:
            msg = f"'{path}' cannot be used ({error}). Move it away, or choose another folder."
            raise OutputError(msg) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add_parcels(self, results: Iterable[tuple[str, str]]) -> None:
        """Remember that results are to be sent, those that are not known yet.

        An older result of the same case that was not sent is not worth sending any more.

        Args:
            results: Ids of cases, and the tokens that tell a new result of a case from an old one.
        """
        with self._transaction() as run:
            for case, result in results:
                run.execute(
                    "INSERT OR IGNORE INTO parcels (case_id, result) VALUES (?, ?)", (case, result)
                )
                run.execute(
                    "DELETE FROM parcels WHERE case_id = ? AND result != ? AND NOT is_sent",
                    (case, result),
                )

    def list_parcels(self) -> list[Parcel]:
        """List what is still to be sent, the oldest first; what was refused for good is not."""
        with self._transaction() as run:
            rows = run.execute(
                "SELECT case_id, result, attempts, reason FROM parcels "
                "WHERE NOT is_sent AND NOT is_refused ORDER BY rowid"
            ).fetchall()
        return [Parcel(*row) for row in rows]

    def count_parcels(self) -> int:
        """Count what is still to be sent."""
        return self._count("NOT is_sent AND NOT is_refused")

    def count_refused(self) -> int:
        """Count what was refused for good."""
        return self._count("NOT is_sent AND is_refused")

    def _count(self, where: str) -> int:
        with self._transaction() as run:
            row = run.execute(f"SELECT count(*) FROM parcels WHERE {where}").fetchone()
        return int(row[0])

    def mark_sent(self, parcel: Parcel) -> None:
        """Remember that a result was sent.

        Args:
            parcel: Which.
        """
        with self._transaction() as run:
            run.execute(
                "UPDATE parcels SET is_sent = 1, reason = '' WHERE case_id = ? AND result = ?",
                (parcel.case, parcel.result),
            )

    def mark_failed(self, parcel: Parcel, reason: str, *, is_final: bool = False) -> None:
        """Remember that sending failed once more.

        Args:
            parcel: Which.
            reason: Why, for the person who asks.
            is_final: Whether it is set aside until `release_refused`.
        """
        with self._transaction() as run:
            run.execute(
                "UPDATE parcels SET attempts = attempts + 1, reason = ?, is_refused = ? "
                "WHERE case_id = ? AND result = ?",
                (reason, is_final, parcel.case, parcel.result),
            )

    def release_refused(self) -> None:
        """Have what was refused for good wait to be sent again."""
        with self._transaction() as run:
            run.execute("UPDATE parcels SET is_refused = 0 WHERE is_refused")

    def knows_copy(self, case: CohortCase) -> bool:
        """Whether files of this size and time are known to hold what the case's first ones held."""
        with self._transaction() as run:
            row = run.execute(
                "SELECT 1 FROM copies WHERE case_id = ? AND size_bytes = ? AND modified_ns = ?",
                (case.id, case.size_bytes, case.modified_ns),
            ).fetchone()
        return row is not None

    def keep_copy(self, case: CohortCase) -> None:
        """Remember that files of this size and time hold what the case's first ones held."""
        with self._transaction() as run:
            run.execute(
                "INSERT OR IGNORE INTO copies VALUES (?, ?, ?)",
                (case.id, case.size_bytes, case.modified_ns),
            )

    def forget_copies(self, case: str) -> None:
        """Forget all copies of a case, since its files are others now."""
        with self._transaction() as run:
            run.execute("DELETE FROM copies WHERE case_id = ?", (case,))

    def find_arrival(self, path: Path, fingerprint: str) -> list[str] | None:
        """Find the ids of the cases that an arrival made; None if it is not known as it is now."""
        with self._transaction() as run:
            row = run.execute(
                "SELECT cases FROM arrivals WHERE path = ? AND fingerprint = ?",
                (os.fsencode(path), fingerprint),
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def keep_arrival(self, path: Path, fingerprint: str, cases: Iterable[str]) -> None:
        """Remember an arrival that was looked through.

        Args:
            path: The file or folder.
            fingerprint: Of its files.
            cases: Ids of its cases.
        """
        with self._transaction() as run:
            run.execute(
                "INSERT OR REPLACE INTO arrivals VALUES (?, ?, ?)",
                (os.fsencode(path), fingerprint, json.dumps(list(cases))),
            )

    def knows_peer(self, name: str) -> bool:
        """Whether a peer has ever answered."""
        with self._transaction() as run:
            return run.execute("SELECT 1 FROM peers WHERE name = ?", (name,)).fetchone() is not None

    def keep_peer(self, name: str) -> None:
        """Remember that a peer has answered."""
        with self._transaction() as run:
            run.execute("INSERT OR IGNORE INTO peers VALUES (?)", (name,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._connection:
                yield self._connection
        except sqlite3.Error as error:
            msg = f"'{self._path}' cannot be written ({error}). Free some space, then try again."
            raise OutputError(msg) from error
