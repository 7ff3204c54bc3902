"""A cohort as tables: cases, findings and lesions, for pandas and for spreadsheets.

    cases.csv       a row per case: where it stands, from what it was made, time and memory
    findings.csv    a row per case and organ
    lesions.csv     a row per tumor
    inputs.csv      a row per case: which scan it is; apart from the others, as it names paths

Every table is written as CSV and, where asked for, as Parquet with the same columns and types. What
is unknown is empty. Rows are written as they are read, so that memory does not grow with the
cohort; a table is put in place when it is complete.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..detection.size_bins import SIZE_BINS
from ..progress import CancelToken, Progress, ignore_progress
from ..results.folder import speaking_of
from .anonymous import make_anonymous
from .outcome import STAGES
from .records import CaseRecord, read_records
from .table_files import Column, table_files

__all__ = ["TABLES", "find_radius", "name_size", "write_tables"]


def _floats(*names: str, digits: int = 3) -> tuple[Column, ...]:
    return tuple(Column(name, "float", digits) for name in names)


_CASE = Column("case")
_CASES = (
    _CASE,
    Column("state"),
    Column("failures", "int"),
    Column("kind"),
    Column("reason"),
    Column("organs_in_view", "int"),
    Column("n_lesions", "int"),
    *_floats("tumor_ml", "largest_ml", digits=4),
    Column("format"),
    *(Column(f"n_{axis}", "int") for axis in "ijk"),
    *_floats(*(f"spacing_{axis}_mm" for axis in "ijk"), digits=4),
    Column("model"),
    Column("model_version"),
    Column("backend"),
    Column("precision"),
    Column("device"),
    Column("worker"),
    Column("started"),
    Column("ended"),
    *_floats(*(f"{stage}_s" for stage in STAGES)),
    *_floats("peak_host_mb", "peak_device_mb", digits=1),
)
_FINDINGS = (
    _CASE,
    Column("organ"),
    Column("coverage"),
    *_floats("organ_ml"),
    Column("n_lesions", "int"),
    *_floats("tumor_ml", "highest_score", "threshold", digits=4),
)
_LESIONS = (
    _CASE,
    Column("organ"),
    Column("lesion", "int"),
    Column("side"),
    Column("size"),
    *_floats("volume_ml", digits=4),
    *_floats("diameter_mm", "radius_mm", digits=2),
    *_floats("score", digits=4),
    *_floats("r", "a", "s", digits=2),
)
_INPUTS = (
    _CASE,
    Column("path"),
    Column("series"),
    Column("size_bytes", "int"),
    Column("modified"),
)

Row = dict[str, Any]


def _list_case(record: CaseRecord) -> Iterator[Row]:
    row, made = record.row, record.provenance
    outcome = row.outcome
    seen = [one for one in record.findings if one.get("coverage") != "none"]
    volumes = [_number(one.get("volume_ml")) or 0.0 for one in record.lesions]
    is_known = bool(record.findings)
    yield {
        "case": row.case.id,
        "state": str(row.state),
        "failures": row.failures,
        "kind": row.kind,
        "reason": make_anonymous(row.reason),
        "organs_in_view": len(seen) if is_known else None,
        "n_lesions": len(volumes) if is_known else None,
        "tumor_ml": sum(volumes) if is_known else None,
        "largest_ml": max(volumes, default=0.0) if is_known else None,
        "format": made.get("input_kind"),
        **_spread("n_{}", made.get("grid_shape")),
        **_spread("spacing_{}_mm", made.get("spacing_mm")),
        "model": made.get("model_id"),
        "model_version": made.get("model_version"),
        "backend": made.get("backend"),
        "precision": made.get("precision"),
        "device": outcome.device if outcome else None,
        "worker": row.worker,
        "started": _say_time(row.started),
        "ended": _say_time(row.ended),
        **({f"{stage}_s": outcome.seconds.get(stage) for stage in STAGES} if outcome else {}),
        "peak_host_mb": _to_mb(outcome.peak_host_bytes) if outcome else None,
        "peak_device_mb": _to_mb(outcome.peak_device_bytes) if outcome else None,
    }


def _list_findings(record: CaseRecord) -> Iterator[Row]:
    yield from ({"case": record.row.case.id, **one} for one in record.findings)


def _list_lesions(record: CaseRecord) -> Iterator[Row]:
    for one in record.lesions:
        volume = _number(one.get("volume_ml"))
        radius = None if volume is None else find_radius(volume)
        yield {
            **one,
            "case": record.row.case.id,
            "lesion": one.get("index"),
            "radius_mm": radius,
            "size": None if radius is None else name_size(radius),
            **_spread("{}", one.get("point_ras"), "ras"),
        }


def _list_input(record: CaseRecord) -> Iterator[Row]:
    case = record.row.case
    yield {
        "case": case.id,
        "path": case.path,
        "series": case.series,
        "size_bytes": case.size_bytes,
        "modified": _say_time(case.modified_ns / 1e9),
    }


def find_radius(volume_ml: float) -> float:
    """Give the radius, in mm, of the ball of a volume."""
    return float((volume_ml * 750.0 / math.pi) ** (1 / 3))


def name_size(radius_mm: float) -> str:
    """Give the key of the size class of a lesion, of the four that cover all."""
    return next(size.key for size in SIZE_BINS if size.spans(radius_mm))


@dataclass(frozen=True)
class _Table:
    columns: tuple[Column, ...]
    list_rows: Callable[[CaseRecord], Iterator[Row]]


_TABLES = {
    "cases": _Table(_CASES, _list_case),
    "findings": _Table(_FINDINGS, _list_findings),
    "lesions": _Table(_LESIONS, _list_lesions),
    "inputs": _Table(_INPUTS, _list_input),
}

TABLES: Mapping[str, tuple[Column, ...]] = {name: table.columns for name, table in _TABLES.items()}
"""Columns of each table, by its name."""


def write_tables(
    directory: Path,
    *,
    parquet: bool = False,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> list[Path]:
    """Write the tables of a cohort, finished or not, into its folder `tables`.

    Args:
        directory: Folder of the cohort.
        parquet: Whether to write Parquet beside CSV.
        progress: Told how far it is.
        cancel: Stops it; earlier tables then stay.

    Returns:
        The files.

    Raises:
        InputError: If it holds no cohort, or its journal is damaged.
        OutputError: If they cannot be written.
        DependencyError: If Parquet is asked for and pyarrow is missing.
        Cancelled: If `cancel` was set.
    """
    home = directory.expanduser().resolve() / "tables"
    kinds = ("csv", "parquet") if parquet else ("csv",)
    records = read_records(directory)
    with speaking_of(home), table_files(home, TABLES, kinds) as add:
        for n, record in enumerate(records):
            if cancel is not None:
                cancel.check()
            progress(n / (n + 1000), "Writing tables")
            for name, table in _TABLES.items():
                for row in table.list_rows(record):
                    add(name, row)
    return [home / f"{name}.{kind}" for name in TABLES for kind in kinds]


def _spread(
    pattern: str, values: Sequence[float] | None, axes: Sequence[str] = "ijk"
) -> dict[str, float | None]:
    """Three numbers as columns; nothing if there are none."""
    if values is None or len(values) != len(axes):
        return {}
    return {pattern.format(axis): value for axis, value in zip(axes, values, strict=True)}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _to_mb(n_bytes: int | None) -> float | None:
    return None if n_bytes is None else n_bytes / 1e6


def _say_time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
