"""What must be the same here and on every worker, asked before a worker gets its first job."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from uuid import uuid4

from .. import __version__

__all__ = ["Agreement", "SharedFile", "agree_on_versions", "look_at", "share_folder"]


@dataclass(frozen=True)
class Agreement:
    """A question to which every worker must give the answer that it has here.

    Args:
        what: What is compared, for people, such as "the model 'six-organs'".
        function: Of a module's top level; answers it.
        argument: Its only argument.
        advice: What to do where the answers differ.
    """

    what: str
    function: Callable[[Any], Any]
    argument: Any
    advice: str

    def ask(self, expected: Any) -> str | None:
        """Ask it where this runs.

        Args:
            expected: The right answer.

        Returns:
            What is wrong, a sentence and the advice; None if nothing is.
        """
        try:
            answer = self.function(self.argument)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong there is the answer
            text = str(error) or type(error).__name__
            return f"{self.what} cannot be used there: {text.rstrip('.')}. {self.advice}"
        if answer == expected:
            return None
        if isinstance(answer, str) and isinstance(expected, str):
            return f"{self.what} is {answer} there and {expected} here. {self.advice}"
        return f"{self.what} is not the same there as here. {self.advice}"


@dataclass(frozen=True)
class SharedFile:
    """A file that a worker must see as it is here.

    Args:
        path: Absolute.
        is_writable: Whether the worker must be able to write beside it, too.
    """

    path: Path
    is_writable: bool = False


def agree_on_versions(packages: Sequence[str]) -> list[Agreement]:
    """Demand the same versions of what decides about results.

    Args:
        packages: Names of installed packages beside Python and this software; what follows a
            plus sign in a version, such as the name of a build, does not count.

    Returns:
        An agreement for each.
    """
    advice = "Install the same version on all machines, or use one environment on a shared disk."
    return [
        Agreement(f"The version of {name}", _tell_version, name, advice)
        for name in ("AtlasTumor", "Python", *packages)
    ]


def _tell_version(name: str) -> str:
    if name == "AtlasTumor":
        return __version__
    if name == "Python":
        return ".".join(platform.python_version_tuple()[:2])
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return "none"


@contextmanager
def share_folder(folder: Path) -> Iterator[Agreement]:
    """Lay a file into a folder that workers must read there, and be able to write beside.

    Args:
        folder: Exists.

    Yields:
        The agreement; it holds as long as the context, after which the file is gone.

    Raises:
        OSError: If nothing can be written there.
    """
    path = folder.resolve() / f".probe-{uuid4().hex}"
    path.write_text(uuid4().hex, encoding="ascii")
    try:
        yield Agreement(
            f"The folder {folder}",
            look_at,
            SharedFile(path, is_writable=True),
            "Mount it on every machine under the same path, for the same user.",
        )
    finally:
        path.unlink(missing_ok=True)


def look_at(file: SharedFile) -> tuple[int, bytes]:
    """Look whether a file is the same everywhere.

    Args:
        file: Which.

    Returns:
        Its size in bytes, and how it begins.

    Raises:
        OSError: If it is not there, or nothing can be written beside it.
    """
    with file.path.open("rb") as stream:
        start = stream.read(64)
    if file.is_writable:
        own = file.path.with_name(f"{file.path.name}-{uuid4().hex}")
        own.touch()
        own.unlink()
    return file.path.stat().st_size, start
