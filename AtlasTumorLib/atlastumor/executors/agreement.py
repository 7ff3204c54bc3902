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

__all__ = ["Agreement", "agree_on_versions", "look_at", "share_folder"]


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
        folder: Made if it is not there.

    Yields:
        The agreement; it holds as long as the context, after which the file is gone.

    Raises:
        OSError: If nothing can be written there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / f".probe-{uuid4().hex}"
    path.write_text(uuid4().hex, encoding="ascii")
    try:
        yield Agreement(
            f"The folder {folder}",
            _look_and_write,
            path,
            "Mount it on every machine under the same path, for the same user.",
        )
    finally:
        path.unlink(missing_ok=True)


def _look_and_write(path: Path) -> tuple[int, bytes]:
    own = path.with_name(f"{path.name}-{uuid4().hex}")
    own.touch()
    own.unlink()
    return look_at(path)


def look_at(path: Path) -> tuple[int, bytes]:
    """Look whether a file or folder is the same everywhere.

    Args:
        path: Absolute.

    Returns:
        Size of a file in bytes, and how it begins; of a folder, which may grow meanwhile, whether
        there is anything in it, as the place is empty where a disk is not mounted.

    Raises:
        OSError: If it is not there or cannot be read.
    """
    if path.is_dir():
        return int(any(path.iterdir())), b"folder"
    with path.open("rb") as stream:
        return path.stat().st_size, stream.read(64)
