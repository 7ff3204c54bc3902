"""The text headers of NRRD and MetaImage, looked at before ITK sees the file.

ITK fills in what a header leaves out (1 mm, no rotation) and follows it to whatever data file it
names. Here sizes must be told, and detached data must lie beside their header.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from .input_files import name_of, require_file
from .packed import check_packed

__all__ = ["check_metaimage", "check_nrrd"]

_MAX_HEADER_BYTES = 1 << 20
# Names that tell how axes lie in a patient; "scanner-xyz" and the like do not.
_SPACES = (
    *("right-anterior-superior", "ras", "left-anterior-superior", "las"),
    *("left-posterior-superior", "lps"),
)
_BYTES = {"MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_FLOAT": 4}
_BYTES |= {"MET_DOUBLE": 8, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8}


def check_nrrd(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Check an NRRD header.

    Args:
        path: A file that begins as NRRD does.

    Returns:
        The files that make up the volume, header first, and notes.

    Raises:
        InputError: If the header gives no geometry, or names data elsewhere.
    """
    fields, n_header = _read_fields(path, ":", end="")
    if fields.get("space", "").lower() not in _SPACES or "space directions" not in fields:
        msg = (
            f"{name_of(path)} does not say how the scan lies in the patient (it lacks a known "
            "'space' or 'space directions'). Export it again from a program that knows."
        )
        raise InputError(msg)
    units = set(fields.get("space units", "").replace('"', " ").split()) - {"mm"}
    if units:
        msg = f"{name_of(path)} measures in {', '.join(sorted(units))}; millimetres are needed."
        raise InputError(msg)
    data = fields.get("data file", fields.get("datafile"))
    files = [path] if data is None else [path, _find_data(path, data)]
    if fields.get("encoding", "").lower() in ("gzip", "gz"):
        check_packed(files[-1], n_header if data is None else 0)
    return files, ()


def check_metaimage(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Check a MetaImage header.

    Args:
        path: A file that begins as MetaImage does.

    Returns:
        The files that make up the volume, header first, and notes.

    Raises:
        InputError: If the header gives no spacing, or names data elsewhere.
    """
    fields, n_header = _read_fields(path, "=", end="elementdatafile")
    _check_spacing(path, fields.get("elementspacing", ""))
    notes: tuple[str, ...] = ()
    if not {"transformmatrix", "rotation", "orientation"} & fields.keys():
        notes = ("The file does not say how the scan lies in the patient; DICOM axes are assumed.",)
    data = fields.get("elementdatafile", "")
    is_local = data.upper() == "LOCAL"
    files = [path] if is_local else [path, _find_data(path, data)]
    _check_length(files[-1], fields, n_header if is_local else 0)
    return files, notes


def _read_fields(path: Path, separator: str, *, end: str) -> tuple[dict[str, str], int]:
    """Fields of a text header by lower-case name, with the one named `end` last; its length."""
    fields: dict[str, str] = {}
    left = _MAX_HEADER_BYTES
    with path.open("rb") as stream:
        while left > 0 and (line := stream.readline(left)):
            left -= len(line)
            text = line.decode("utf-8", "replace").strip()
            key, found, value = text.partition(separator)
            if not text and not end:
                return fields, stream.tell()
            if found and not text.startswith("#"):
                fields.setdefault(key.strip().lower(), value.lstrip("=").strip())
            if end and key.strip().lower() == end:
                return fields, stream.tell()
    if left > 0 and not end:  # the header of detached data may end with its file
        return fields, _MAX_HEADER_BYTES - left
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


def _check_length(path: Path, fields: dict[str, str], offset: int) -> None:
    """Refuse cut or altered MetaImage data, about which ITK only writes to the console."""
    try:
        n_voxels = np.prod([float(word) for word in fields["dimsize"].split()])
        n_channels = float(fields.get("elementnumberofchannels", "1"))
        n_needed = n_voxels * n_channels * _BYTES.get(fields["elementtype"].upper(), 1)
    except (KeyError, ValueError) as error:
        msg = f"The header of {name_of(path)} is damaged. Export the scan again."
        raise InputError(msg) from error
    is_packed = fields.get("compresseddata", "").lower() in ("true", "1")
    n_bytes = check_packed(path, offset) if is_packed else path.stat().st_size - offset
    if n_bytes < n_needed or (is_packed and n_bytes > n_needed):
        msg = f"{name_of(path)} is truncated or damaged. Copy or export the scan again."
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
