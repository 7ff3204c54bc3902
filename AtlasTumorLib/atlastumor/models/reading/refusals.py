"""Why a file is not read, and how that is said to the user."""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import WeightsError

__all__ = ["Refusal", "refusing", "require"]

_BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    Warning,  # as an error, where the caller wants that
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)

_MOST_CHARACTERS = 120


class Refusal(Exception):  # noqa: N818 - a reason, for `refusing` to put into an error
    """Why a file is not read, as the end of a sentence: "it wants posix.system"."""


def require(is_so: bool, reason: str) -> None:
    """Refuse unless something is so.

    Args:
        is_so: What must be.
        reason: What to say if it is not.

    Raises:
        Refusal: If it is not.
    """
    if not is_so:
        raise Refusal(reason)


@contextmanager
def refusing(path: Path, kind: str) -> Iterator[None]:
    """Say in one sentence why a file is not read.

    Args:
        path: The file.
        kind: What it should be, such as "a checkpoint".

    Yields:
        Nothing; what is raised inside becomes an error for the user.

    Raises:
        WeightsError: If the file is missing, refused or broken, or too much for the memory.
    """
    if not path.is_file():
        msg = f"The file {path.name} is missing. Download it, then name it again."
        raise WeightsError(msg)
    try:
        yield
    except Refusal as reason:
        msg = f"{path.name} was refused: {reason}. Ask its publisher for a plain one."
        raise WeightsError(msg) from reason
    except MemoryError as error:
        msg = f"{path.name} was refused: reading it takes more memory than there is."
        raise WeightsError(msg) from error
    except _BROKEN as error:
        why = ascii(str(error).partition("\n")[0][:_MOST_CHARACTERS])[1:-1]
        msg = (
            f"{path.name} cannot be read as {kind} ({type(error).__name__}: {why}); it may be "
            "incomplete. Get the file again."
        )
        raise WeightsError(msg) from error
