"""Checksums of packed data inside NRRD and MetaImage.

ITK does not look at them: it takes what a damaged stream gave up to the fault and goes on.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from ..errors import InputError
from .input_files import name_of

__all__ = ["check_packed"]

_BLOCK = 1 << 20
_ZLIB_OR_GZIP = 47


def check_packed(path: Path, offset: int) -> tuple[int, int]:
    """Unpack a zlib or gzip stream into nothing, and check that it is whole.

    Args:
        path: The file it lies in.
        offset: Where in the file it begins, bytes.

    Returns:
        How many bytes it holds unpacked, and how many it takes up in the file.

    Raises:
        InputError: If it is cut or altered.
    """
    unpacker = zlib.decompressobj(_ZLIB_OR_GZIP)
    size = n_read = 0
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            while not unpacker.eof and (block := unpacker.unconsumed_tail or stream.read(_BLOCK)):
                size += len(unpacker.decompress(block, 16 * _BLOCK))
            n_read = stream.tell() - offset
    except zlib.error:
        size = -1
    if size < 0 or not unpacker.eof:
        msg = f"{name_of(path)} is truncated or damaged. Copy or export the scan again."
        raise InputError(msg)
    return size, n_read - len(unpacker.unused_data)
