"""`cohort.json`: what a synthetic cohort was made with, what was kept, and what went wrong."""

from __future__ import annotations

import errno
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..organs import select_organs
from ..results.folder import check_output
from ..results.tables import NOTICE
from .cases import Problem
from .growing import KEPT, NO_ROOM
from .quality import FOUND_BEFORE, NOT_FOUND, NOT_PLAUSIBLE

__all__ = ["Acceptance", "SyntheticCohort", "open_folder", "speaking_of", "write_record"]

_NAME = "cohort.json"
_PART = f".{_NAME}.part"
_SCHEMA = "atlastumor-synthetic-cohort"
_SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Acceptance:
    """How many tumors of an organ a critic kept.

    Args:
        method: Key of the method that made them.
        organ: Key of the organ.
        kept: Tumors that it kept.
        not_found: Those rejected as it found too little of them.
        not_plausible: Those rejected as tumors of the organ are never as dense.
        found_before: Those rejected as it found them in the scan without them.
        no_room: Draws for which there was no room, which it never saw.
    """

    method: str
    organ: str
    kept: int
    not_found: int
    not_plausible: int
    found_before: int
    no_room: int

    @property
    def rejected(self) -> int:
        """Tumors that it rejected."""
        return self.not_found + self.not_plausible + self.found_before

    @property
    def rate(self) -> float | None:
        """Share of what it saw that it kept; None if it saw nothing."""
        seen = self.kept + self.rejected
        return self.kept / seen if seen else None

    def record(self) -> dict[str, Any]:
        """Say it in what JSON can hold."""
        return asdict(self) | {"rejected": self.rejected, "rate": self.rate}


@dataclass(frozen=True)
class SyntheticCohort:
    """What came out.

    Args:
        directory: The cohort's folder.
        cases: Records of the cases, by name.
        problems: Of the cases that are missing.
        acceptance: By organ, in table order.
        files: Its records: of the cohort, and of the nnU-Net data set.
        changed: Names of the cases that had been finished, and were made again as their input has
            changed.
    """

    directory: Path
    cases: tuple[dict[str, Any], ...]
    problems: tuple[Problem, ...]
    acceptance: tuple[Acceptance, ...]
    files: tuple[Path, ...]
    changed: tuple[str, ...] = ()


def open_folder(directory: Path, settings: Mapping[str, Any]) -> Path:
    """Make a cohort's folder, or make sure that it holds a cohort with the same settings.

    Args:
        directory: The folder.
        settings: All that the cohort's bytes follow from but its scans, ready for JSON.

    Returns:
        The folder as an absolute path without links.

    Raises:
        OSError: If it cannot be made.
        OutputError: If it holds something else, or a cohort made otherwise.
    """
    path = directory.expanduser().resolve() / _NAME
    if not path.is_file():
        path.with_name(_PART).unlink(missing_ok=True)
        directory = check_output(directory)
        directory.mkdir(parents=True, exist_ok=True)
        _write(directory, {**_head(settings), "is_complete": False})
        return directory
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        is_ours = (record["schema"], record["schema_version"]) == (_SCHEMA, _SCHEMA_VERSION)
        earlier = dict(record["settings"]) if is_ours else None
    except (ValueError, KeyError, TypeError):
        earlier = None
    if earlier is None:
        msg = (
            f"'{path}' is not a cohort's record of this version of the software. Choose another "
            "folder."
        )
        raise OutputError(msg)
    other = [key for key in settings if earlier.get(key) != settings[key]]
    if other:
        said = ", ".join(f"{key} {earlier.get(key)} instead of {settings[key]}" for key in other)
        msg = (
            f"'{directory}' holds a cohort made otherwise ({said}). Ask for the same to go on with "
            "it, or choose another folder."
        )
        raise OutputError(msg)
    return path.parent


def write_record(
    directory: Path,
    settings: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]],
    problems: Sequence[Problem],
) -> tuple[Path, tuple[Acceptance, ...]]:
    """Write the record of a cohort that is complete.

    Args:
        directory: The cohort's folder.
        settings: As for `open_folder`.
        records: Of its cases, by name.
        problems: Of the cases that are missing.

    Returns:
        The file, and how many tumors of each organ were kept.

    Raises:
        OSError: If it cannot be written.
    """
    rates = tuple(_count_outcomes(records, settings["method"]))
    content = {
        **_head(settings),
        "is_complete": True,
        "acceptance": [one.record() for one in rates],
        "cases": [
            {"case": one["case"], "tumors": [tumor["organ"] for tumor in one["tumors"]]}
            for one in records
        ],
        "problems": [asdict(problem) for problem in problems],
    }
    return _write(directory, content), rates


@contextmanager
def speaking_of(directory: Path) -> Iterator[None]:
    """Turn what the file system says into a sentence.

    Args:
        directory: The cohort's folder.

    Yields:
        Nothing.

    Raises:
        OutputError: In place of any OSError.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else error.strerror or str(error)
        msg = (
            f"The cohort cannot be written to '{directory}': {reason}. Free some space or choose "
            "another folder; finished cases are kept."
        )
        raise OutputError(msg) from error


def _head(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema": _SCHEMA,
        "schema_version": _SCHEMA_VERSION,
        "notice": f"The tumors are synthetic. {NOTICE}",
        "software": "AtlasTumor",
        "settings": dict(settings),
    }


def _count_outcomes(records: Sequence[Mapping[str, Any]], method: str) -> Iterator[Acceptance]:
    """Acceptance of every organ of which anything was drawn."""
    counts = Counter(
        (attempt["organ"], attempt.get("rejected_by") or attempt["outcome"])
        for one in records
        for attempt in one["attempts"]
    )
    outcomes = (KEPT, NOT_FOUND, NOT_PLAUSIBLE, FOUND_BEFORE, NO_ROOM)
    for organ in select_organs(None):
        numbers = [counts[organ.key, outcome] for outcome in outcomes]
        if any(numbers):
            yield Acceptance(method, organ.key, *numbers)


def _write(directory: Path, content: Mapping[str, Any]) -> Path:
    path, part = directory / _NAME, directory / _PART
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return path
