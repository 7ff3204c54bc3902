"""The header of a MetaImage file (Insight Toolkit, MetaIO documentation)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .input_files import name_of
from .packed import check_packed
from .text_headers import damaged_header, find_data, read_lines

__all__ = ["check_metaimage"]

_BYTES = {"MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_FLOAT": 4}
_BYTES |= {"MET_DOUBLE": 8, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8}
# Four bytes to MetaIO, on every system; programs whose "long" has eight write eight.
_LONG = {"MET_LONG": 4, "MET_ULONG": 4}
_FIELD = re.compile(r"([^=:]*[^\s=:])\s*[=:]\s*(.*)")
_MOST_AXES = 10
# MetaIO passes over what is not written exactly so, and takes 1 mm, or no rotation, in its stead.
_KNOWN = (
    *("NDims", "DimSize", "ElementSpacing", "ElementSize", "ElementType", "ElementDataFile"),
    *("Offset", "Position", "Origin", "TransformMatrix", "Rotation", "Orientation"),
    *("BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "ElementNumberOfChannels"),
    *("CompressedData", "CompressedDataSize", "HeaderSize", "HeaderSizePerSlice", "DistanceUnits"),
    *("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"),
)
_PLACES = ("Offset", "Position", "Origin")
_AXES = ("TransformMatrix", "Rotation", "Orientation")
_UNITS = ("", "?", "mm", "millimeter", "millimeters")


def check_metaimage(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Check a MetaImage header.

    Args:
        path: A file that begins as MetaImage does.

    Returns:
        The files that make up the volume, header first, and notes.

    Raises:
        InputError: If the header gives no spacing, contradicts itself or its data, or names data
            elsewhere.
    """
    fields, n_header = _read_fields(path)
    _check_geometry(path, fields)
    _check_units(path, fields)
    data = fields["ElementDataFile"]
    is_local = data.upper() == "LOCAL"
    files = [path] if is_local else [path, find_data(path, data)]
    _check_length(files[-1], fields, n_header if is_local else 0)
    if any(key in fields for key in _AXES):
        return files, ()
    note = "The file does not say how the scan lies in the patient; DICOM axes are assumed."
    return files, (note,)


def _read_fields(path: Path) -> tuple[dict[str, str], int]:
    """Fields by name, the last of which is where the data are; length of the header."""
    fields: dict[str, str] = {}
    usual = {key.lower(): key for key in _KNOWN}
    with path.open("rb") as stream:
        for text in read_lines(stream, path):
            match = _FIELD.match(text)
            if match is None:
                if text:
                    raise damaged_header(path, "a line names no field")
                continue
            key, value = match.groups()
            if key != usual.get(key.lower(), key):
                problem = f"it says '{key}' for '{usual[key.lower()]}'"
                raise damaged_header(path, problem)
            if key in fields:
                raise damaged_header(path, f"it says '{key[:30]}' twice")
            fields[key] = value.strip()
            if key == "ElementDataFile":
                return fields, stream.tell()
    raise damaged_header(path, "it does not end")


def _check_geometry(path: Path, fields: Mapping[str, str]) -> None:
    """Refuse what MetaIO would complete, cut, or not survive."""
    n = _read_whole(path, fields, "NDims", "")
    if not 1 <= n <= _MOST_AXES:
        raise damaged_header(path, f"it has {n} axes")
    sizes = _numbers(fields.get("DimSize", ""))
    if len(sizes) != n or not (sizes >= 1).all() or (sizes % 1).any():
        raise damaged_header(path, f"{n} sizes are needed, not '{fields.get('DimSize', '')[:40]}'")
    spacing, text = _numbers(fields.get("ElementSpacing", "")), fields.get("ElementSpacing", "")
    if len(spacing) != n or not (np.isfinite(spacing) & (spacing > 0)).all():
        msg = (
            f"{name_of(path)} says its voxel spacing is '{text[:40]}'; a positive number of "
            "millimetres per axis is needed. Export the scan again."
        )
        raise InputError(msg)
    for keys, n_needed in ((_PLACES, n), (_AXES, n * n)):
        given = [fields[key] for key in keys if key in fields]
        if len(given) > 1:
            raise damaged_header(path, f"it says more than one of {', '.join(keys)}")
        if given and not (
            len(numbers := _numbers(given[0])) == n_needed and np.isfinite(numbers).all()
        ):
            raise damaged_header(path, f"{n_needed} numbers are needed, not '{given[0][:40]}'")


def _check_units(path: Path, fields: Mapping[str, str]) -> None:
    unit = fields.get("DistanceUnits", "")
    if unit.lower() not in _UNITS:
        msg = f"{name_of(path)} measures in '{unit[:20]}'; millimetres are needed."
        raise InputError(msg)
    keys = ("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset")
    slope, offset = (fields.get(key, usual) for key, usual in zip(keys, "10", strict=True))
    if [*_numbers(slope), *_numbers(offset)] != [1.0, 0.0]:
        msg = (
            f"{name_of(path)} asks for its values to be scaled (by '{slope[:20]}', then plus "
            f"'{offset[:20]}'), which readers pass over. Save it with Hounsfield units."
        )
        raise InputError(msg)


def _check_length(path: Path, fields: Mapping[str, str], offset: int) -> None:
    """Refuse cut or altered data, about which ITK only writes to the console."""
    if fields.get("BinaryData", "True").lower() not in ("true", "1"):
        msg = f"{name_of(path)} holds its values as text. Save it in binary form."
        raise InputError(msg)
    n_voxels = float(np.prod(_numbers(fields["DimSize"])))
    n_channels = _read_whole(path, fields, "ElementNumberOfChannels", "1")
    kind = fields.get("ElementType", "").upper()
    n_needed = n_voxels * n_channels * (_BYTES | _LONG).get(kind, 1)
    is_packed = fields.get("CompressedData", "").lower() in ("true", "1")
    n_before = _read_whole(path, fields, "HeaderSize", "0")
    # -1 means that the data are what the file ends with; 0 that they follow the header.
    is_usual = n_before == 0 or (n_before >= -1 and not is_packed and not offset)
    if not is_usual or _read_whole(path, fields, "HeaderSizePerSlice", "0"):
        raise damaged_header(path, "it does not say plainly where the values begin")
    if is_packed:
        n_bytes, n_stream = check_packed(path, offset)
        is_whole = n_bytes == n_needed
        is_whole &= _read_whole(path, fields, "CompressedDataSize", "0") == n_stream
    else:
        n_there = path.stat().st_size - offset - max(n_before, 0)
        is_whole = n_there == n_needed if kind in _LONG else n_there >= n_needed
    if not is_whole:
        msg = f"{name_of(path)} is truncated or damaged. Copy or export the scan again."
        raise InputError(msg)


def _numbers(text: str) -> npt.NDArray[np.float64]:
    """Numbers with blanks between; none if one of them is no number."""
    try:
        return np.array([float(word) for word in text.split()], float)
    except ValueError:
        return np.zeros(0)


def _read_whole(path: Path, fields: Mapping[str, str], key: str, usual: str) -> int:
    text = fields.get(key, usual)
    try:
        return int(text)
    except ValueError as error:
        raise damaged_header(path, f"{key} is '{text[:20]}'") from error
