"""The journal of a cohort: which cases there are and where each stands, in one SQLite file.

Every step of a case is one transaction of the only writer, the runner; others may read meanwhile
(WAL). With `synchronous=NORMAL` a failing power supply may take back the last transactions, never
tear one. That suffices, since the folders are the truth: a result is on the disk before its case is
marked done, and a case whose mark was lost is found in its place and adopted.

Source:
    sqlite.org, "Write-Ahead Logging" and "PRAGMA synchronous".
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..batch.cases import Problem
from ..errors import InputError
from ..scans.input_files import make_text
from .case import CohortCase
from .journal_file import SAID_OF_DAMAGE, connect, connect_new, speaking_of, transaction
from .outcome import CaseOutcome
from .remaining import PACE_CASES, measure_pace
from .rows import CaseRow, State, check_id, read_row
from .settings import BatchSettings

__all__ = ["JOURNAL", "Journal"]

JOURNAL = "journal.sqlite"
"""Its name in a cohort's folder."""

_ADD = """
INSERT INTO cases (id, position, path, series, size_bytes, modified_ns, state)
VALUES (?, ?, ?, ?, ?, ?, 'waiting')
ON CONFLICT (id) DO UPDATE SET path = excluded.path, series = excluded.series,
    size_bytes = excluded.size_bytes, modified_ns = excluded.modified_ns,
    state = 'waiting', failures = 0, outcome = NULL, ended = NULL
"""


