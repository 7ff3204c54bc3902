"""A zip of DICOM files, unpacked with care.

Names inside the archive never become paths: each DICOM entry is written under a number. Sizes are
counted while unpacking, since an archive may lie about them.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..errors import InputError
from ..progress import Progress
from .dicom_headers import SUFFIXES
from .input_files import is_dicom, name_of

__all__ = ["opened_zip", "unpack_dicom"]

_MAX_ENTRIES = 50_000
_MAX_BYTES = 8 << 30
# CT packs about 3:1 and an empty image 1000:1; beyond this and 256 MB it is no scan.
_MAX_RATIO = 100
_FREE_BYTES = 256 << 20
_BLOCK = 1 << 20
# The last three are names that are no text, no names at all, and files that want a password.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError),
    *(UnicodeError, IndexError, RuntimeError),
)


def unpack_dicom(path: Path, folder: Path, progress: Progress) -> int:
    """Unpack the DICOM files of a zip.

    Args:
        path: The zip.
        folder: An empty private folder to write to.
        progress: Told how far the unpacking is.

    Returns:
        How many files were written.

    Raises:
        InputError: If the zip is damaged, encrypted, hostile or too large.
    """
    with opened_zip(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _check_entries(entries, path)
        return _unpack(archive, entries, path, folder, progress)


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip, and translate what zipfile says of a bad one.

    Args:
        path: A regular file.

    Yields:
        The archive.

    Raises:
        InputError: If it is damaged, encrypted, or packed in a way that is not known here, no
            matter when that shows.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (*_DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk; what is wrong inside a bzip2 stream has no number
        msg = (
            f"{name_of(path)} is a damaged zip, or encrypted, or packed in an unusual way. "
            "Pack it again."
        )
        raise InputError(msg) from error


def _check_entries(entries: list[zipfile.ZipInfo], path: Path) -> None:
    """Refuse, before anything is written, what no export of a scan contains."""
    if len(entries) > _MAX_ENTRIES:
        msg = f"{name_of(path)} holds more than {_MAX_ENTRIES} files. Pack one series alone."
        raise InputError(msg)
    for entry in entries:
        if entry.flag_bits & 1:
            msg = f"{name_of(path)} is encrypted. Unpack it first and give the folder."
            raise InputError(msg)
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        is_link = stat.S_ISLNK(entry.external_attr >> 16)
        if name.is_absolute() or ".." in name.parts or is_link:
            msg = f"{name_of(path)} holds links or names that lead out of it; it is not unpacked."
            raise InputError(msg)


def _unpack(
    archive: zipfile.ZipFile,
    entries: list[zipfile.ZipInfo],
    path: Path,
    folder: Path,
    progress: Progress,
) -> int:
    """Write the DICOM entries as numbered files."""
    packed = max(path.stat().st_size, 1)
    allowed = min(_MAX_BYTES, max(_MAX_RATIO * packed, _FREE_BYTES))
    allowed = min(allowed, shutil.disk_usage(folder).free - _FREE_BYTES)
    n_written = 0
    for n, entry in enumerate(entries):
        name = PurePosixPath(entry.filename.replace("\\", "/")).name
        suffix = ".dcm" if name.lower().endswith(SUFFIXES) else ""
        target = folder / f"{n:06d}{suffix}"
        allowed -= _copy(archive, entry, target, allowed, path)
        if name.startswith("._") or not (suffix or is_dicom(target)):
            target.unlink()  # no DICOM; one that only says so stays, to be refused by the reader
        else:
            n_written += 1
        progress(n / len(entries), "Unpacking the zip")
    return n_written


def _copy(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, allowed: int, path: Path
) -> int:
    """Copy one entry to a new file and return its size; stop at `allowed` bytes."""
    size = 0
    with archive.open(entry) as source, target.open("xb") as sink:
        while block := source.read(_BLOCK):
            size += len(block)
            if size > allowed:
                msg = (
                    f"{name_of(path)} unpacks to more than a scan can need, or than the disk has "
                    "room for. Unpack it yourself and give the folder of the series."
                )
                raise InputError(msg)
            sink.write(block)
    return size
