"""What a service says while nobody looks: one JSON object a line, without a word of a patient.

An event has a name, numbers, and words that are chosen here and not read from any scan. Messages of
errors name files, and messages of other packages name anything: neither is written above DEBUG.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sys
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from ..errors import OutputError

__all__ = ["hash_case", "log_event", "set_up_logs"]

_LOG = logging.getLogger("atlastumor.watching.events")
_FIELDS = "atlastumor_fields"
_WORD = re.compile(r"[A-Za-z_]{1,40}")
_FILE_BYTES, _N_FILES = 10_000_000, 5

Value = str | int | float | None


def hash_case(case: str) -> str:
    """Name a case in a log.

    Args:
        case: Its id, which may be the name of a file.

    Returns:
        The first 12 digits of the id's SHA-256.
    """
    return hashlib.sha256(case.encode()).hexdigest()[:12]


def log_event(event: str, *, case: str = "", level: int = logging.INFO, **fields: Value) -> None:
    """Write an event.

    Args:
        event: Its name, letters and underscores.
        case: Id of the case that it is about; its hash is written.
        level: Of `logging`.
        fields: Numbers, and single words of letters such as the name of an error's class.

    Raises:
        ValueError: If a text is more than such a word: it could tell who the patient is.
    """
    for text in (event, *fields.values()):
        if isinstance(text, str) and not _WORD.fullmatch(text):
            msg = "An event holds numbers and single words of letters."
            raise ValueError(msg)
    if case:
        fields = {"case": hash_case(case), **fields}
    _LOG.log(level, event, extra={_FIELDS: fields})


def set_up_logs(path: Path | None = None, *, level: int = logging.INFO) -> logging.Handler:
    """Send events, and that other packages had something to say, to where logs go.

    Args:
        path: A file that is begun anew every 10 MB, five being kept; None for standard error.
        level: Least level that is written; at DEBUG messages of packages are written in full.

    Returns:
        The handler, now the only one of the root logger.

    Raises:
        OutputError: If the file cannot be written.
    """
    logging.captureWarnings(capture=True)
    handler = _open(path)
    handler.setFormatter(_JsonLines(is_full=level <= logging.DEBUG))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Packages are heard from WARNING on, and as their text is left out, so is this one.
    root.setLevel(level if level <= logging.DEBUG else logging.WARNING)
    _LOG.setLevel(level)
    return handler


def _open(path: Path | None) -> logging.Handler:
    if path is None:
        return logging.StreamHandler(sys.stderr)
    try:
        return RotatingFileHandler(
            path, maxBytes=_FILE_BYTES, backupCount=_N_FILES - 1, encoding="utf-8"
        )
    except OSError as error:
        msg = f"The log '{path}' cannot be written: {error.strerror}. Name another file."
        raise OutputError(msg) from error


class _JsonLines(logging.Formatter):
    """Events as they are; of all other records only who spoke, unless all is to be written."""

    def __init__(self, *, is_full: bool) -> None:
        super().__init__()
        self._is_full = is_full

    def format(self, record: logging.LogRecord) -> str:
        """Make a line of a record."""
        fields = getattr(record, _FIELDS, None)
        line: dict[str, Value] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "event": record.msg if fields is not None else "message",
        }
        if fields is not None:
            line |= fields
        else:
            line["logger"] = record.name
            if self._is_full:
                line["text"] = super().format(record)
            elif record.exc_info and record.exc_info[0] is not None:
                line["error"] = record.exc_info[0].__name__
        return json.dumps(line)
