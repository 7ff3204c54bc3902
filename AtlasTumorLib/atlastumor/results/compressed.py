"""Volumes streamed into gzip slab by slab, with the same bytes for the same voxels."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

__all__ = ["SLAB", "compressed_file", "slice_ranges"]

SLAB = 16  # slices at a time: 4 MB of labels at 512 x 512


def slice_ranges(n_slices: int) -> Iterator[tuple[int, int]]:
    """Cut a volume into slabs.

    Args:
        n_slices: Slices along k.

    Returns:
        (first, last + 1) of each slab.
    """
    return ((first, min(first + SLAB, n_slices)) for first in range(0, n_slices, SLAB))


@contextmanager
def compressed_file(path: Path, *, mode: str = "wb", level: int = 4) -> Iterator[BufferedIOBase]:
    """Open a file that is compressed as it is written, without name or time in its header.

    Args:
        path: The file.
        mode: "wb", or "ab" to compress what follows a plain header.
        level: 1 (fast) to 9 (small); label maps gain little beyond 4.

    Yields:
        Where to write.
    """
    with (
        path.open(mode) as raw,
        gzip.GzipFile("", "wb", compresslevel=level, fileobj=raw, mtime=0) as file,
    ):
        yield file
