"""Locks between processes, which the system gives back when a process is killed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

__all__ = ["alone", "locked"]


@contextmanager
def locked(handle: int) -> Iterator[None]:
    """Hold a lock on an open file.

    Args:
        handle: Of the file, open for writing.

    Yields:
        Nothing, once nobody else holds it; its readers need no lock.

    Raises:
        OSError: If the file system knows no locks.
    """
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows alone

        far = 2**30  # beyond the content: readers that take no lock may still read it
        os.lseek(handle, far, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
        try:
            yield
        finally:
            os.lseek(handle, far, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - does not exist on Windows

        fcntl.flock(handle, fcntl.LOCK_EX)  # given back when the file is closed
        yield


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep others out while something is done that two must not do at once.

    Args:
        path: File that stands for it; made, and removed afterwards.

    Yields:
        Nothing, once nobody else is at it.

    Raises:
        OSError: If the file cannot be made or locked.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        with FileIO(handle, "r+b"), locked(handle):
            if not _is_at(path, handle):
                continue  # who held it has removed it meanwhile
            try:
                yield
            finally:
                with suppress(PermissionError):  # Windows keeps what somebody waits for
                    path.unlink(missing_ok=True)
            return


def _is_at(path: Path, handle: int) -> bool:
    """Whether an open file is the one that has this name now."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
