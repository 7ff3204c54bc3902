"""Files as they come: whether they may be opened, what they hold, and their hash.

Only regular files are opened: a pipe or a device would hang or never end. What a file holds is
told by its first bytes and not by its name.
"""

from __future__ import annotations

import hashlib
import stat
import zlib
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError

__all__ = [
    "FORMATS",
    "hash_files",
    "is_dicom",
    "is_dicom_head",
    "make_text",
    "name_of",
    "refuse",
    "require_file",
    "require_path",
    "sniff_format",
]

FORMATS = "a NIfTI, NRRD or MetaImage file, or a DICOM file, folder or zip"
_HEAD_BYTES = 4096
_NAME_CHARS = 80
# SOP Class and group length elements open a DICOM file that was written without its preamble.
_BARE_DICOM = (
    *(b"\x02\x00\x00\x00", b"\x08\x00\x05\x00", b"\x08\x00\x08\x00", b"\x08\x00\x16\x00"),
    *(b"\x08\x00\x00\x00\x04\x00\x00\x00", b"\x08\x00\x00\x00UL\x04\x00"),
)


def name_of(path: Path) -> str:
    """Quote a path's last part for a message: one line, no folders, not too long."""
    name = path.name or path.resolve().name or str(path)
    name = "".join(c if c.isprintable() else "?" for c in name)
    if len(name) > _NAME_CHARS:
        name = f"{name[: _NAME_CHARS // 2]}...{name[-_NAME_CHARS // 3 :]}"
    return f"'{name}'"


def make_text(name: str) -> str:
    """Make a text that every table and file takes of a name, as names of files need be no text.

    Args:
        name: As the system gave it, or a sentence with it.

    Returns:
        The same, bytes that are no text as escapes.
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def refuse(path: Path, error: OSError, *, give: str = FORMATS) -> InputError:
    """Turn what the system says about a path into an error for the user.

    Args:
        path: What the user gave.
        error: What the system said.
        give: What is to be given instead, in words.

    Returns:
        The error.
    """
    reason = (error.strerror or "unknown reason").lower()
    return InputError(f"{name_of(path)} cannot be read: {reason}. Give {give}.")


def require_path(path: Path, *, give: str = FORMATS) -> Path:
    """Check that a path leads to a regular file or a folder.

    Args:
        path: What the user gave.
        give: What is to be given instead, in words.

    Returns:
        The same path.

    Raises:
        InputError: If nothing is there, it cannot be reached, or it is a pipe or a device.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise refuse(path, error, give=give) from error
    except ValueError as error:  # a null character in the name
        msg = f"{name_of(path)} is no valid file name. Give {give}."
        raise InputError(msg) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        msg = f"{name_of(path)} is a pipe, socket or device. Give {give}."
        raise InputError(msg)
    return path


def require_file(path: Path, *, give: str = FORMATS) -> Path:
    """Check that a path leads to a regular file.

    Args:
        path: A file that the user gave, or that another file names.
        give: What is to be given instead, in words.

    Returns:
        The same path.

    Raises:
        InputError: If it is anything else.
    """
    if require_path(path, give=give).is_dir():
        msg = f"{name_of(path)} is a folder where a file is needed."
        raise InputError(msg)
    return path


def _head(path: Path) -> tuple[bytes, bool]:
    """Read the first bytes of a file, unpacked if it is gzipped, and whether it is."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        raise refuse(path, error) from error
    if not head.startswith(b"\x1f\x8b"):
        return head, False
    try:
        return zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES), True
    except zlib.error as error:
        msg = f"{name_of(path)} is a damaged gzip file. Copy or download it again."
        raise InputError(msg) from error


def is_dicom_head(head: bytes) -> bool:
    """Tell whether the first 132 bytes of a file are those of a DICOM file."""
    return head[128:132] == b"DICM" or head.startswith(_BARE_DICOM)


def is_dicom(path: Path) -> bool:
    """Tell whether a file begins as DICOM files do.

    Args:
        path: A regular file.

    Returns:
        True with the Part 10 preamble, and without it if the first element is a usual one.

    Raises:
        InputError: If it cannot be opened.
    """
    try:
        with path.open("rb") as stream:
            return is_dicom_head(stream.read(132))
    except OSError as error:
        raise refuse(path, error) from error


def sniff_format(path: Path) -> str:
    """Tell what a file holds from its first bytes.

    Args:
        path: A regular file.

    Returns:
        "nifti", "pair", "nrrd", "metaimage", "zip", "dicom", or "" for anything else.

    Raises:
        InputError: If it is empty or cannot be opened.
    """
    head, is_packed = _head(path)
    if not head:
        msg = f"{name_of(path)} is empty. Copy or download it again."
        raise InputError(msg)
    signs = {
        "nifti": head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0",
        "nrrd": head.startswith(b"NRRD000"),
        "metaimage": _is_metaimage(head.lstrip()),
        "zip": head.startswith((b"PK\x03\x04", b"PK\x05\x06")),
        "dicom": is_dicom_head(head),
        "pair": head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0" or _is_analyze(path),
    }
    kind = next((kind for kind, is_sign in signs.items() if is_sign), "")
    return "" if is_packed and kind not in ("nifti", "pair") else kind


def _is_metaimage(head: bytes) -> bool:
    """Whether a header begins as MetaIO writes it; a comment, if there is one, comes first."""
    is_commented = head.startswith(b"Comment") and b"\nNDims" in head
    return is_commented or head.startswith((b"ObjectType", b"NDims"))


def _is_analyze(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith((".hdr", ".img"))


def hash_files(paths: Iterable[Path]) -> str:
    """Hash the bytes of files, one after the other.

    Args:
        paths: Regular files, in the order that counts.

    Returns:
        SHA-256, hex.
    """
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
