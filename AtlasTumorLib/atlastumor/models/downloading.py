"""Bytes from where others published them: over HTTPS, to known hosts alone, from any byte on.

Proxies are those of the environment (`https_proxy`, `no_proxy`); certificates those of the system
or of SSL_CERT_FILE, and of a further file.
"""

from __future__ import annotations

import math
import ssl
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit

from .. import __version__
from ..errors import InputError, WeightsError
from .published import PublishedFile

__all__ = ["Answer", "UnfinishedError", "ask_for"]

_CHUNK_BYTES = 1 << 20
_PATIENCE_S = 30.0
_LEAST_BYTES = 30_000  # within `_PATIENCE_S`
_MOST_BYTES = 20e9
_MB = 1_000_000
_RANGE_REFUSED = 416
_PARTIAL = 206


class UnfinishedError(WeightsError):
    """What came is good, but not all of it."""


@dataclass(frozen=True)
class Answer:
    """What a host has begun to send.

    Args:
        start: Byte of the file with which it begins.
        length: Bytes that it announced to send; None if it did not say.
        tag: By which the host knows this state of the file; empty if it gave none.
        published: Which file.
        response: What is read from.
    """

    start: int
    length: int | None
    tag: str
    published: PublishedFile
    response: HTTPResponse

    def read(self) -> Iterator[bytes]:
        """Read what comes.

        Yields:
            Pieces of the file, in order.

        Raises:
            UnfinishedError: If the connection breaks off or is too slow.
            WeightsError: If more comes than the file can have.
        """
        done, seen, began = self.start, 0, time.monotonic()
        most = _find_bounds(self.published)[1]
        while piece := self._read_piece():
            yield piece
            done += len(piece)
            seen += len(piece)
            if done > most:
                raise WeightsError(_say_wrong_size(self.published, done))
            if (now := time.monotonic()) - began > _PATIENCE_S:
                if seen < _LEAST_BYTES:
                    raise UnfinishedError(self._say_slow(done))
                seen, began = 0, now
        if self.length is not None and done < self.start + self.length:
            raise UnfinishedError(self._say_broken(done))

    def _read_piece(self) -> bytes:
        try:
            return self.response.read1(_CHUNK_BYTES)
        except (OSError, HTTPException) as error:
            if isinstance(error, IncompleteRead):
                msg = f"The connection to {_host(self.published.url)} broke off. Fetch it again."
                raise UnfinishedError(msg) from error
            raise UnfinishedError(_cannot(self.published, error)) from error

    def _say_broken(self, done: int) -> str:
        total = self.start + (self.length or 0)
        return (
            f"The connection to {_host(self.published.url)} broke off after {done / _MB:.1f} of "
            f"{total / _MB:.1f} MB of {self.published.name}. Fetch it again to go on from there."
        )

    def _say_slow(self, done: int) -> str:
        return (
            f"{_host(self.published.url)} sent less than {_LEAST_BYTES // 1000} kB of "
            f"{self.published.name} in {_PATIENCE_S:g} s, after {done / _MB:.1f} MB in all. Fetch "
            "it again later to go on from there."
        )


def ask_for(
    published: PublishedFile, start: int = 0, tag: str = "", *, ca: Path | None = None
) -> Answer:
    """Ask for a file from a byte on.

    Args:
        published: Which file.
        start: The first byte that is wanted.
        tag: Of the state of the file from which the bytes before it are; empty if not known.
        ca: File with certificates (PEM) that are trusted beside the system's; None for no more.

    Returns:
        What comes; from byte 0 if the host cannot go on or the file is another one by now.

    Raises:
        InputError: If the certificates cannot be read.
        UnfinishedError: If the host cannot be reached, or hands the request on to a stranger.
        WeightsError: If what it offers cannot be the file.
    """
    headers = {"User-Agent": f"AtlasTumor/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
        headers |= {"If-Range": tag} if tag else {}
    request = urllib.request.Request(published.url, headers=headers)
    handlers = (_Redirects(published), urllib.request.HTTPSHandler(context=_trust(ca)))
    opener = urllib.request.build_opener(*handlers)
    try:
        response: HTTPResponse = opener.open(request, timeout=_PATIENCE_S)
    except HTTPError as error:
        kind = WeightsError if error.code == _RANGE_REFUSED else UnfinishedError
        raise kind(_cannot(published, error)) from error
    except (OSError, HTTPException) as error:
        raise UnfinishedError(_cannot(published, error)) from error
    try:
        return _check(published, start, tag, response)
    except BaseException:
        response.close()
        raise


def _trust(ca: Path | None) -> ssl.SSLContext:
    """Trust the system's authorities, and those of a file."""
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(cafile=ca)
        except OSError as error:  # of which SSLError is one
            msg = (
                f"The certificates in '{ca}' cannot be used ({error}). Name a file of "
                "certificates in PEM format."
            )
            raise InputError(msg) from error
    return context


def _check(published: PublishedFile, start: int, tag: str, response: HTTPResponse) -> Answer:
    """Make sure that what is offered can be the file."""
    headers = response.headers
    if headers.get_content_type() == "text/html" and "Content-Type" in headers:
        msg = (
            f"{published.url} gives a web page instead of {published.name}, as sites do that ask "
            "for a login or a click. Download it with a browser."
        )
        raise WeightsError(msg)
    is_part, came = response.status == _PARTIAL, headers.get("Content-Range", "")
    told = "" if (own := headers.get("ETag", "")).startswith("W/") else own
    if is_part and (not came.startswith(f"bytes {start}-") or (tag and told and told != tag)):
        msg = f"{published.url} gave another part than was asked for ({came}). Fetch it again."
        raise WeightsError(msg)
    begin = start if is_part else 0
    length = headers.get("Content-Length")
    if headers.get("Content-Encoding", "identity") != "identity" or not _is_count(length):
        msg = f"{published.url} does not say how many bytes it sends. Fetch it again later."
        raise WeightsError(msg)
    answer = Answer(begin, None if length is None else int(length), told, published, response)
    if answer.length is not None:
        _check_announced(published, begin + answer.length)
    return answer


def _is_count(length: str | None) -> bool:
    return length is None or (length.isascii() and length.isdigit() and len(length) < 20)


def _cannot(published: PublishedFile, error: Exception) -> str:
    return (
        f"{published.url} cannot be fetched ({error}). Check the network and fetch it again, or "
        "download it yourself."
    )


def _find_bounds(published: PublishedFile) -> tuple[float, float]:
    """Least and most bytes of a file, of which it may be known about how large it is."""
    about = published.megabytes * _MB
    tolerance = _MB + about / 20
    return (about - tolerance, about + tolerance) if about else (0.0, _MOST_BYTES)


def _check_announced(published: PublishedFile, total: int) -> None:
    """Raise for what cannot be the file."""
    low, high = _find_bounds(published)
    if not low <= total <= high:
        raise WeightsError(_say_wrong_size(published, total))


def _say_wrong_size(published: PublishedFile, total: int) -> str:
    due = published.megabytes or math.floor(_MOST_BYTES / _MB)
    about = "about" if published.megabytes else "at most"
    return (
        f"{published.url} gives {total / _MB:.1f} MB where {about} {due} MB are due. "
        "It is not the published file, and was not kept."
    )


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
            raise UnfinishedError(text)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
