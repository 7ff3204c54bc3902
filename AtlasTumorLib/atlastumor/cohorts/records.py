"""A cohort as it stands, case by case: what its journal says and what its results hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..organs import KEYS
from ..results.staging import MANIFEST, SCHEMA
from .folder import CohortFolder
from .journal import Journal
from .rows import CaseRow, State

__all__ = ["CaseRecord", "read_records"]


@dataclass(frozen=True)
class CaseRecord:
    """A case and its result.

    Args:
        row: What the journal knows.
        findings: Of its result, one per organ asked for; empty if it has none.
        lesions: Of its result.
        provenance: Of its result: who made it and from what.
        is_readable: Whether a case that is done has a result that can be read.
    """

    row: CaseRow
    findings: tuple[Mapping[str, Any], ...] = ()
    lesions: tuple[Mapping[str, Any], ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    is_readable: bool = True


def read_records(directory: Path) -> Iterator[CaseRecord]:
    """Read a cohort one case at a time, also while a runner works on it.

    Args:
        directory: Folder of the cohort.

    Yields:
        Its cases, in the journal's order.

    Raises:
        InputError: If it holds no cohort, or its journal is damaged.
    """
    folder = CohortFolder(directory)
    with Journal.read(folder.journal) as journal:
        for row in journal.rows():
            is_done = row.state is State.DONE
            yield _read_result(row, folder.result_of(row.case.id)) if is_done else CaseRecord(row)


def _read_result(row: CaseRow, folder: Path) -> CaseRecord:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            return CaseRecord(row, is_readable=False)
        findings, lesions = (
            tuple(dict(one) for one in manifest[name] if one["organ"] in KEYS)
            for name in ("findings", "lesions")
        )
        provenance = dict(manifest["provenance"])
        for lesion in lesions:
            float(lesion["volume_ml"]), float(lesion["diameter_mm"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return CaseRecord(row, is_readable=False)
    return CaseRecord(row, findings, lesions, provenance)
