"""The folder of a cohort: what lies where, who may write, and how a result gets to its place.

journal.sqlite      where every case stands
cases/ID/           results, each whole
.staging/           results that are being written; nothing in it ever counts
.runner.lock        held by the one runner that may write
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import OutputError
from ..results.folder import speaking_of
from ..results.staging import try_writing
from .journal import JOURNAL
from .outcome import sync
from .rows import check_id

__all__ = ["CohortFolder"]

_LOCK = ".runner.lock"
_LOOK_S = 1.0  # longer than anybody holds the lock to see whether it is held
_NEEDED_BYTES = 50_000_000


class CohortFolder:
    """Where a cohort's results go.

    Args:
        directory: The folder; need not exist.
    """

    def __init__(self, directory: Path) -> None:
        """Name the places; nothing is made."""
        self.directory = directory.expanduser().resolve()
        self.journal = self.directory / JOURNAL
        self.cases = self.directory / "cases"
        self.staging = self.directory / ".staging"

    def result_of(self, case_id: str) -> Path:
        """Where the result of a case is, once it is done."""
        return self.cases / check_id(case_id)

    def staging_of(self, case_id: str, token: str) -> Path:
        """Where a worker writes the result of a case that was handed out under a token."""
        return self.staging / f"{check_id(case_id)}.{token}"

    def check(self, inputs: Sequence[Path] = ()) -> None:
        """Make sure that a cohort can be written here, before any work.

        Args:
            inputs: Folders and files of scans.

        Raises:
            OutputError: If the folder lies within an input or holds other files, or if it cannot
                be written to.
        """
        for path in inputs:
            inside = path.expanduser().resolve()
            if not inside.exists():  # a pattern; of what it names the folder is left out
                continue
            if inside == self.directory or self.directory.is_relative_to(inside):
                msg = (
                    f"'{self.directory}' lies within the input '{inside}', where results would be "
                    "taken for scans. Choose a folder outside of it."
                )
                raise OutputError(msg)
        with speaking_of(self.directory):
            if self.directory.exists() and not self.directory.is_dir():
                msg = f"'{self.directory}' is a file; name a folder for the results."
                raise OutputError(msg)
            if self.directory.is_dir() and not self.journal.exists():
                self._refuse_strangers()
            free = shutil.disk_usage(try_writing(self.staging)).free
        if free < _NEEDED_BYTES:
            msg = (
                f"Only {free / 1e6:.0f} MB are free for '{self.directory}'. Free some space or "
                "choose another folder."
            )
            raise OutputError(msg)

    def _refuse_strangers(self) -> None:
        own = {self.cases.name, self.staging.name, _LOCK}
        names = {path.name for path in self.directory.iterdir()}
        if names - own and not self.cases.is_dir():
            msg = f"'{self.directory}' holds other files. Name a new folder or an empty one."
            raise OutputError(msg)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only runner; folders are made, and what killed workers left is cleared away.

        Yields:
            Nothing.

        Raises:
            OutputError: If another runner is at work, or the folder cannot be written to.
        """
        with speaking_of(self.directory):
            self.cases.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.directory / _LOCK)
            try:
                lock.acquire(timeout=_LOOK_S)
            except Timeout as error:
                msg = (
                    f"Another `atlastumor batch` or `watch` is at work in '{self.directory}'. "
                    "Wait for it, end it, or choose another folder."
                )
                raise OutputError(msg) from error
            self.clear_staging()
        try:
            yield
        finally:
            self.clear_staging()
            lock.release()

    def is_at_work(self) -> bool:
        """Tell whether a runner is at work."""
        path = self.directory / _LOCK
        try:
            if path.is_file():
                with FileLock(path, timeout=0):
                    pass
        except Timeout:
            return True
        except OSError:  # not ours to lock; then nobody else of this computer can tell either
            return False
        return False

    def clear_staging(self) -> None:
        """Delete what is being written; workers must have ended, or their work will not count."""
        shutil.rmtree(self.staging, ignore_errors=True)

    def place(self, case_id: str, token: str) -> Path:
        """Put a finished result into its place, by one rename; an earlier one goes just before.

        Args:
            case_id: The case.
            token: Under which it was handed out.

        Returns:
            Where it is.

        Raises:
            OutputError: If it cannot be put there.
        """
        target = self.result_of(case_id)
        with speaking_of(target):
            earlier = self._move_away(target)
            self.staging_of(case_id, token).rename(target)
            sync(self.cases)
        shutil.rmtree(earlier, ignore_errors=True)
        return target

    def discard(self, case_id: str) -> None:
        """Take away what lies in the place of a case's result, by one rename, and delete it.

        Args:
            case_id: The case; need not have a result.

        Raises:
            OutputError: If it cannot be taken away.
        """
        place = self.result_of(case_id)
        with speaking_of(place):
            gone = self._move_away(place)
            sync(self.cases)
        shutil.rmtree(gone, ignore_errors=True)

    def _move_away(self, place: Path) -> Path:
        """Rename what lies in a place, if anything does; gives the name that it then has."""
        gone = self.staging / f"{place.name}.discarded"
        if place.exists():
            self.staging.mkdir(exist_ok=True)
            shutil.rmtree(gone, ignore_errors=True)
            place.rename(gone)
        return gone

    def discard_staged(self, case_id: str, token: str) -> None:
        """Delete what a worker wrote for nothing; it need not be there."""
        shutil.rmtree(self.staging_of(case_id, token), ignore_errors=True)
