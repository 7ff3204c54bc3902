"""Where a DICOMweb server is, and how we prove who we are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import InputError

__all__ = ["Login", "Web", "parse_login", "read_login"]

_OWN_COMPUTER = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Login:
    """What proves who we are: a name and a password, or a token.

    Args:
        user: Name; empty with a token.
        secret: Password or token.
    """

    user: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Web:
    """A DICOMweb server.

    Proxies are those of the environment, as `requests` reads them (`https_proxy`, `no_proxy`).

    Args:
        url: Of its service, such as `https://pacs.hospital.org/dicom-web`.
        login: What proves who we are; None for servers that do not ask.
        ca: PEM file of the authorities that are trusted, instead of the usual ones.
        timeout_s: Longest wait for a connection or for the next bytes, in seconds.

    Raises:
        InputError: If the address is none, holds a password, or a password would go in clear.
    """

    url: str
    login: Login | None = None
    ca: Path | None = None
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what would give a secret away."""
        try:
            parts = urlsplit(self.url)
            host = parts.hostname or ""
            is_address = parts.scheme in {"http", "https"} and bool(host) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address or parts.query or parts.fragment:
            msg = (
                "The address of a DICOMweb server is to begin with https:// or http:// and to end "
                f"with its path, such as https://host/dicom-web; it is '{_hide(self.url)}'."
            )
            raise InputError(msg)
        if parts.username or parts.password:
            msg = (
                "An address is seen by everybody on this computer, so it must hold no password. "
                "Put it into a file, and name the file."
            )
            raise InputError(msg)
        if self.login is not None and parts.scheme == "http" and host not in _OWN_COMPUTER:
            msg = (
                f"A password for {host} would go over the network in clear. Use its https address."
            )
            raise InputError(msg)
        object.__setattr__(self, "url", self.url.rstrip("/"))

    def __str__(self) -> str:
        """Give the address."""
        return self.url


def parse_login(text: str) -> Login:
    """Read what proves who we are.

    Args:
        text: `basic USER:PASSWORD` or `bearer TOKEN`, one line.

    Returns:
        The same in parts.

    Raises:
        InputError: If it is neither; the message does not repeat it.
    """
    kind, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    if kind.lower() == "bearer" and rest and rest.isascii() and rest.isprintable():
        return Login("", rest)
    user, colon, secret = rest.partition(":")
    if kind.lower() == "basic" and user and colon and rest.isprintable():
        return Login(user, secret)
    msg = "A login is one line: 'basic USER:PASSWORD' or 'bearer TOKEN'. What was given is neither."
    raise InputError(msg)


def read_login(path: Path) -> Login:
    """Read a login from a file that only its owner should be able to read.

    Args:
        path: The file.

    Returns:
        The login.

    Raises:
        InputError: If it cannot be read or holds none.
    """
    try:
        return parse_login(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        msg = f"The login in '{path}' cannot be read ({reason}). Name a text file."
        raise InputError(msg) from error


def _hide(url: str) -> str:
    """Leave a password out of an address."""
    head, at, tail = url.rpartition("@")
    return f"...@{tail}" if at and head else url
