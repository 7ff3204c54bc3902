"""What the text headers of NRRD and MetaImage have in common, looked at before ITK sees the file.

ITK fills in what a header leaves out, passes over what it does not know, follows it to whatever
data file it names, and ends the process over some that make no sense. So a header is read strictly.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from .input_files import name_of, require_file

__all__ = ["damaged_header", "find_data", "read_lines"]

_MAX_BYTES = 1 << 20


def read_lines(stream: BinaryIO, path: Path) -> Iterator[str]:
    """Read the lines of a header, each without the blanks around it.

    Args:
        stream: Of the file, at its beginning; afterwards behind the last line that was taken.
        path: The file, for messages.

    Yields:
        The lines, the empty ones too, up to the end of the file.

    Raises:
        InputError: If a line holds what cannot be printed, or the header is too long for one.
    """
    left = _MAX_BYTES
    while line := stream.readline(left):
        left -= len(line)
        # Programs copy names of patients into fields of their own, in the encoding they came in.
        text = line.decode("utf-8", "replace").strip()
        if left <= 0 or not text.replace("\t", " ").isprintable():
            raise damaged_header(path)
        yield text


def damaged_header(path: Path, problem: str = "") -> InputError:
    """Say that a header cannot be followed.

    Args:
        path: The file.
        problem: What is wrong with it, if that is known; a clause.

    Returns:
        The error, to be raised.
    """
    reason = f": {problem}" if problem else ""
    return InputError(f"The header of {name_of(path)} is damaged{reason}. Export the scan again.")


def find_data(path: Path, name: str) -> Path:
    """Find the one data file that a detached header names.

    Args:
        path: The header.
        name: What it says.

    Returns:
        The file, which lies beside the header.

    Raises:
        InputError: If there are several, it lies elsewhere, or it is not there.
    """
    words = name.split()
    if not words or words[0].upper() == "LIST" or "%" in name:
        msg = f"{name_of(path)} spreads its data over several files. Save the scan as one file."
        raise InputError(msg)
    if name.removeprefix("./") != Path(name.replace("\\", "/")).name:
        msg = f"{name_of(path)} names a data file in another folder. Put both into one folder."
        raise InputError(msg)
    return require_file(path.parent / name)
