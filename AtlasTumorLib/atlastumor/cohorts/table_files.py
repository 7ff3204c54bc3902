"""Tables of many rows, written as they come: CSV and Parquet, complete or not at all."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DependencyError
from ..scans.input_files import make_text

__all__ = ["Column", "table_files"]

_ROWS_AT_ONCE = 4096

Add = Callable[[Sequence[Any]], None]


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        name: With the unit at its end.
        kind: "text", "int" or "float".
        digits: Behind the point, of a float as text.
    """

    name: str
    kind: str = "text"
    digits: int = 3


@contextmanager
def table_files(
    home: Path, tables: Mapping[str, Sequence[Column]], kinds: Sequence[str]
) -> Iterator[Callable[[str, Mapping[str, Any]], None]]:
    """Write tables into a folder; they are put in place when the block ends well.

    Args:
        home: The folder; made if it is not there.
        tables: Columns by the tables' names.
        kinds: Of "csv" and "parquet".

    Yields:
        Called with a table's name and a row by column; what is missing or None is unknown.

    Raises:
        OSError: If they cannot be written; earlier ones then stay.
        DependencyError: If pyarrow is missing.
    """
    openers = {kind: {"csv": _open_csv, "parquet": _open_parquet}[kind] for kind in kinds}
    if "parquet" in kinds:
        _require_pyarrow()
    home.mkdir(exist_ok=True)
    places = {(name, kind): home / f"{name}.{kind}" for name in tables for kind in kinds}
    ending = f".part-{os.getpid()}"
    parts = {key: place.with_name(f".{place.name}{ending}") for key, place in places.items()}
    try:
        with ExitStack() as stack:
            sinks: dict[str, list[Add]] = {name: [] for name in tables}
            for (name, kind), part in parts.items():
                sinks[name].append(stack.enter_context(openers[kind](part, tables[name])))

            def add(name: str, row: Mapping[str, Any]) -> None:
                values = [_convert(row.get(column.name), column) for column in tables[name]]
                for sink in sinks[name]:
                    sink(values)

            yield add
        for key, part in parts.items():
            part.replace(places[key])
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _convert(value: Any, column: Column) -> str | int | float | None:
    """A value as its column's type; None where it is unknown."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if column.kind == "text":
        return make_text(str(value))
    return int(value) if column.kind == "int" else round(float(value), column.digits)


@contextmanager
def _open_csv(path: Path, columns: Sequence[Column]) -> Iterator[Add]:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow([column.name for column in columns])

        def add(values: Sequence[Any]) -> None:
            table.writerow(
                f"{value:.{column.digits}f}" if isinstance(value, float) else value
                for value, column in zip(values, columns, strict=True)
            )

        yield add


@contextmanager
def _open_parquet(path: Path, columns: Sequence[Column]) -> Iterator[Add]:
    import pyarrow
    from pyarrow import parquet

    types = {"text": pyarrow.string(), "int": pyarrow.int64(), "float": pyarrow.float64()}
    schema = pyarrow.schema([(column.name, types[column.kind]) for column in columns])
    waiting: list[Sequence[Any]] = []
    with parquet.ParquetWriter(path, schema) as writer:

        def flush() -> None:
            names = [column.name for column in columns]
            rows = [dict(zip(names, values, strict=True)) for values in waiting]
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
            waiting.clear()

        def add(values: Sequence[Any]) -> None:
            waiting.append(values)
            if len(waiting) >= _ROWS_AT_ONCE:
                flush()

        yield add
        flush()


def _require_pyarrow() -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        msg = "Parquet needs pyarrow. Install it with: pip install 'atlastumor[tables]'"
        raise DependencyError(msg) from error
