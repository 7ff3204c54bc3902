"""A folder that takes DICOM objects as they come: each whole or not at all, sorted by hashes.

`<study>/<series>/<object>.dcm`, each name the beginning of a SHA-256 of its UID: nothing of what
was sent becomes a path, and nobody reads a patient's name in one. What is being written lies in a
hidden folder beside them.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import uuid
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.filereader import data_element_generator
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from .instances import raw_text
from .statuses import MISMATCH, NOT_UNDERSTOOD, OUT_OF_RESOURCES

__all__ = ["Inbox", "Kept", "RefusedInstanceError", "list_objects"]

_INCOMING = ".incoming"
_NEEDED = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
_GROUPS = ("StudyInstanceUID", "SeriesInstanceUID")
_META_START = 144  # preamble, prefix, and the element that says how long the rest of group 2 is
_UNDEFINED = 0xFFFFFFFF
_FREE_BYTES = 2_000_000_000


class RefusedInstanceError(Exception):
    """An object that is not kept; the message says why and names nobody.

    Args:
        status: For whoever sent it.
        message: Why.
    """

    def __init__(self, status: int, message: str) -> None:
        """Keep the status beside the message."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Kept:
    """An object that came and was kept.

    Args:
        study: Name of its study's folder.
        path: Its file.
        is_new: Whether it was not there before, byte for byte.
    """

    study: str
    path: Path
    is_new: bool


def list_objects(folder: Path, study: str, series: str) -> list[Path]:
    """List the objects of a series that an inbox holds.

    Args:
        folder: Of the inbox.
        study: UID of the study.
        series: UID of the series.

    Returns:
        Their files.
    """
    return list((folder / _name_group(study) / _name_group(series)).glob("*.dcm"))


class Inbox:
    """The folder; several threads may use it.

    Args:
        folder: Made if it does not exist.
        most_bytes: That all its files together may take; None for no limit.
        keep_free_bytes: That the disk must keep free.

    Raises:
        OSError: If the folder cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        *,
        most_bytes: int | None = None,
        keep_free_bytes: int = _FREE_BYTES,
    ) -> None:
        """Remove what an earlier process had not finished writing."""
        self.folder = folder
        self._incoming = folder / _INCOMING
        self._most_bytes = most_bytes
        self._keep_free_bytes = keep_free_bytes
        self._lock = threading.Lock()
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(parents=True)
        self._n_bytes = self._count_bytes()

    def keep(self, content: bytes, *, sop_class: str = "", uid: str = "") -> Kept:
        """Write an object.

        Args:
            content: The whole file as it will be, with its preamble.
            sop_class: The kind that was announced; empty if none was.
            uid: The UID that was announced; empty if none was.

        Returns:
            Where it is.

        Raises:
            RefusedInstanceError: If it is damaged, is not what was announced, or there is no room.
        """
        told = _read_uids(content)
        for announced, name in ((sop_class, "SOPClassUID"), (uid, "SOPInstanceUID")):
            if announced and announced != told[name]:
                raise RefusedInstanceError(MISMATCH, f"its {name} is not the one it was sent under")
        study, series = (_name_group(told[name]) for name in _GROUPS)
        path = self.folder / study / series / f"{_shorten(told['SOPInstanceUID'], 32)}.dcm"
        with self._lock:
            if _holds(path, content):
                return Kept(study, path, is_new=False)
            try:
                self._make_room(len(content))
                self._write(path, content)
            except OSError as error:
                reason = (error.strerror or "unknown reason").lower()
                raise RefusedInstanceError(OUT_OF_RESOURCES, f"no room ({reason})") from error
        return Kept(study, path, is_new=True)

    def close(self) -> None:
        """Remove the hidden folder."""
        shutil.rmtree(self._incoming, ignore_errors=True)

    def _make_room(self, n_bytes: int) -> None:
        """Refuse what would fill the disk or the folder."""
        if shutil.disk_usage(self.folder).free - n_bytes < self._keep_free_bytes:
            raise RefusedInstanceError(OUT_OF_RESOURCES, "the disk is nearly full")
        if self._most_bytes is None:
            return
        if self._n_bytes + n_bytes > self._most_bytes:
            self._n_bytes = self._count_bytes()  # others may have taken studies away
        if self._n_bytes + n_bytes > self._most_bytes:
            raise RefusedInstanceError(OUT_OF_RESOURCES, "the folder holds all it may")

    def _write(self, path: Path, content: bytes) -> None:
        part = self._incoming / uuid.uuid4().hex
        try:
            part.write_bytes(content)
            path.parent.mkdir(parents=True, exist_ok=True)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        self._n_bytes += len(content)

    def _count_bytes(self) -> int:
        if self._most_bytes is None:
            return 0
        return sum(one.stat().st_size for one in self.folder.rglob("*") if one.is_file())


def _name_group(uid: str) -> str:
    return _shorten(uid, 16)


def _shorten(uid: str, n_chars: int) -> str:
    return hashlib.sha256(uid.encode("utf-8")).hexdigest()[:n_chars]


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _read_uids(content: bytes) -> dict[str, str]:
    """Read a whole object through, so that a cut one is found, and give its UIDs."""
    try:
        dataset = pydicom.dcmread(BytesIO(content), stop_before_pixels=True, specific_tags=_NEEDED)
        told = {name: raw_text(dataset, name) for name in _NEEDED}
        meta = dataset.file_meta
        start = _META_START + int(meta.FileMetaInformationGroupLength)
        _walk(content, start, meta.TransferSyntaxUID)
    except Exception as error:  # pydicom raises whatever its parsing of foreign bytes runs into
        raise RefusedInstanceError(NOT_UNDERSTOOD, "it is cut or damaged") from error
    missing = [name for name, value in told.items() if not value]
    if missing:
        raise RefusedInstanceError(MISMATCH, f"it has no {', '.join(missing)}")
    return told


def _walk(content: bytes, start: int, syntax: UID) -> None:
    """Go over all elements; pydicom's own reader takes a cut file for a short one.

    Raises:
        EOFError: If the last of them is cut.
    """
    if syntax == DeflatedExplicitVRLittleEndian:
        content, start = zlib.decompress(content[start:], -zlib.MAX_WBITS), 0
    stream = BytesIO(content)  # shares the bytes, of which there may be a gigabyte
    stream.seek(start)
    for element in data_element_generator(stream, syntax.is_implicit_VR, syntax.is_little_endian):
        if not isinstance(element, RawDataElement) or element.length == _UNDEFINED:
            continue
        if len(element.value or b"") < element.length:
            raise EOFError
    if stream.tell() < len(content):
        raise EOFError
