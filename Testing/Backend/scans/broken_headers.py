"""Headers of NIfTI, NRRD and MetaImage, and zips, that other readers follow astray or die of."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .bodies import a_body
from .broken_files import BadInput, edit_header, edit_text, save_itk

SPACING = b"ElementSpacing = 2 2.5 4\n"


def _metaimage(old: bytes, new: bytes) -> Callable[[Path], Path]:
    return lambda folder: edit_text(save_itk(folder / "a.mha"), old, new)


def _metaimage_with(line: bytes) -> Callable[[Path], Path]:
    return _metaimage(b"NDims = 3\n", b"NDims = 3\n" + line)


def _nrrd(old: bytes, new: bytes) -> Callable[[Path], Path]:
    return lambda folder: edit_text(save_itk(folder / "a.nrrd"), old, new)


def _packed_size(change: Callable[[int], bytes]) -> Callable[[Path], Path]:
    """A packed MetaImage that says another size of its packed data."""

    def build(folder: Path) -> Path:
        path = save_itk(folder / "a.mha")
        sitk.WriteImage(sitk.ReadImage(str(path)), str(path), useCompression=True)
        lines = path.read_bytes().split(b"\n", 6)
        (old,) = (line for line in lines if line.startswith(b"CompressedDataSize"))
        return edit_text(path, old + b"\n", change(int(old.split()[-1])))

    return build


def _set(field: str, value: object) -> Callable[[Path], Path]:
    def change(header: np.ndarray) -> None:
        header[field][0] = value

    return lambda folder: edit_header(folder, change)


def _not_utf8(suffix: str) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        return save_itk(folder / f"a{suffix}").rename(
            folder / os.fsdecode(b"bad\xff" + suffix.encode())
        )

    return build


def _detached_with(line: bytes) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        return edit_text(save_itk(folder / "a.mhd"), b"NDims = 3\n", b"NDims = 3\n" + line)

    return build


def _zip_altered(method: int) -> Callable[[Path], Path]:
    """A zip with one byte changed within the packed data of its only entry."""

    def build(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "study.zip", "w", method) as archive:
            archive.writestr("IM1.dcm", a_body().tobytes()[:40_000])
        data = bytearray((folder / "study.zip").read_bytes())
        data[60:80] = bytes(20)
        (folder / "study.zip").write_bytes(bytes(data))
        return folder / "study.zip"

    return build


def _zip_name(old: bytes, new: bytes) -> Callable[[Path], Path]:
    """A zip whose only entry has another name than it could be given."""

    def build(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "study.zip", "w") as archive:
            archive.writestr(old.decode(), b"hello")
        path = folder / "study.zip"
        path.write_bytes(path.read_bytes().replace(old, new))
        return path

    return build


def _zip_no_name(folder: Path) -> Path:
    entry = zipfile.ZipInfo("a")
    entry.filename = ""
    with zipfile.ZipFile(folder / "study.zip", "w") as archive, archive.open(entry, "w") as stream:
        stream.write(b"hello")
    return folder / "study.zip"


BAD_HEADERS: list[BadInput] = [
    ("a NIfTI's values begin in its header", _set("vox_offset", 0), "begin at byte 0"),
    ("a NIfTI's values begin nowhere", _set("vox_offset", np.nan), "begin at byte nan"),
    ("a NIfTI's values begin past its end", _set("vox_offset", 1e30), "begin at byte 1e+30"),
    ("a NIfTI's intercept is NaN", _set("scl_inter", np.nan), "damaged"),
    ("a NIfTI has a negative size", _set("dim", [3, -1, 30, 24, 1, 1, 1, 1]), "shape -1"),
    ("a NIfTI measures in meters", _set("xyzt_units", 1), "millimetres are needed"),
    ("a NIfTI measures in micrometers", _set("xyzt_units", 3), "millimetres are needed"),
    (
        "a packed MetaImage is said to be shorter",
        _packed_size(lambda n: b"CompressedDataSize = %d\n" % (n // 2)),
        "truncated or damaged",
    ),
    (
        "a packed MetaImage is said to be longer",
        _packed_size(lambda n: b"CompressedDataSize = %d\n" % (9 * n)),
        "truncated or damaged",
    ),
    (
        "a packed MetaImage does not say its size",
        _packed_size(lambda _n: b""),
        "truncated or damaged",
    ),
    (
        "a MetaImage's header is said to be huge",
        _detached_with(b"HeaderSize = 99999999999\n"),
        "truncated or damaged",
    ),
    (
        "a MetaImage has a header within its data",
        _metaimage_with(b"HeaderSize = 100\n"),
        "where the values begin",
    ),
    (
        "a MetaImage's spacing is in small letters",
        _metaimage(b"ElementSpacing", b"elementspacing"),
        "'elementspacing' for 'ElementSpacing'",
    ),
    (
        "a MetaImage's matrix is in small letters",
        _metaimage(b"TransformMatrix", b"transformmatrix"),
        "for 'TransformMatrix'",
    ),
    (
        "a MetaImage says its spacing twice",
        _metaimage(SPACING, SPACING + b"ElementSpacing : 1 1 1\n"),
        "'ElementSpacing' twice",
    ),
    (
        "a MetaImage says its place in two ways",
        _metaimage_with(b"Position = 1 2 3\n"),
        "more than one of",
    ),
    (
        "a MetaImage measures in micrometers",
        _metaimage_with(b"DistanceUnits = um\n"),
        "millimetres are needed",
    ),
    (
        "a MetaImage wants its values scaled",
        _metaimage_with(b"ElementToIntensityFunctionSlope = 2\n"),
        "to be scaled",
    ),
    ("a MetaImage has 99 axes", _metaimage(b"NDims = 3", b"NDims = 99"), "it has 99 axes"),
    ("a MetaImage has -1 axes", _metaimage(b"NDims = 3", b"NDims = -1"), "it has -1 axes"),
    (
        "a MetaImage has too few sizes",
        _metaimage(b"DimSize = 40 34", b"DimSize = 40"),
        "3 sizes are needed",
    ),
    (
        "a MetaImage has too few spacings",
        _metaimage(SPACING, b"ElementSpacing = 2 2\n"),
        "spacing is '2 2'",
    ),
    (
        "a MetaImage's matrix is cut",
        _metaimage(b"Matrix = 1 0 0", b"Matrix = 1 0"),
        "9 numbers are needed",
    ),
    ("a MetaImage holds text", _metaimage(b"BinaryData = True", b"BinaryData = False"), "as text"),
    ("a MetaImage's name is no UTF-8", _not_utf8(".mha"), "no UTF-8"),
    ("an NRRD's name is no UTF-8", _not_utf8(".nrrd"), "no UTF-8"),
    ("an NRRD's header does not end", _nrrd(b"\n\n", b"\n"), "is damaged"),
    ("an NRRD says its space twice", _nrrd(b"kinds:", b"space: RAS\nkinds:"), "'space' twice"),
    (
        "an NRRD is packed with bzip2",
        _nrrd(b"encoding: raw", b"encoding: bzip2"),
        "packed as 'bzip2'",
    ),
    ("an NRRD does not say its byte order", _nrrd(b"endian: little\n", b""), "lacks 'endian'"),
    ("a zip of LZMA was altered", _zip_altered(zipfile.ZIP_LZMA), "damaged zip"),
    ("a zip of bzip2 was altered", _zip_altered(zipfile.ZIP_BZIP2), "damaged zip"),
    (
        "a zip has a name that is no text",
        _zip_name("é.dcm".encode(), b"\xff\xfe.dcm"),
        "damaged zip",
    ),
    ("a zip has a file without a name", _zip_no_name, "damaged zip"),
]
