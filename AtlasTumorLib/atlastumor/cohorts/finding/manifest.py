"""A cohort as a table: which scans, what they are called, which series of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...batch.cases import Problem
from ...errors import InputError
from ...scans.input_files import name_of, refuse

__all__ = ["ManifestLine", "read_manifest"]

_COLUMNS = ("path", "id", "series")
_DELIMITERS = (",", ";", "\t")
_WANTED = "a manifest, a .csv file"


@dataclass(frozen=True)
class ManifestLine:
    """A line of a manifest.

    Args:
        where: Its file and number, for messages.
        path: The scan, absolute or relative to here.
        id: What it is to be called; empty if the line does not say.
        series: Series UID or its beginning, "best" or "all"; empty if the line does not say.
    """

    where: str
    path: Path
    id: str = ""
    series: str = ""


def read_manifest(path: Path) -> Iterator[ManifestLine | Problem]:
    """Read a manifest.

    Its first line names the columns `path` and, if there are any, `id` and `series`, in any order
    and case; others are passed over. Columns are divided by commas, semicolons or tabs, text is
    UTF-8 with or without a byte order mark. Relative paths are relative to the manifest.

    Args:
        path: The .csv file.

    Yields:
        Each line, or what is wrong with it.

    Raises:
        InputError: If it cannot be read or has no column `path`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise refuse(path, error, give=_WANTED) from error
    except UnicodeDecodeError as error:
        msg = f"{name_of(path)} is no UTF-8 text. In Excel save it as 'CSV UTF-8'."
        raise InputError(msg) from error
    lines = text.splitlines()
    # Excel may say first what divides the columns.
    if lines and lines[0].lower().startswith("sep="):
        lines[0] = ""
    head = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=head.count)
    columns: list[str] = []
    for n, line in enumerate(lines, start=1):
        where = f"{path.name}, line {n}"
        try:
            row = [
                cell.strip()
                for cell in next(csv.reader([line], delimiter=delimiter, strict=True), [])
            ]
        except csv.Error as error:
            yield Problem(where, f"It cannot be understood ({error}). Check its quotation marks.")
            continue
        if any(row) and not columns:
            columns = _check_columns(row, path)
        elif any(row):
            cells = dict(zip(columns, row, strict=False))
            yield _read_line(cells, where, path, is_longer=any(row[len(columns) :]))
    if not columns:
        _check_columns([], path)


def _check_columns(row: list[str], path: Path) -> list[str]:
    columns = [cell.lower() for cell in row]
    if "path" not in columns:
        found = ", ".join(f"'{cell[:40]}'" for cell in row[:8]) or "nothing"
        msg = (
            f"{name_of(path)} has no column 'path' (its first line: {found}). Its first line must "
            f"name the columns: {', '.join(_COLUMNS)}; only 'path' is needed."
        )
        raise InputError(msg)
    if twice := next((name for name in _COLUMNS if columns.count(name) > 1), ""):
        msg = f"{name_of(path)} has two columns '{twice}'. Remove one."
        raise InputError(msg)
    return columns


def _read_line(
    cells: dict[str, str], where: str, manifest: Path, *, is_longer: bool
) -> ManifestLine | Problem:
    text = cells.get("path", "")
    if is_longer:
        msg = "It has more columns than the first line. Put a path with a comma into quotes."
        return Problem(where, msg)
    if not text or "\0" in text:
        return Problem(where, "It names no path. Fill it in, or remove the line.")
    path = manifest.parent / Path(text).expanduser()
    return ManifestLine(where, path, cells.get("id", ""), cells.get("series", ""))
