"""Fetching weights that others published: with consent, from where they were, and checked.

A file is complete and the published one, or absent. What came before a connection broke off, or
before the user stopped, waits beside it as `.NAME.part`; the next time only the rest is asked for.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import Cancelled, OutputError, UsageError, WeightsError
from ..progress import Progress, ignore_progress
from .downloading import Answer, UnfinishedError, ask_for
from .folders import default_models_dir
from .pins import find_digest, pin_digest
from .published import PublishedFile, say_by_hand

__all__ = ["Accept", "check_fetchable", "fetch_file"]

_CHUNK_BYTES = 1 << 20
_MB = 1_000_000

Accept = Callable[[PublishedFile, str], bool]
"""Asked whether a file of this SHA-256 (hex) is to be kept where none is known beforehand."""


def check_fetchable(
    published: PublishedFile, models_dir: Path | None = None, *, may_accept: bool = False
) -> None:
    """Make sure that what would come could be checked.

    Args:
        published: Which file.
        models_dir: Where the user may put it; None for `default_models_dir`.
        may_accept: Whether somebody is there who can accept a hash that is not known.

    Raises:
        WeightsError: If its hash is not known and nobody can accept it; says what to do instead.
    """
    folder = Path(models_dir or default_models_dir())
    if not may_accept and not find_digest(published, folder):
        msg = (
            f"{published.name} is not fetched: its hash is not known, so that it could not be "
            f"checked. Accept what comes with 'atlastumor models fetch "
            f"{published.model or published.name} --pin', or {say_by_hand(published, folder)}"
        )
        raise WeightsError(msg)


def fetch_file(
    published: PublishedFile,
    models_dir: Path | None = None,
    *,
    consent: bool,
    folder: Path | None = None,
    accept: Accept | None = None,
    ca: Path | None = None,
    progress: Progress = ignore_progress,
) -> Path:
    """Fetch a checkpoint from its authors; what is not theirs is not kept.

    Args:
        published: Which one.
        models_dir: The models folder, made if needed; None for `default_models_dir`.
        consent: Whether the user was shown its license and address, and agreed.
        folder: Where the file is put; None for the models folder itself.
        accept: Asked about the hash of what came if none is known; a "yes" is remembered, and
            another hash refused from then on. None refuses such files before anything is asked for.
        ca: File with certificates that are trusted beside the system's.
        progress: Told how far it is, as far as the size is known; may raise to stop.

    Returns:
        The file.

    Raises:
        UsageError: If there is no consent.
        WeightsError: If its hash is not known, what came is not the published file, its host hands
            the request on to a stranger, or the connection fails.
        OutputError: If it cannot be written.
        Cancelled: If its hash was not accepted; then nothing is kept.
    """
    if not consent:
        raise UsageError(_say_unwanted(published))
    check_fetchable(published, models_dir, may_accept=accept is not None)
    root = Path(models_dir or default_models_dir())
    target = Path(folder or root) / published.name
    part = target.with_name(f".{target.name}.part")
    with _speaking_of(published), _tidying(part):
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = find_digest(published, root)
        with part.open("a+b") as file:
            _claim(file, published)
            came = _complete(published, file, digest, ca, progress)
        _settle(published, root, digest, came, accept)
        part.replace(target)
    _tag_of(part).unlink(missing_ok=True)
    return target


def _say_unwanted(published: PublishedFile) -> str:
    return (
        f"{published.title} is not fetched without consent to its license ({published.license}); "
        f"its address is {published.url}."
    )


class _BusyError(OutputError):
    """Another process writes to the file."""


class _RefusedError(Cancelled):
    """The user does not want what came."""


@contextmanager
def _tidying(part: Path) -> Iterator[None]:
    """Remove what is wrong or found no room; what can be gone on with stays."""
    try:
        yield
    except _BusyError:
        raise
    except BaseException as error:
        is_wrong = isinstance(error, WeightsError) and not isinstance(error, UnfinishedError)
        is_empty = part.is_file() and not part.stat().st_size
        if is_wrong or is_empty or isinstance(error, (OSError, _RefusedError)):
            part.unlink(missing_ok=True)
            _tag_of(part).unlink(missing_ok=True)
        raise


@contextmanager
def _speaking_of(published: PublishedFile) -> Iterator[None]:
    """Turn what the file system says into a sentence."""
    try:
        yield
    except OSError as error:
        msg = (
            f"{published.name} cannot be written to the models folder: {error.strerror or error}. "
            "Free some space, or name another folder."
        )
        raise OutputError(msg) from error


def _claim(file: BinaryIO, published: PublishedFile) -> None:
    """Make sure that no other process writes to a file; given back when it is closed."""
    file.seek(0)
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - exists on Windows alone

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - does not exist on Windows

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        msg = f"{published.name} is being fetched by another process already; wait for it."
        raise _BusyError(msg) from error


def _complete(
    published: PublishedFile, file: BinaryIO, wanted: str, ca: Path | None, progress: Progress
) -> str:
    """Append what is missing of a file; its SHA-256."""
    digest, done = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        done += len(chunk)
    if wanted and digest.hexdigest() == wanted:
        return wanted
    tag = _tag_of(Path(file.name))
    known = tag.read_text(encoding="utf-8") if tag.is_file() else ""
    # Two states of a file could be mixed unnoticed where neither hash nor tag is known.
    answer = ask_for(published, done if wanted or known else 0, known, ca=ca)
    with answer.response:
        if answer.start == 0:
            file.truncate(0)
            digest, done = hashlib.sha256(), 0
            tag.unlink(missing_ok=True)
            if answer.tag:
                tag.write_text(answer.tag, encoding="utf-8")
        _check_room(answer, wanted, Path(file.name).parent)
        total = done + (answer.length or 0)
        stage = f"Fetching {published.name}"
        for chunk in answer.read():
            progress(done / total if answer.length else 0.0, stage)
            done += len(chunk)
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _tag_of(part: Path) -> Path:
    """Where the host's name for the state of a half-fetched file is kept."""
    return part.with_name(f"{part.name}.tag")


def _check_room(answer: Answer, wanted: str, folder: Path) -> None:
    published = answer.published
    if answer.length is None:
        if not wanted:
            msg = (
                f"{published.url} does not say how large {published.name} is, so that nobody could "
                "tell when it is whole. Download it yourself."
            )
            raise WeightsError(msg)
        return
    free = shutil.disk_usage(folder).free
    if free < answer.length:
        msg = (
            f"{published.name} needs {answer.length / _MB:.0f} MB of free space, but there are "
            f"only {free / _MB:.0f} MB. Free some space, or name another folder."
        )
        raise OutputError(msg)


def _settle(
    published: PublishedFile, root: Path, wanted: str, came: str, accept: Accept | None
) -> None:
    """Make sure that a file is what is wanted, or that the user accepts what it is."""
    if not wanted:
        if accept is None or not accept(published, came):
            msg = f"{published.name} was not kept."
            raise _RefusedError(msg)
        pin_digest(published, root, came)
    elif came != wanted:
        which = "the published file" if published.sha256 else "the file that was accepted before"
        msg = (
            f"What {published.url} gives is not {which}: its SHA-256 is {came[:12]}…, "
            f"not {wanted[:12]}…. It was not kept."
        )
        raise WeightsError(msg)
