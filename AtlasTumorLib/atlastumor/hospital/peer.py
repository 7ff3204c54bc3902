"""Where a DICOM node is, and what it and we are called."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import InputError
from .tls import Tls

__all__ = ["OWN_TITLE", "Peer", "check_title", "parse_peer"]

OWN_TITLE = "ATLASTUMOR"
"""What we are called where nobody says otherwise."""

_ADDRESS = re.compile(
    r"(?P<title>[^@]+)@(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\[\]:@/\s]+):(?P<port>\d+)"
)
_LAST_PORT = 65535


@dataclass(frozen=True)
class Peer:
    """A DICOM node.

    Args:
        host: Name or address of its computer.
        port: On which it listens.
        ae_title: What it is called.
        calling_ae_title: What we are called; many nodes know their callers by it, and C-MOVE sends
            to it.
        tls: Certificates; None speaks in clear.
        timeout_s: Longest wait for a connection, an answer, or one image, in seconds.

    Raises:
        InputError: If a title or the port cannot be one.
    """

    host: str
    port: int
    ae_title: str
    calling_ae_title: str = OWN_TITLE
    tls: Tls | None = None
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what the protocol cannot carry."""
        check_title(self.ae_title)
        check_title(self.calling_ae_title)
        if not 1 <= self.port <= _LAST_PORT:
            msg = f"{self.port} is no port; give one from 1 to {_LAST_PORT}, such as 104 or 11112."
            raise InputError(msg)

    def __str__(self) -> str:
        """Give the address as it is typed."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


def check_title(title: str) -> str:
    """Make sure that a text can be an application entity's title.

    Args:
        title: The text.

    Returns:
        The same.

    Raises:
        InputError: If it is empty, longer than 16 characters or of other than printable ASCII.
    """
    is_plain = title.isascii() and title.isprintable() and "\\" not in title
    if not title.strip() or len(title) > 16 or not is_plain:
        msg = (
            f"'{title}' is no AE title. It has 1 to 16 letters, digits or signs, no backslash; ask "
            "who runs the server."
        )
        raise InputError(msg)
    return title


def parse_peer(
    text: str,
    *,
    calling_ae_title: str = OWN_TITLE,
    tls: Tls | None = None,
    timeout_s: float = 60.0,
) -> Peer:
    """Read the address of a DICOM node.

    Args:
        text: As `AE@host:port`, IPv6 in brackets.
        calling_ae_title: What we are called.
        tls: Certificates; None speaks in clear.
        timeout_s: Longest wait, in seconds.

    Returns:
        The node.

    Raises:
        InputError: If it is no such address.
    """
    match = _ADDRESS.fullmatch(text.strip())
    if match is None:
        msg = (
            f"'{text}' is no address of a DICOM server. Give AE@host:port, such as "
            "ORTHANC@localhost:4242, or the http address of a DICOMweb server."
        )
        raise InputError(msg)
    return Peer(
        host=match["host"].strip("[]"),
        port=int(match["port"]),
        ae_title=match["title"],
        calling_ae_title=calling_ae_title,
        tls=tls,
        timeout_s=timeout_s,
    )
