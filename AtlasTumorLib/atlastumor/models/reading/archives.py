"""Zips from anywhere: looked through before anything is read out of them or written to disk.

Source:
    APPNOTE.TXT (zip), 4.4; D. Fifield, "A better zip bomb", WOOT 2019: why parts must not overlap.
"""

from __future__ import annotations

import io
import re
import shutil
import stat
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ...progress import Progress, ignore_progress
from .refusals import refusing, require

__all__ = ["open_zip", "unpacked"]

_MOST_ENTRIES = 100_000
_MOST_FILES = 10_000
_MOST_PIECE_BYTES = 32 << 20
_TOO_LONG = "a part or its table of contents is too long"
_MOST_BYTES = 64 << 30
# Weights hardly shrink, and text shrinks ten to thirty times; more is no model.
_MOST_RATIO = 50
_ANY_RATIO_BYTES = 64 << 20
_SPARE_BYTES = 256 << 20
_BLOCK = 1 << 20
_LOCAL_HEADER_BYTES = 30
_END_BYTES = 56 + 20 + 22  # of the table of contents: its large numbers, their place, its end
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_MOST_CHARACTERS = 400
_MOST_PART_CHARACTERS = 200
_MOST_PARTS = 24
# What some system cannot write, or takes for a device or a stream.
_ODD = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]|[ .]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.I)


class _Guarded(io.FileIO):
    """A file of which no large piece is read at once: a zip's index may claim any size."""

    def read(self, size: int | None = -1) -> bytes:
        """Read at most `size` bytes, or all if that is None or negative."""
        wanted = _MOST_PIECE_BYTES + 1 if size is None or size < 0 else size
        require(wanted <= _MOST_PIECE_BYTES + 1, _TOO_LONG)
        piece = super().read(wanted) or b""
        require(len(piece) <= _MOST_PIECE_BYTES, _TOO_LONG)
        return piece


@contextmanager
def open_zip(path: Path, *, stored: bool = False) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose table of contents is sound.

    Args:
        path: The zip.
        stored: Whether its parts must not be compressed, and its end be such that no reader
            could take it for another zip.

    Yields:
        The zip. Its names may still lead anywhere; see `unpacked`.

    Raises:
        Refusal: If parts are repeated, overlap, are encrypted, or packed in an unusual way.
        zipfile.BadZipFile, OSError: If it is broken.
    """
    with _Guarded(path) as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        require(len(entries) <= _MOST_ENTRIES, f"it holds more than {_MOST_ENTRIES} parts")
        if stored:
            _check_end(file, archive.start_dir)
        methods = {zipfile.ZIP_STORED} if stored else {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
        for entry in entries:
            require(not entry.flag_bits & _ENCRYPTED, "it is encrypted; unpack it first")
            require(entry.compress_type in methods, "its parts are compressed in an unusual way")
            if entry.compress_type == zipfile.ZIP_STORED:
                require(entry.file_size == entry.compress_size, "it lies about its sizes")
        names = [_folded(entry.orig_filename) for entry in entries]
        require(len(set(names)) == len(names), "it holds two parts of one name")
        _check_places(entries, path.stat().st_size)
        yield archive


def _check_end(file: BinaryIO, start: int) -> None:
    """Refuse a zip that another reader, which trusts each number, would begin elsewhere."""
    n_bytes = file.seek(0, io.SEEK_END)
    file.seek(max(0, n_bytes - _END_BYTES))
    tail = file.read(_END_BYTES).rjust(_END_BYTES)
    record, locator, end = tail[:56], tail[56:76], tail[76:]
    said = int.from_bytes(end[16:20], "little")
    is_usual = end[:4] == b"PK\x05\x06" and end[20:] == b"\0\0"
    if locator[:4] == b"PK\x06\x07":
        said = int.from_bytes(record[48:], "little")
        place = int.from_bytes(locator[8:16], "little")
        is_usual = is_usual and record[:4] == b"PK\x06\x06" and place == n_bytes - _END_BYTES
    require(is_usual and said == start, "it is put together in an unusual way")


def _folded(name: str) -> str:
    """A name as systems compare it that do not tell case."""
    return unicodedata.normalize("NFC", name).casefold().rstrip("/")


def _check_places(entries: Iterable[zipfile.ZipInfo], n_bytes: int) -> None:
    """Refuse parts that overlap, or lie outside the file."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        require(entry.header_offset >= end, "its parts overlap")
        end = entry.header_offset + _LOCAL_HEADER_BYTES + entry.compress_size
    require(end <= n_bytes, "it says that its parts are larger than the file")


