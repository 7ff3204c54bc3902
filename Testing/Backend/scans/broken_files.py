"""Files and paths that are broken before any voxel is looked at."""

from __future__ import annotations

import gzip
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from .bodies import a_body, an_affine

BadInput = tuple[str, Callable[[Path], Path], str]


def save_nifti(path: Path, array: np.ndarray, affine: np.ndarray | None = None) -> Path:
    """Save an array as NIfTI with an sform."""
    nib.Nifti1Image(array, an_affine() if affine is None else affine).to_filename(path)
    return path


def save_itk(path: Path, array: np.ndarray | None = None) -> Path:
    """Save an array (I, J, K) through ITK."""
    image = sitk.GetImageFromArray((a_body() if array is None else array).T)
    image.SetSpacing((2.0, 2.5, 4.0))
    sitk.WriteImage(image, str(path), useCompression=False)
    return path


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _cut(path: Path, part: float) -> Path:
    """Keep only the first part of a file."""
    data = path.read_bytes()
    return _write(path, data[: int(len(data) * part)])


def _link_loop(folder: Path) -> Path:
    (folder / "one.nii.gz").symlink_to(folder / "two.nii.gz")
    (folder / "two.nii.gz").symlink_to(folder / "one.nii.gz")
    return folder / "one.nii.gz"


def _folder_loop(folder: Path) -> Path:
    (folder / "study").mkdir()
    (folder / "study" / "again").symlink_to(folder / "study", target_is_directory=True)
    return folder / "study"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.nii.gz")
    return folder / "pipe.nii.gz"


def _bytes_changed(folder: Path) -> Path:
    """A gzip whose content no longer fits its checksum."""
    packed = bytearray(gzip.compress(save_nifti(folder / "a.nii", a_body()).read_bytes()))
    packed[-6] ^= 0xFF
    return _write(folder / "scan.nii.gz", bytes(packed))


