"""The text of a log: entries to lines and back, with what a crash or a stranger did to them.

Every line carries a hash of the line before it, so that an altered or missing line is found. What a
crash tore is told from that: it stands at the end and is no JSON, or a "repair" line behind it says
how many bytes do not count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InputError
from .entries import Basis, Entry

__all__ = ["LogContent", "add_entry", "begin_content", "parse_log"]

SCHEMA = "atlastumor-review"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class LogContent:
    """What a log says.

    Args:
        basis: What the review rests on.
        entries: Its lines after the first, in order.
        notes: What the user should know, one sentence each.
        last_hash: Of the last line that counts.
        n_bytes: Length of the log, all of it.
        torn_bytes: Length of what a crash tore at its end; 0 if nothing.
        is_open: Whether it does not end with a line break.
    """

    basis: Basis
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]
    last_hash: str
    n_bytes: int
    torn_bytes: int = 0
    is_open: bool = False


def begin_content(basis: Basis) -> tuple[LogContent, bytes]:
    """Make the content of a new log.

    Args:
        basis: What the review rests on.

    Returns:
        The content, and the first line that says it.
    """
    first = Entry(kind="begin", n=1, basis=basis.to_dict())
    line = _to_line({"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **first.to_dict()})
    return LogContent(basis, (), (), _hash(line), len(line)), line


def add_entry(content: LogContent, entry: Entry) -> tuple[LogContent, bytes]:
    """Add an entry under the next number.

    Args:
        content: What the log says; what is torn at its end is closed first.
        entry: What to add.

    Returns:
        What the log says then, and the bytes that make it say so.
    """
    data = b"\n" if content.is_open else b""
    new = [Entry(kind="repair", torn_bytes=content.torn_bytes)] if content.torn_bytes else []
    entries, last_hash = content.entries, content.last_hash
    for one in (*new, entry):
        numbered = _number(one, len(entries) + 2)
        line = _to_line({**numbered.to_dict(), "after": last_hash})
        entries, last_hash, data = (*entries, numbered), _hash(line), data + line
    n_bytes = content.n_bytes + len(data)
    return LogContent(content.basis, entries, content.notes, last_hash, n_bytes), data


def parse_log(data: bytes) -> LogContent | None:
    """Read a whole log.

    Args:
        data: The file's bytes.

    Returns:
        What it says; None if it holds nothing but, at most, a torn first line.

    Raises:
        InputError: If it is not a review's log, or damaged before its end.
    """
    lines = data.split(b"\n")
    if len(lines) == 1 and not _is_json(lines[0]):
        return None
    basis = _parse_first(lines[0])
    last_hash = _hash(lines[0])
    entries: list[Entry] = []
    notes: list[str] = []
    torn_bytes, at = 0, 1
    if not lines[-1]:
        lines.pop()
    while at < len(lines):
        entry = _parse_line(lines[at], len(entries) + 2, last_hash)
        if entry is None:
            end = _find_repair(lines, at, len(entries) + 2, last_hash)
            notes.append(f"Line {at + 1} was torn by a crash before it counted; it is left out.")
            torn_bytes = len(b"\n".join(lines[at:end])) if end == len(lines) else 0
            at = end
            continue
        entries.append(entry)
        last_hash = _hash(lines[at])
        at += 1
    is_open = not data.endswith(b"\n")
    return LogContent(
        basis, tuple(entries), tuple(notes), last_hash, len(data), torn_bytes, is_open
    )


def _number(entry: Entry, n: int) -> Entry:
    """Give an entry its number; an added tumor is named by it, so that no two readers' clash."""
    if entry.kind == "add" and not entry.candidate:
        return replace(entry, n=n, candidate=f"{entry.organ}-added-{n}")
    return replace(entry, n=n)


def _find_repair(lines: Sequence[bytes], at: int, n: int, last_hash: str) -> int:
    """Find the line behind what is torn from line `at` on; the number of lines if it is the end."""
    for end in range(at + 1, len(lines)):
        if b'"repair"' in lines[end]:
            repair = _parse_line(lines[end], n, last_hash)
            if repair is not None and repair.torn_bytes == len(b"\n".join(lines[at:end])):
                return end
    if any(_is_json(line) for line in lines[at:]):
        msg = (
            f"Line {at + 1} of the review's log was altered, damaged or removed. Put the log back "
            "from a copy; it is not used as it is."
        )
        raise InputError(msg)
    return len(lines)


def _parse_first(line: bytes) -> Basis:
    try:
        values = json.loads(line)
        if values.pop("schema") != SCHEMA or values.pop("schema_version") != SCHEMA_VERSION:
            raise ValueError
        return Basis(**values["basis"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = (
            "The log's first line is not that of a review of this software. Choose another folder."
        )
        raise InputError(msg) from error


def _parse_line(line: bytes, n: int, last_hash: str) -> Entry | None:
    """Read one line; None unless it is whole, in its place, and follows the line before it."""
    try:
        values = json.loads(line)
        after = values.pop("after")
        entry = Entry.from_dict(values)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return entry if (entry.n, after) == (n, last_hash) else None


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _to_line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def _hash(line: bytes) -> str:
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()[:16]
