"""Every case of a cohort, one by one, for people and for programs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ..cohorts.records import CaseRecord, read_records
from ..scans.input_files import make_text
from .console import Console

__all__ = ["show_all_cases"]


def show_all_cases(directory: Path, console: Console) -> None:
    """Say how each case stands and what was found; nothing is written.

    Programs get an event "case" for each, with path and series of its scan and the number of
    lesions by organ.

    Args:
        directory: Folder of the cohort.
        console: Where to say it.

    Raises:
        InputError: If it is no cohort's folder, or its journal is damaged.
    """
    rows = [_describe(record) for record in read_records(directory)]
    if console.as_json:
        for row in rows:
            console.case(
                row["id"],
                row["state"],
                row["reason"],
                row["seconds"],
                path=row["path"],
                series=row["series"],
                lesions=row["lesions"],
            )
        console.result(directory, [])
        return
    console.table(
        [
            {
                "case": row["id"],
                "state": row["state"],
                "seconds": "" if row["seconds"] is None else row["seconds"],
                "lesions": ", ".join(f"{key} {n}" for key, n in row["lesions"].items()),
                "reason": row["reason"],
            }
            for row in rows
        ]
    )


def _describe(record: CaseRecord) -> dict[str, Any]:
    row = record.row
    reason = row.reason if record.is_readable else "Its result cannot be read."
    return {
        "id": row.case.id,
        "state": str(row.state),
        "reason": reason,
        "seconds": round(row.outcome.total_seconds, 2) if row.outcome is not None else None,
        "path": make_text(str(row.case.path)),
        "series": row.case.series,
        "lesions": dict(Counter(str(lesion["organ"]) for lesion in record.lesions)),
    }
