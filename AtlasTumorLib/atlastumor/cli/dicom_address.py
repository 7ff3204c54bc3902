"""Where a DICOM server is and how it is spoken to, from the words of the command line.

Passwords are never among those: they come from a file or from the environment.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from ..hospital import Login, Peer, Tls, Web

__all__ = ["LOGIN", "add_connection", "add_tls", "parse_listen", "read_address", "read_tls"]

LOGIN = "ATLASTUMOR_DICOMWEB_LOGIN"
"""Variable of the environment that may hold a login."""

_HERE = "127.0.0.1"
_LISTEN = re.compile(
    r"(?P<title>[^@:\s]+)(@(?P<host>\[[0-9A-Fa-f:]+\]|[^\[\]:@\s]+))?:(?P<port>\d{1,5})"
)
_LAST_PORT = 65_535
_LONGEST_S = 86_400.0


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Declare how a server is spoken to.

    Args:
        parser: Of an action that speaks to one.
    """
    group = parser.add_argument_group("connection")
    group.add_argument(
        "--calling", default="ATLASTUMOR", metavar="AE", help="what we are called (ATLASTUMOR)"
    )
    group.add_argument(
        "--login",
        type=Path,
        metavar="FILE",
        help="with 'basic USER:PASSWORD' or 'bearer TOKEN' for DICOMweb; without it the "
        f"environment's {LOGIN}",
    )
    group.add_argument(
        "--timeout",
        type=_seconds,
        default=60.0,
        metavar="S",
        help="longest wait for an answer or an object, in seconds (60)",
    )
    add_tls(group)


def add_tls(group: argparse._ArgumentGroup) -> None:
    """Declare encryption.

    Args:
        group: Of an action that listens or speaks.
    """
    group.add_argument("--tls", action="store_true", help="encrypt DICOM's own protocol")
    group.add_argument("--ca", type=Path, metavar="PEM", help="authorities to trust")
    group.add_argument("--certificate", type=Path, metavar="PEM", help="ours")
    group.add_argument("--key", type=Path, metavar="PEM", help="key of our certificate")


def read_address(options: argparse.Namespace, *, calling: str | None = None) -> Peer | Web:
    """Read the address of a server.

    Args:
        options: What `add_connection` declares, and `address`.
        calling: What we are called; None takes the option.

    Returns:
        A DICOM node or a DICOMweb server.

    Raises:
        AtlasTumorError: If an address, a login or a certificate cannot be used.
    """
    from ..hospital import Web, parse_peer  # noqa: PLC0415 - pulls in what is optional

    if options.address.lower().startswith(("http://", "https://")):
        return Web(options.address, _read_login(options), options.ca, options.timeout)
    return parse_peer(
        options.address,
        calling_ae_title=calling or options.calling,
        tls=read_tls(options),
        timeout_s=options.timeout,
    )


def read_tls(options: argparse.Namespace) -> Tls | None:
    """Read which certificates are used, if any.

    Args:
        options: What `add_tls` declares.

    Returns:
        The certificates; None without encryption.

    Raises:
        UsageError: If certificates are named and encryption is not asked for.
    """
    from ..hospital import Tls  # noqa: PLC0415 - pulls in what is optional

    if options.tls:
        return Tls(options.ca, options.certificate, options.key)
    if options.ca or options.certificate or options.key:
        msg = "Certificates are named, but without --tls nothing is encrypted. Add --tls."
        raise UsageError(msg)
    return None


def _read_login(options: argparse.Namespace) -> Login | None:
    from ..hospital import parse_login, read_login  # noqa: PLC0415 - pulls in what is optional

    if options.login is not None:
        return read_login(options.login)
    text = os.environ.get(LOGIN, "")
    return parse_login(text) if text else None


def parse_listen(text: str) -> tuple[str, str, int]:
    """Read where we listen.

    Args:
        text: `AE:PORT` or `AE@HOST:PORT`.

    Returns:
        Our title, the address to listen on, and the port.

    Raises:
        UsageError: If it is neither.
    """
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > _LAST_PORT:
        msg = f"'{text}' is not AE:PORT or AE@HOST:PORT, such as ATLASTUMOR:11112."
        raise UsageError(msg)
    return match["title"], (match["host"] or _HERE).strip("[]"), int(match["port"])


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value <= _LONGEST_S:
        msg = f"'{text}' is no number of seconds, above 0 and up to a day"
        raise argparse.ArgumentTypeError(msg)
    return value
