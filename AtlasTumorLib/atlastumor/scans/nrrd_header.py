"""The header of an NRRD file (teem's definition of the format, NRRD0001 to NRRD0005)."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .input_files import name_of
from .packed import check_packed
from .text_headers import damaged_header, find_data, read_lines

__all__ = ["check_nrrd"]

# Names that tell how axes lie in a patient; "scanner-xyz" and the like do not.
_SPACES = (
    *("right-anterior-superior", "ras", "left-anterior-superior", "las"),
    *("left-posterior-superior", "lps"),
)
_PACKED = ("gzip", "gz")
_ENCODINGS = ("raw", "ascii", "text", "txt", "hex", *_PACKED)
_OF_ONE_BYTE = ("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t")


def check_nrrd(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Check an NRRD header.

    Args:
        path: A file that begins as NRRD does.

    Returns:
        The files that make up the volume, header first, and notes.

    Raises:
        InputError: If the header gives no geometry, or names data elsewhere.
    """
    fields, n_header = _read_fields(path)
    if fields.get("space", "").lower() not in _SPACES or "space directions" not in fields:
        msg = (
            f"{name_of(path)} does not say how the scan lies in the patient (it lacks a known "
            "'space' or 'space directions'). Export it again from a program that knows."
        )
        raise InputError(msg)
    units = set(fields.get("space units", "").replace('"', " ").split()) - {"mm"}
    if units:
        named = ", ".join(sorted(units))[:40]
        msg = f"{name_of(path)} measures in {named}; millimetres are needed."
        raise InputError(msg)
    data = fields.get("data file", fields.get("datafile"))
    files = [path] if data is None else [path, find_data(path, data)]
    if _check_encoding(fields, path) in _PACKED:
        check_packed(files[-1], n_header if data is None else 0)
    is_placed = "space origin" in fields
    note = "The file does not say where the scan begins (no space origin); 0, 0, 0 is assumed."
    return files, () if is_placed else (note,)


def _read_fields(path: Path) -> tuple[dict[str, str], int]:
    """Fields by lower-case name up to the empty line or, in a detached header, the end; length."""
    fields: dict[str, str] = {}
    with path.open("rb") as stream:
        lines = read_lines(stream, path)
        next(lines)  # the magic word
        for text in lines:
            if not text:
                return fields, stream.tell()
            key, found, value = text.partition(":")
            if text.startswith("#") or value.startswith("="):  # a comment; a key of one's own
                continue
            key = key.strip().lower()
            if not found or key in fields:
                problem = f"it says '{key[:20]}' twice" if found else "a line names no field"
                raise damaged_header(path, problem)
            fields[key] = value.strip()
        if not {"data file", "datafile"} & fields.keys():
            raise damaged_header(path, "it does not end")
        return fields, stream.tell()


def _check_encoding(fields: dict[str, str], path: Path) -> str:
    encoding = fields.get("encoding", "").lower()
    if encoding not in _ENCODINGS:
        msg = f"{name_of(path)} is packed as '{encoding[:20]}'. Save it raw or with gzip."
        raise InputError(msg)
    is_wide = fields.get("type", "").lower() not in _OF_ONE_BYTE
    if encoding in ("raw", "hex", *_PACKED) and is_wide and "endian" not in fields:
        raise damaged_header(path, "it lacks 'endian', the order of bytes")
    return encoding
