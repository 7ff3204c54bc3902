"""Where scans come from: a folder that is looked into, or a DICOM port that is listened on."""

from __future__ import annotations

import queue
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..errors import InputError
from .folder import FolderWatch

if TYPE_CHECKING:
    from ..hospital import Tls

__all__ = ["FolderSource", "Port", "PortSource", "Source"]

_GOING = ".going-"


class Source(Protocol):
    """Tells what has arrived; `poll` is called from a thread of its own."""

    @property
    def trouble(self) -> str:
        """Why nothing can arrive, a sentence; empty if it can."""

    def poll(self) -> list[Path]:
        """Give files and folders that have arrived since the last call."""

    def delete_before(self, limit_s: float, is_needed: Callable[[Path], bool]) -> int:
        """Delete what is ours to delete.

        Args:
            limit_s: What changed after this time is kept, seconds since 1970.
            is_needed: Whether a folder is still to be read.

        Returns:
            How many arrivals were deleted.
        """

    def open(self) -> None:
        """Begin."""

    def close(self) -> None:
        """Let nothing arrive any more; may be called again."""


class FolderSource:
    """A folder of the user's, in which nothing is ever changed.

    Args:
        folder: The folder.
        still_s: How long an arrival must not change to be complete, in seconds.
        pause_s: Least time between two looks, in seconds.
    """

    def __init__(self, folder: Path, *, still_s: float, pause_s: float) -> None:
        """Know nothing yet."""
        self._watch = FolderWatch(folder, still_s=still_s)
        self._pause_s = pause_s
        self._next_s = 0.0
        self._is_away = False

    @property
    def trouble(self) -> str:
        """Why nothing can arrive."""
        return "The watched folder cannot be read." if self._is_away else ""

    def poll(self) -> list[Path]:
        """Look into the folder, unless that was just done; a share that is away is waited for."""
        if time.monotonic() < self._next_s:
            return []
        started = time.monotonic()
        try:
            arrived = self._watch.poll()
            self._is_away = False
        except OSError:
            arrived, self._is_away = [], True
        # A share of ten thousand files is slow to look through; most of the time it is left alone.
        took = time.monotonic() - started
        self._next_s = started + max(self._pause_s, 10 * took)
        return arrived

    def delete_before(self, limit_s: float, is_needed: Callable[[Path], bool]) -> int:
        """Delete nothing: the folder is the user's."""
        del limit_s, is_needed
        return 0

    def open(self) -> None:
        """Make sure that the folder is there.

        Raises:
            InputError: If it is not, or cannot be read.
        """
        try:
            any(self._watch.folder.iterdir())
        except OSError as error:
            msg = (
                f"'{self._watch.folder}' cannot be watched: {error.strerror}. Name a folder that "
                "can be read."
            )
            raise InputError(msg) from error

    def close(self) -> None:
        """Look no more."""
        self._watch.close()


@dataclass(frozen=True)
class Port:
    """Where and how a DICOM port is listened on.

    Args:
        ae_title: What we are called.
        host: Address to listen at.
        port: Its number; 0 takes a free one.
        still_s: A study has arrived when nothing of it came for so long, in seconds.
        callers: AE titles that are served; empty for all.
        most_bytes: That received studies may take; None for no limit.
        keep_free_bytes: That the disk must keep free.
        tls: Certificates; None speaks in clear.
    """

    ae_title: str
    host: str
    port: int
    still_s: float
    callers: tuple[str, ...] = ()
    most_bytes: int | None = None
    keep_free_bytes: int = 2_000_000_000
    tls: Tls | None = None


@dataclass
class PortSource:
    """A DICOM port, and the folder of ours into which studies come.

    Args:
        folder: Where studies are kept.
        port: Where to listen.
    """

    folder: Path
    port: Port
    _arrived: queue.SimpleQueue[Path] = field(default_factory=queue.SimpleQueue)
    _left: list[Path] = field(default_factory=list)
    _left_due_s: float = 0.0
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def trouble(self) -> str:
        """Why nothing can arrive; the server refuses what it has no room for by itself."""
        return ""

    @property
    def number(self) -> int:
        """Of the port that is listened on."""
        return self._server.port

    def poll(self) -> list[Path]:
        """Give studies that have arrived; at first those that an earlier run received."""
        paths: dict[Path, None] = {}
        if self._left and time.monotonic() >= self._left_due_s:
            paths = dict.fromkeys(self._left)
            self._left.clear()
        while True:
            try:
                paths[self._arrived.get_nowait()] = None
            except queue.Empty:
                return [path for path in paths if path.is_dir()]

    def delete_before(self, limit_s: float, is_needed: Callable[[Path], bool]) -> int:
        """Delete studies that came before a time and are not needed any more."""
        from ..hospital import list_studies

        old = [one.folder for one in list_studies(self.folder) if _newest_s(one.folder) < limit_s]
        gone = [folder for folder in old if not is_needed(folder)]
        for folder in gone:
            going = folder.with_name(f"{_GOING}{folder.name}")
            folder.rename(going)  # at once, so that what comes meanwhile starts a new folder
            shutil.rmtree(going, ignore_errors=True)
        return len(gone)

    def open(self) -> None:
        """Listen.

        Raises:
            NetworkError: If the port cannot be listened on.
            OutputError: If the folder cannot be used.
        """
        from ..hospital import StoreServer, list_studies

        own = self.port
        for going in self.folder.glob(f"{_GOING}*"):
            shutil.rmtree(going, ignore_errors=True)
        # Whoever sent the last of them may have been cut off, and will send it again.
        self._left = [one.folder for one in list_studies(self.folder)]
        self._left_due_s = time.monotonic() + own.still_s
        self._server = self._stack.enter_context(
            StoreServer(
                self.folder,
                lambda study: self._arrived.put(study.folder),
                port=own.port,
                host=own.host,
                ae_title=own.ae_title,
                callers=own.callers,
                idle_s=own.still_s,
                most_bytes=own.most_bytes,
                keep_free_bytes=own.keep_free_bytes,
                tls=own.tls,
            )
        )

    def close(self) -> None:
        """Hang up."""
        self._stack.close()


def _newest_s(folder: Path) -> float:
    """When something in a folder was last written, seconds since 1970."""
    return max(one.stat().st_mtime for one in (folder, *folder.rglob("*")))
