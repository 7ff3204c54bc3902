"""Fetching weights that others published: with consent, from where they were, and checked.

A file is complete and the published one, or absent. What came before a connection broke off, or
before the user stopped, waits beside it as `.NAME.part`; the next time only the rest is asked for.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import IO, BinaryIO
from urllib.error import HTTPError
from urllib.parse import urlsplit

from .. import __version__
from ..errors import OutputError, UsageError, WeightsError
from ..models.folders import default_models_dir
from .base import OnStep, ignore_step
from .published import PublishedFile

__all__ = ["check_fetchable", "fetch_file"]

_CHUNK_BYTES = 1 << 20
_PATIENCE_S = 30.0
_MB = 1_000_000
_RANGE_REFUSED = 416
_PARTIAL = 206


def check_fetchable(published: PublishedFile, models_dir: Path | None = None) -> None:
    """Make sure that what would come could be checked.

    Args:
        published: Which file.
        models_dir: Where the user may put it; None for `default_models_dir`.

    Raises:
        WeightsError: If its hash is not known; says what to do instead.
    """
    if not published.sha256:
        msg = (
            f"{published.name} is not fetched: its hash is not known, so that it could not be "
            f"checked. Read its license ({published.license}), download {published.url} yourself "
            f"and put it into '{models_dir or default_models_dir()}'."
        )
        raise WeightsError(msg)


def fetch_file(
    published: PublishedFile,
    models_dir: Path | None = None,
    *,
    consent: bool,
    on_step: OnStep = ignore_step,
) -> Path:
    """Fetch a checkpoint from its authors; what is not theirs is not kept.

    Args:
        published: Which one.
        models_dir: The folder, made if needed; None for `default_models_dir`.
        consent: Whether the user was shown its license and address, and agreed.
        on_step: Called with the fraction done, as far as the size is known; may raise to stop.

    Returns:
        The file.

    Raises:
        UsageError: If there is no consent.
        WeightsError: If its hash is not known, what came is not the published file, its host hands
            the request on to a stranger, or the connection fails.
        OutputError: If it cannot be written.
    """
    if not consent:
        msg = (
            f"{published.title} is not fetched without consent to its license "
            f"({published.license}); its address is {published.url}."
        )
        raise UsageError(msg)
    check_fetchable(published, models_dir)
    target = Path(models_dir or default_models_dir()) / published.name
    part = target.with_name(f".{target.name}.part")
    with _speaking_of(published), _tidying(part):
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("a+b") as file:
            _claim(file, published)
            _check_digest(published, _complete(published, file, on_step))
        part.replace(target)
    return target


class _BusyError(OutputError):
    """Another process writes to the file."""


class _UnfinishedError(WeightsError):
    """What came is good, but not all of it."""


@contextmanager
def _tidying(part: Path) -> Iterator[None]:
    """Remove what is wrong or found no room; what can be gone on with stays."""
    try:
        yield
    except _BusyError:
        raise
    except BaseException as error:
        is_wrong = isinstance(error, WeightsError) and not isinstance(error, _UnfinishedError)
        if is_wrong or isinstance(error, OSError) or (part.is_file() and not part.stat().st_size):
            part.unlink(missing_ok=True)
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


def _complete(published: PublishedFile, file: BinaryIO, on_step: OnStep) -> str:
    """Append what is missing of a file; its SHA-256."""
    digest, done = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        done += len(chunk)
    if digest.hexdigest() == published.sha256:
        return published.sha256
    with _open(published, done) as answer:
        if answer.status != _PARTIAL:  # from the beginning: nothing was there, or it cannot go on
            file.truncate(0)
            digest, done = hashlib.sha256(), 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = done + length
        if length:
            _check_announced(published, total)
            _check_space(published, length, Path(file.name).parent)
        while chunk := _read(answer, published):
            on_step(done / total if length else 0.0)
            done += len(chunk)
            if done > _find_bounds(published)[1]:
                raise WeightsError(_say_wrong_size(published, done))
            digest.update(chunk)
            file.write(chunk)
    if done < total:
        msg = (
            f"The connection to {_host(published.url)} broke off after {done / _MB:.1f} of "
            f"{total / _MB:.1f} MB of {published.name}. Fetch it again to go on from there."
        )
        raise _UnfinishedError(msg)
    return digest.hexdigest()


def _open(published: PublishedFile, start: int) -> HTTPResponse:
    """Ask for a file from a byte on."""
    headers = {"User-Agent": f"AtlasTumor/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(published.url, headers=headers)
    opener = urllib.request.build_opener(_Redirects(published))
    try:
        answer: HTTPResponse = opener.open(request, timeout=_PATIENCE_S)
    except HTTPError as error:
        kind = WeightsError if error.code == _RANGE_REFUSED else _UnfinishedError
        raise kind(_cannot(published, error)) from error
    except (OSError, HTTPException) as error:
        raise _UnfinishedError(_cannot(published, error)) from error
    came = answer.headers.get("Content-Range", "")
    if answer.status == _PARTIAL and not came.startswith(f"bytes {start}-"):
        answer.close()
        msg = f"{published.url} gave another part than was asked for ({came}). Fetch it again."
        raise WeightsError(msg)
    return answer


def _read(answer: HTTPResponse, published: PublishedFile) -> bytes:
    try:
        return answer.read1(_CHUNK_BYTES)
    except IncompleteRead as error:
        return error.partial
    except (OSError, HTTPException) as error:
        raise _UnfinishedError(_cannot(published, error)) from error


def _cannot(published: PublishedFile, error: Exception) -> str:
    return (
        f"{published.url} cannot be fetched ({error}). Check the network and fetch it again, or "
        "download it yourself."
    )


def _find_bounds(published: PublishedFile) -> tuple[float, float]:
    """Least and most bytes of a file of which it is known about how large it is."""
    about = published.megabytes * _MB
    tolerance = _MB + about / 20
    return (about - tolerance, about + tolerance) if about else (0.0, math.inf)


def _check_announced(published: PublishedFile, total: int) -> None:
    """Raise for what cannot be the file."""
    low, high = _find_bounds(published)
    if not low <= total <= high:
        raise WeightsError(_say_wrong_size(published, total))


def _say_wrong_size(published: PublishedFile, total: int) -> str:
    return (
        f"{published.url} gives {total / _MB:.1f} MB where about {published.megabytes} MB are due. "
        "It is not the published file, and was not kept."
    )


def _check_space(published: PublishedFile, needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        msg = (
            f"{published.name} needs {needed / _MB:.0f} MB of free space, but there are only "
            f"{free / _MB:.0f} MB. Free some space, or name another folder."
        )
        raise OutputError(msg)


def _check_digest(published: PublishedFile, digest: str) -> None:
    if digest != published.sha256:
        msg = (
            f"What {published.url} gives is not the published file: its SHA-256 is {digest[:12]}…, "
            f"not {published.sha256[:12]}…. It was not kept."
        )
        raise WeightsError(msg)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a host to itself and to those it is known to hand requests on to, never to http."""

    def __init__(self, published: PublishedFile) -> None:
        self._published = published

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        old, new = urlsplit(self._published.url), urlsplit(newurl)
        host = new.hostname or ""
        domains = self._published.domains
        is_known = host == old.hostname or any(f".{host}".endswith(f".{one}") for one in domains)
        if not is_known or new.scheme not in {old.scheme, "https"}:
            where = f"{new.scheme}://{host}"
            text = (
                f"{old.hostname} hands {self._published.name} on to {where}, which is not known to "
                f"offer it. Download {self._published.url} yourself."
            )
            raise _UnfinishedError(text)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
