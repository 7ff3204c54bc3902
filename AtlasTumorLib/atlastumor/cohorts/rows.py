"""What a journal knows of a case."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

from ..errors import InputError
from .case import CohortCase
from .outcome import CaseOutcome

__all__ = ["CaseRow", "State", "check_id", "read_row"]


class State(StrEnum):
    """Where a case stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class CaseRow:
    """A case and what became of it.

    Args:
        case: The scan.
        state: Where it stands.
        token: Of the last handing out; empty before the first.
        failures: How often it failed or was lost since it was added or asked for again.
        reason: Why it failed last, a sentence; empty if it did not.
        kind: Class of that error, such as "InputError"; "Lost" for a lost worker.
        worker: Who had it last.
        started: When it was handed out last, seconds since 1970; None if never.
        ended: When it was done or quarantined; None before.
        outcome: How it went, once it is done.
    """

    case: CohortCase
    state: State
    token: str = ""
    failures: int = 0
    reason: str = ""
    kind: str = ""
    worker: str = ""
    started: float | None = None
    ended: float | None = None
    outcome: CaseOutcome | None = None


def check_id(case_id: str) -> str:
    """Make sure that a case's id names a folder and leads nowhere else.

    Args:
        case_id: From a finder or a journal.

    Returns:
        The same.

    Raises:
        InputError: If it does not.
    """
    if not case_id or case_id.startswith(".") or {"/", "\\", "\0", ":"} & {*case_id}:
        msg = (
            f"'{case_id}' is no id of a case. The journal was changed; start again with --rebuild."
        )
        raise InputError(msg)
    return case_id


def read_row(row: sqlite3.Row) -> CaseRow:
    """Read a row of the table of cases, trusting none of it.

    Args:
        row: With all columns.

    Returns:
        The case.

    Raises:
        InputError: If a value cannot be.
    """
    try:
        path = Path(os.fsdecode(bytes(row["path"])))
        case = CohortCase(
            check_id(row["id"]), path, row["series"], row["size_bytes"], row["modified_ns"]
        )
        outcome = None
        if row["outcome"] is not None:
            data = json.loads(row["outcome"])
            outcome = CaseOutcome(**{one.name: data[one.name] for one in fields(CaseOutcome)})
        names = ("token", "failures", "reason", "kind", "worker", "started", "ended")
        more = {name: row[name] for name in names}
        return CaseRow(case, State(row["state"]), outcome=outcome, **more)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        msg = "A row of the journal cannot be read; it was changed. Start again with --rebuild."
        raise InputError(msg) from error
