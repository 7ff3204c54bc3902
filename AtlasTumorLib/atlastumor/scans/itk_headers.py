"""The text headers of NRRD and MetaImage, looked at before ITK sees the file.

ITK fills in what a header leaves out (1 mm, no rotation) and follows it to whatever data file it
names. Here sizes must be told, and detached data must lie beside their header.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from .input_files import name_of, require_file

__all__ = ["check_metaimage", "check_nrrd"]

_MAX_HEADER_BYTES = 1 << 20


def check_nrrd(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Check an NRRD header.

    Args:
        path: A file that begins as NRRD does.

    Returns:
        The files that make up the volume, header first, and notes.

    Raises:
        InputError: If the header gives no geometry, or names data elsewhere.
    """
    fields = _read_fields(path, ":", end="")
    if "space" not in fields or "space directions" not in fields:
        msg = (
            f"{name_of(path)} does not say how the scan lies in the patient (it lacks 'space' or "
            "'space directions'). Export it again from a program that knows, such as 3D Slicer."
        )
        raise InputError(msg)
    units = set(fields.get("space units", "").replace('"', " ").split()) - {"mm"}
    if units:
        msg = f"{name_of(path)} measures in {', '.join(sorted(units))}; millimetres are needed."
        raise InputError(msg)
    data = fields.get("data file", fields.get("datafile"))
    return ([path] if data is None else [path, _find_data(path, data)]), ()


def check_metaimage(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Check a MetaImage header.

    Args:
        path: A file that begins as MetaImage does.

    Returns:
        The files that make up the volume, header first, and notes.

    Raises:
        InputError: If the header gives no spacing, or names data elsewhere.
    """
    fields = _read_fields(path, "=", end="elementdatafile")
    _check_spacing(path, fields.get("elementspacing", ""))
    notes: tuple[str, ...] = ()
    if not {"transformmatrix", "rotation", "orientation"} & fields.keys():
        notes = ("The file does not say how the scan lies in the patient; DICOM axes are assumed.",)
    data = fields.get("elementdatafile", "")
    return ([path] if data.upper() == "LOCAL" else [path, _find_data(path, data)]), notes


def _read_fields(path: Path, separator: str, *, end: str) -> dict[str, str]:
    """Fields of a text header by lower-case name, up to and with the one named `end`."""
    fields: dict[str, str] = {}
    left = _MAX_HEADER_BYTES
    with path.open("rb") as stream:
        while left > 0 and (line := stream.readline(left)):
            left -= len(line)
            text = line.decode("utf-8", "replace").strip()
            key, found, value = text.partition(separator)
            if not text and not end:
                return fields
            if found and not text.startswith("#"):
                fields.setdefault(key.strip().lower(), value.lstrip("=").strip())
            if end and key.strip().lower() == end:
                return fields
    if left > 0 and not end:  # the header of detached data may end with its file
        return fields
    msg = f"The header of {name_of(path)} does not end. Copy or export the scan again."
    raise InputError(msg)


def _check_spacing(path: Path, text: str) -> None:
    try:
        spacing = np.array([float(word) for word in text.split()])
    except ValueError:
        spacing = np.array([])
    if len(spacing) < 2 or not (np.isfinite(spacing) & (spacing > 0)).all():
        msg = (
            f"{name_of(path)} says its voxel spacing is '{text[:40]}'; a positive number of "
            "millimetres per axis is needed. Export the scan again."
        )
        raise InputError(msg)


def _find_data(path: Path, name: str) -> Path:
    """The one data file that a detached header names, which must lie beside it."""
    words = name.split()
    if not words or words[0].upper() == "LIST" or "%" in name:
        msg = f"{name_of(path)} spreads its data over several files. Save the scan as one file."
        raise InputError(msg)
    if name.removeprefix("./") != Path(name.replace("\\", "/")).name:
        msg = f"{name_of(path)} names a data file in another folder. Put both into one folder."
        raise InputError(msg)
    return require_file(path.parent / name)
