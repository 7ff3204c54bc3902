"""Archives whose directory is whole and whose content is not, as a bad disk leaves them."""

from __future__ import annotations

import zipfile
from pathlib import Path

_NO_BLOCK = 0x07  # the last block, of a type that deflate does not have


def garble_streams(path: Path) -> None:
    """Make every entry of a zip a stream that cannot be unpacked."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        headers = [entry.header_offset for entry in archive.infolist()]
    for at in headers:  # the lengths of a name and of what is added stand at 26 and 28
        lengths = (int.from_bytes(data[at + n : at + n + 2], "little") for n in (26, 28))
        data[at + 30 + sum(lengths)] = _NO_BLOCK
    path.write_bytes(data)