def edit_text(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data
    return _write(path, data.replace(old, new, 1))


def edit_header(folder: Path, change: Callable[[np.ndarray], None]) -> Path:
    """A NIfTI whose header was changed byte by byte, past nibabel's own checks."""
    data = bytearray(save_nifti(folder / "scan.nii", a_body()).read_bytes())
    change(np.frombuffer(data, nib.nifti1.header_dtype, count=1))
    return _write(folder / "scan.nii", bytes(data))


def _no_nrrd_space(folder: Path) -> Path:
    path = save_itk(folder / "scan.nrrd")
    return edit_text(path, b"space: left-posterior-superior\n", b"")


def _data_elsewhere(folder: Path) -> Path:
    save_itk(folder / "elsewhere.mhd")
    (folder / "in").mkdir()
    header = (folder / "elsewhere.mhd").read_bytes()
    return _write(folder / "in" / "scan.mhd", header.replace(b"elsewhere.raw", b"../elsewhere.raw"))


def _nrrd_data_elsewhere(folder: Path) -> Path:
    save_itk(folder / "scan.nhdr")
    raw = next(p.name for p in folder.iterdir() if "nhdr" not in p.name)
    return edit_text(folder / "scan.nhdr", raw.encode(), str(folder / raw).encode())


def _altered(folder: Path, suffix: str) -> Path:
    """Packed data with one byte changed in the middle."""
    path = folder / f"scan{suffix}"
    sitk.WriteImage(sitk.ReadImage(str(save_itk(path))), str(path), useCompression=True)
    data = bytearray(path.read_bytes())
    data[len(data) * 9 // 10] ^= 0x55
    return _write(path, bytes(data))


def _no_data_file(folder: Path) -> Path:
    save_itk(folder / "scan.mhd")
    (folder / "scan.raw").unlink()
    return folder / "scan.mhd"


def _zip(folder: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return folder / "study.zip"


def _zip_link(folder: Path) -> Path:
    entry = zipfile.ZipInfo("IM1.dcm")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(folder / "study.zip", "w") as archive:
        archive.writestr(entry, "/etc/hostname")
    return folder / "study.zip"


def _encrypted_zip(folder: Path) -> Path:
    path = _zip(folder, {"IM1.dcm": b"x" * 200})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return _write(path, bytes(data))


def _truncated_zip(folder: Path) -> Path:
    return _cut(_zip(folder, {"IM1.dcm": os.urandom(4000)}), 0.6)


def _zip_bomb(folder: Path) -> Path:
    """300 MB of zeros behind a DICOM preamble, packed to 300 kB."""
    with (
        zipfile.ZipFile(
            folder / "study.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as archive,
        archive.open("IM1.dcm", "w") as entry,
    ):
        entry.write(b"\0" * 128 + b"DICM")
        for _ in range(300):
            entry.write(bytes(1 << 20))
    return folder / "study.zip"


def _set_spacing(value: float) -> Callable[[np.ndarray], None]:
    def change(header: np.ndarray) -> None:
        header["pixdim"][0, 3] = value

    return change


def _set_datatype(header: np.ndarray) -> None:
    header["datatype"][0] = 999


def _set_nine_axes(header: np.ndarray) -> None:
    header["dim"][0, 0] = 9


BAD_FILES: list[BadInput] = [
    ("nothing is at the path", lambda f: f / "scan.nii.gz", "no such file"),
    ("the name is too long", lambda f: f / ("x" * 300 + ".nii.gz"), "too long"),
    ("the name has a null character", lambda f: f / "a\0b.nii.gz", "no valid file name"),
    ("links lead in a circle", _link_loop, "symbolic links"),
    ("a folder links to itself", _folder_loop, "holds no DICOM files"),
    ("the path is a pipe", _pipe, "pipe, socket or device"),
    ("the path is a device", lambda _f: Path("/dev/zero"), "pipe, socket or device"),
    ("the folder is empty", lambda f: f, "holds no DICOM files"),
    ("the file is empty", lambda f: _write(f / "scan.nii.gz", b""), "is empty"),
    (
        "text is named as NIfTI",
        lambda f: _write(f / "a.nii.gz", b"hello\n" * 99),
        "no known format",
    ),
    ("a picture is given", lambda f: _write(f / "a.png", b"\x89PNG\r\n" * 99), "no known format"),
    (
        "the name has line breaks and the file is of no use",
        lambda f: _write(f / "öä\nø.nii.gz", b"hello"),
        "'öä?ø.nii.gz'",
    ),
    ("the gzip is noise", lambda f: _write(f / "a.nii.gz", b"\x1f\x8b" + b"x" * 99), "damaged"),
    ("the gzip is cut", lambda f: _cut(save_nifti(f / "a.nii.gz", a_body()), 0.7), "truncated"),
    ("the gzip was changed", _bytes_changed, "truncated or damaged"),
    ("the NIfTI is cut", lambda f: _cut(save_nifti(f / "a.nii", a_body()), 0.7), "truncated"),
    (
        "the NIfTI ends within its header",
        lambda f: _write(f / "b.nii", save_nifti(f / "a.nii", a_body()).read_bytes()[:350]),
        "truncated or damaged",
    ),
    ("the NIfTI has an unknown type", lambda f: edit_header(f, _set_datatype), "damaged"),
    ("the NIfTI has nine axes", lambda f: edit_header(f, _set_nine_axes), "damaged"),
    (
        "the NIfTI spacing is zero",
        lambda f: edit_header(f, _set_spacing(0)),
        "spacing is 2 x 2.5 x 0",
    ),
    ("the NIfTI spacing is negative", lambda f: edit_header(f, _set_spacing(-4)), "x -4 mm"),
    ("the NIfTI spacing is NaN", lambda f: edit_header(f, _set_spacing(np.nan)), "x nan mm"),
    ("an Analyze pair is given", lambda f: _write(f / "a.hdr", bytes(348)), ".hdr/.img pair"),
    ("the NRRD has no orientation", _no_nrrd_space, "does not say how the scan lies"),
    (
        "the NRRD measures in meters",
        lambda f: edit_text(save_itk(f / "a.nrrd"), b"kinds:", b'space units: "m" "m" "m"\nkinds:'),
        "millimetres are needed",
    ),
    ("the NRRD is cut", lambda f: _cut(save_itk(f / "a.nrrd"), 0.7), "truncated or damaged"),
    ("the packed NRRD was altered", lambda f: _altered(f, ".nrrd"), "truncated or damaged"),
    ("the packed MetaImage was altered", lambda f: _altered(f, ".mha"), "truncated or damaged"),
    (
        "the NRRD is in scanner coordinates",
        lambda f: edit_text(save_itk(f / "a.nrrd"), b"left-posterior-superior", b"scanner-xyz"),
        "does not say how the scan lies",
    ),
    ("the NRRD data lie elsewhere", _nrrd_data_elsewhere, "another folder"),
    ("the MetaImage is cut", lambda f: _cut(save_itk(f / "a.mha"), 0.7), "truncated or damaged"),
    ("the MetaImage data lie elsewhere", _data_elsewhere, "another folder"),
    ("the MetaImage data are missing", _no_data_file, "no such file"),
    (
        "the MetaImage spacing is zero",
        lambda f: edit_text(save_itk(f / "a.mha"), b"ElementSpacing = 2 ", b"ElementSpacing = 0 "),
        "spacing is '0 2.5 4'",
    ),
    (
        "the MetaImage has no spacing",
        lambda f: edit_text(save_itk(f / "a.mha"), b"ElementSpacing = 2 2.5 4\n", b""),
        "spacing is ''",
    ),
    ("the zip is cut", _truncated_zip, "damaged zip"),
    ("the zip is empty", lambda f: _zip(f, {}), "holds no DICOM files"),
    ("the zip holds text", lambda f: _zip(f, {"a.txt": b"hello"}), "holds no DICOM files"),
    ("the zip is encrypted", _encrypted_zip, "is encrypted"),
    ("the zip leads out of itself", lambda f: _zip(f, {"../x.dcm": b"x"}), "lead out of it"),
    ("the zip has absolute names", lambda f: _zip(f, {"/x.dcm": b"x"}), "lead out of it"),
    ("the zip holds a link", _zip_link, "lead out of it"),
    ("the zip is a bomb", _zip_bomb, "more than a scan can need"),
]