@contextmanager
def unpacked(
    path: Path, *, within: Path | None = None, progress: Progress = ignore_progress
) -> Iterator[Path]:
    """Unpack a zip into a folder that is gone afterwards.

    All names and sizes are checked before the first byte is written. What macOS adds is left out.

    Args:
        path: The zip.
        within: Where to make the folder; None for the system's place for temporary files.
        progress: Told how far the unpacking is.

    Yields:
        The folder with its content; of folders that hold one folder alone, the innermost.

    Raises:
        WeightsError: If it is no zip, broken, too large, or holds names that lead out of it, links,
            devices, or names that some system cannot write.
        Cancelled: If `progress` raises it; nothing stays behind.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory(prefix="AtlasTumor-", dir=within) as name:
        folder = Path(name)
        with refusing(path, "a zip"), open_zip(path) as archive:
            entries = [entry for entry in archive.infolist() if not _is_clutter(entry.filename)]
            _check_names(entries)
            _check_sizes(entries, path, folder)
            _unpack(archive, entries, folder, progress)
        yield _innermost(folder)


def _is_clutter(name: str) -> bool:
    """Whether it is what macOS puts beside the files."""
    parts = name.split("/")
    return parts[0] == "__MACOSX" or parts[-1] == ".DS_Store"


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    """Refuse what does not name a plain file or folder inside, on any system."""
    require(len(entries) <= _MOST_FILES, f"it holds more than {_MOST_FILES} files")
    files = {_folded(entry.filename) for entry in entries if not entry.is_dir()}
    for entry in entries:
        shown = ascii(entry.orig_filename[:80])
        kind = stat.S_IFMT(entry.external_attr >> 16)
        require(kind in (0, stat.S_IFREG, stat.S_IFDIR), f"{shown} in it is a link or a device")
        parts = entry.orig_filename.removesuffix("/").split("/")
        require(not {"", ".", ".."} & set(parts), f"the name {shown} in it leads elsewhere")
        require(
            not any(map(_ODD.search, parts)), f"the name {shown} in it cannot be used everywhere"
        )
        is_short = len(entry.orig_filename) <= _MOST_CHARACTERS and len(parts) <= _MOST_PARTS
        is_short = is_short and max(map(len, parts)) <= _MOST_PART_CHARACTERS
        require(is_short, f"the name {shown} in it is too long")
        above = {_folded("/".join(parts[:n])) for n in range(1, len(parts))}
        require(not above & files, f"the name {shown} in it takes a file for a folder")


def _check_sizes(entries: list[zipfile.ZipInfo], path: Path, folder: Path) -> None:
    """Refuse what would unpack to more than a model, or than the disk has room for."""
    total = sum(entry.file_size for entry in entries)
    most = min(_MOST_BYTES, max(_ANY_RATIO_BYTES, _MOST_RATIO * path.stat().st_size))
    require(
        total <= most, f"it would unpack to {total / 1e6:.0f} MB, which no model of its size does"
    )
    free = shutil.disk_usage(folder).free - _SPARE_BYTES
    require(
        total <= free,
        f"it unpacks to {total / 1e6:.0f} MB, and {max(free, 0) / 1e6:.0f} MB are free to use; "
        "make room",
    )


def _unpack(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: Path, progress: Progress
) -> None:
    """Write the files; sizes are counted, since an archive may lie about them."""
    total = sum(entry.file_size for entry in entries) or 1
    written = 0
    for entry in entries:
        target = folder / entry.filename
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        with archive.open(entry) as source, target.open("xb") as sink:
            while block := source.read(_BLOCK):
                size += len(block)
                require(size <= entry.file_size, "it lies about its sizes")
                sink.write(block)
                progress((written + size) / total, "Unpacking")
        require(size == entry.file_size, "it lies about its sizes")
        written += size


def _innermost(folder: Path) -> Path:
    """Go down while there is one folder alone."""
    while len(inside := list(folder.iterdir())) == 1 and inside[0].is_dir():
        folder = inside[0]
    return folder