class Journal:
    """An open journal; used as a context, whose end closes it.

    Args:
        path: The file.
        connection: To it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Take over a connection; `create`, `open` and `read` make one."""
        self._path = path
        self._connection = connection

    @classmethod
    def create(cls, path: Path, settings: BatchSettings) -> Journal:
        """Make a journal without cases.

        Args:
            path: The file; there must be none, or one whose making was broken off.
            settings: What every case will be done with.

        Raises:
            OutputError: If it cannot be made.
        """
        return cls(path, connect_new(path, json.dumps(settings.to_dict())))

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open a journal to write to; the caller makes sure to be the only one.

        Args:
            path: The file.

        Raises:
            InputError: If it is damaged, or of a newer version.
            OutputError: If it cannot be written to.
        """
        return cls(path, connect(path))

    @classmethod
    def read(cls, path: Path) -> Journal:
        """Open a journal to read from, also while a runner writes to it.

        Args:
            path: The file.

        Raises:
            InputError: If there is none, it is damaged, or of a newer version.
        """
        if not path.is_file():
            msg = f"'{path.parent}' holds no batch. Name the folder that `atlastumor batch` wrote."
            raise InputError(msg)
        return cls(path, connect(path, reading=True))

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self._connection.close()

    @property
    def settings(self) -> BatchSettings:
        """What every case is done with."""
        return BatchSettings.from_dict(self._recall("settings"))

    @property
    def inputs(self) -> dict[str, Any] | None:
        """Where the cases were looked for last, what `find_cohort` is asked; None if nowhere."""
        if not self._ask("SELECT 1 FROM about WHERE key = 'inputs'"):
            return None  # its cases arrived at a service
        return {str(key): value for key, value in self._recall("inputs").items()}

    @inputs.setter
    def inputs(self, inputs: Mapping[str, Any]) -> None:
        text = "INSERT OR REPLACE INTO about VALUES ('inputs', ?)"
        self._change(text, json.dumps(dict(inputs)))

    def _recall(self, key: str) -> dict[str, Any]:
        rows = self._ask("SELECT value FROM about WHERE key = ?", key)
        try:
            return {**json.loads(rows[0]["value"])}
        except (IndexError, ValueError, TypeError) as error:
            raise InputError(SAID_OF_DAMAGE.format(self._path, f"no {key}")) from error

    def count(self) -> dict[State, int]:
        """Count the cases in each state; all states are there."""
        rows = self._ask("SELECT state, COUNT(*) AS n FROM cases GROUP BY state")
        return dict.fromkeys(State, 0) | {State(row["state"]): row["n"] for row in rows}

    def rows(self, state: State | None = None) -> Iterator[CaseRow]:
        """Give the cases in order, one at a time; those of one state, if it is given."""
        where = "" if state is None else "WHERE state = ?"
        values = () if state is None else (state,)
        with speaking_of(self._path):
            text = f"SELECT * FROM cases {where} ORDER BY position"
            for row in self._connection.execute(text, values):
                yield read_row(row)

    def find(self, case_id: str) -> CaseRow | None:
        """Find a case by its id; None if it is not there."""
        rows = self._ask("SELECT * FROM cases WHERE id = ?", case_id)
        return read_row(rows[0]) if rows else None

    def next(self) -> CaseRow | None:
        """Find the case to be handed out next: those that failed come after all others."""
        text = "SELECT * FROM cases WHERE state = 'waiting' ORDER BY failures, position LIMIT 1"
        rows = self._ask(text)
        return read_row(rows[0]) if rows else None

    def seconds_left(self) -> float | None:
        """Foresee how long the cases that are left take, at the pace of those that ended last."""
        rows = self._ask(  # without a worker it was adopted, or was gone: that took no time
            "SELECT started, ended FROM cases WHERE started IS NOT NULL AND ended IS NOT NULL "
            "AND worker != '' ORDER BY ended DESC LIMIT ?",
            PACE_CASES,
        )
        pace = measure_pace((row["started"], row["ended"]) for row in rows)
        counts = self.count()
        return pace and pace * (counts[State.WAITING] + counts[State.RUNNING])

    def problems(self) -> list[Problem]:
        """Give what the last look at the inputs could not use."""
        rows = self._ask("SELECT * FROM problems ORDER BY rowid")
        return [Problem(row["name"], row["message"]) for row in rows]

    def note_problems(self, problems: Iterable[Problem]) -> None:
        """Replace what `problems` gives.

        Args:
            problems: Of the inputs.
        """
        with transaction(self._path, self._connection):
            self._connection.execute("DELETE FROM problems")
            rows = ((make_text(one.case), make_text(one.message)) for one in problems)
            self._connection.executemany("INSERT INTO problems VALUES (?, ?)", rows)

    def add(self, cases: Iterable[CohortCase]) -> None:
        """Add cases that wait, all or none; one that is there already waits afresh as given.

        Args:
            cases: Scans.
        """
        with transaction(self._path, self._connection):
            text = "SELECT COALESCE(MAX(position), 0) FROM cases"
            first = self._connection.execute(text).fetchone()[0] + 1
            self._connection.executemany(_ADD, _listed(cases, first))

    def start(self, case_id: str, token: str) -> None:
        """Mark a case as handed out.

        Args:
            case_id: The case.
            token: Of this handing out.
        """
        text = "UPDATE cases SET state = 'running', token = ?, started = ? WHERE id = ?"
        self._change(text, token, time.time(), case_id)

    def finish(self, outcome: CaseOutcome, worker: str = "") -> None:
        """Mark a case as done; its result is in its place.

        Args:
            outcome: How it went.
            worker: Who did it.
        """
        text = "UPDATE cases SET state = 'done', token = ?, reason = '', kind = '', worker = ?, "
        text += "ended = ?, outcome = ? WHERE id = ?"
        data = json.dumps(asdict(outcome))
        self._change(text, outcome.token, worker, time.time(), data, outcome.case_id)

    def fail(
        self, case_id: str, reason: str, kind: str, *, worker: str = "", is_final: bool
    ) -> None:
        """Note that a case failed, and have it wait again or not.

        Args:
            case_id: The case.
            reason: Why, a sentence.
            kind: Class of the error.
            worker: Who had it.
            is_final: Whether it is quarantined.
        """
        text = "UPDATE cases SET state = ?, failures = failures + 1, reason = ?, kind = ?, "
        text += "worker = ?, ended = ? WHERE id = ?"
        state = State.QUARANTINED if is_final else State.WAITING
        ended = time.time() if is_final else None
        self._change(text, state, make_text(reason), kind, worker, ended, case_id)

    def put_back(self, case_ids: Iterable[str]) -> None:
        """Have cases wait again without a failure; all in one transaction.

        Args:
            case_ids: The cases.
        """
        with transaction(self._path, self._connection):
            text = "UPDATE cases SET state = 'waiting', outcome = NULL, ended = NULL WHERE id = ?"
            self._connection.executemany(text, ((one,) for one in case_ids))

    def put_back_running(self) -> None:
        """Have all cases wait again that are running; their runner stops, or is gone."""
        text = "UPDATE cases SET state = 'waiting', outcome = NULL, ended = NULL "
        self._change(text + "WHERE state = 'running'")

    def release(self) -> int:
        """Have all quarantined cases wait again, as if they had not failed; gives their number."""
        text = "UPDATE cases SET state = 'waiting', failures = 0, ended = NULL "
        return self._change(text + "WHERE state = 'quarantined'")

    def _ask(self, text: str, *values: Any) -> list[sqlite3.Row]:
        with speaking_of(self._path):
            return self._connection.execute(text, values).fetchall()

    def _change(self, text: str, *values: Any) -> int:
        with transaction(self._path, self._connection):
            return self._connection.execute(text, values).rowcount


def _listed(cases: Iterable[CohortCase], first: int) -> Iterator[tuple[Any, ...]]:
    """Cases as values of `_ADD`."""
    for position, case in enumerate(cases, first):
        path = os.fsencode(case.path)
        yield (check_id(case.id), position, path, case.series, case.size_bytes, case.modified_ns)
