"""The result folder: checked before the long work, prepared aside, put in place whole."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutputError
from .staging import clear_up, list_own_files, make_partial, put_in_place, try_writing

__all__ = ["check_output", "result_folder", "speaking_of"]

_NEEDED_BYTES = 20_000_000  # labels, report and pictures of a large scan
_ADVICE = {
    errno.ENOSPC: "the disk is full. Free some space or choose another folder.",
    errno.EDQUOT: "your disk quota is used up. Free some space or choose another folder.",
    errno.EROFS: "the disk is read-only. Choose another folder.",
    errno.EACCES: "writing there is not permitted. Choose another folder.",
    errno.EPERM: "writing there is not permitted. Choose another folder.",
    errno.ENAMETOOLONG: "the path is too long. Choose a shorter one.",
    errno.ENOTDIR: "part of the path is a file, not a folder. Choose another folder.",
    errno.EEXIST: "a file is in the way. Choose another folder.",
    errno.ENOENT: "no folder can be made there. Choose another one.",
}


def check_output(
    directory: Path,
    *,
    overwrite: bool = True,
    needed_bytes: int = _NEEDED_BYTES,
    inputs: Iterable[Path] = (),
) -> Path:
    """Make sure that a result can be written, before the work that leads to it.

    Nothing is left behind. A result that a killed process had completed is put in place.

    Args:
        directory: Must not exist, be empty, or hold an earlier result of this software; other
            files beside an earlier result are kept.
        overwrite: Whether an earlier result may be replaced.
        needed_bytes: Free space to ask for.
        inputs: Files and folders that the work reads, none of which may be replaced by it.

    Returns:
        The folder as an absolute path without links.

    Raises:
        OutputError: If it cannot be written to, holds other files, or too little space is free.
    """
    try:
        with speaking_of(directory):
            folder = directory.expanduser().resolve()
            clear_up(folder)
            _check_content(folder, overwrite=overwrite)
            for path in inputs:
                _spare(path, folder)
            _check_writing(folder, needed_bytes)
    except (ValueError, RuntimeError) as error:  # a NUL in the path; a loop of links
        msg = f"'{directory}' is no usable path ({error}). Choose another folder."
        raise OutputError(msg) from error
    return folder


@contextmanager
def result_folder(directory: Path) -> Iterator[Path]:
    """Prepare a result aside and put it in place when the block ends well.

    Args:
        directory: As `check_output` returned it.

    Yields:
        The folder to write into; the manifest must be in it when the block ends.

    Raises:
        OutputError: If the disk is full, or anything else keeps the files from being written.
            Whatever happens, no unfinished folder is left and an earlier result stays as it was.
    """
    partial: Path | None = None
    try:
        with speaking_of(directory):
            partial = make_partial(directory)
            yield partial
            put_in_place(partial, directory)
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def speaking_of(folder: Path) -> Iterator[None]:
    """Turn what the file system says of a folder into a sentence.

    Args:
        folder: That is written to.

    Yields:
        Nothing.

    Raises:
        OutputError: In place of any OSError.
    """
    try:
        yield
    except FileExistsError as error:
        where = error.filename or folder
        msg = f"'{where}' is in the way and not a result of this software. Choose another folder."
        raise OutputError(msg) from error
    except OSError as error:
        reason = _ADVICE.get(error.errno or 0, f"{error.strerror or error}. Choose another folder.")
        msg = f"The result cannot be written to '{folder}': {reason}"
        raise OutputError(msg) from error


def _check_content(folder: Path, *, overwrite: bool) -> None:
    if not folder.is_dir():
        if folder.exists():
            msg = f"'{folder}' is a file; name a folder for the result."
            raise OutputError(msg)
        return
    if list_own_files(folder) is not None:
        if not overwrite:
            msg = (
                f"'{folder}' holds a result already. Allow to replace it or choose another folder."
            )
            raise OutputError(msg)
    elif any(folder.iterdir()):
        msg = f"'{folder}' holds other files. Name a new folder or an empty one."
        raise OutputError(msg)


def _spare(path: Path, folder: Path) -> None:
    """Refuse to replace an earlier result, as of `atlastumor phantom`, that holds what is read."""
    source = path.expanduser().resolve()
    own = [folder / name for name in list_own_files(folder) or ()]
    if source.is_relative_to(folder) and any(one.is_relative_to(source) for one in own):
        msg = (
            f"'{path.name or folder.name}' is part of the result in '{folder}', which would be "
            "replaced. Choose another folder."
        )
        raise OutputError(msg)


def _check_writing(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(try_writing(folder)).free
    if free < needed_bytes:
        msg = (
            f"Only {free / 1e6:.0f} MB are free for '{folder}'; {needed_bytes / 1e6:.0f} MB are "
            "needed. Free some space or choose another folder."
        )
        raise OutputError(msg)
