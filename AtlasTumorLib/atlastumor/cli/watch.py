"""`atlastumor watch`: a service that segments what arrives in a folder or at a DICOM port."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .arguments import parse_count
from .console import Console
from .dicom_address import add_connection, parse_listen, read_address, read_tls
from .segmenting import add_segmentation, read_settings

if TYPE_CHECKING:
    from ..watching.service import Limits
    from ..watching.sources import Port
    from ..watching.starting import WatchedFolder

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_HERE = "127.0.0.1"
_HEALTH_PORT = 8080
_GB = 1_000_000_000
_KEPT, _SENT = ("nifti",), ("nifti", "dicom-seg", "dicom-sr")


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser(
        "watch", help="segment what arrives in a folder or at a DICOM port, and send results back"
    )
    _add_source(parser)
    parser.add_argument(
        "--send-to",
        dest="address",
        metavar="ADDRESS",
        help="AE@host:port or https://host/dicom-web that results are sent to, as dicom-seg and "
        "dicom-sr unless --format says otherwise",
    )
    parser.add_argument(
        "--send-again",
        action="store_true",
        help="also send the results that were refused for good before",
    )
    parser.add_argument("--callers", default="", metavar="AE,...", help="who may send to us (all)")
    _add_limits(parser.add_argument_group("limits"))
    _add_service(parser.add_argument_group("watching the service"))
    add_connection(parser)
    add_segmentation(parser)
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--folder", type=Path, metavar="IN", help="where scans are put")
    source.add_argument(
        "--listen",
        metavar="AE[@HOST]:PORT",
        help=f"be a DICOM node that studies are sent to (HOST {_HERE}; 0.0.0.0 for all)",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--still",
        type=_seconds,
        default=10.0,
        metavar="S",
        help="an arrival is complete when it has not changed for so many seconds (10)",
    )
    parser.add_argument(
        "--poll", type=_seconds, default=2.0, metavar="S", help="seconds between two looks (2)"
    )
    parser.add_argument(
        "--series", default="best", help="best or all DICOM series of a study, or a UID (best)"
    )


def _add_service(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--health",
        type=_address,
        default=(_HERE, _HEALTH_PORT),
        metavar="HOST:PORT",
        help=f"where /health, /ready and /metrics are told ({_HERE}:{_HEALTH_PORT}), or none",
    )
    group.add_argument(
        "--log-json", type=Path, metavar="FILE", help="log, five times 10 MB (standard error)"
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--most-waiting",
        type=parse_count(1),
        default=1000,
        metavar="N",
        help="with so many cases waiting, nothing new is taken (1000)",
    )
    group.add_argument(
        "--keep-free-gb",
        type=_amount,
        default=5.0,
        metavar="X",
        help="with less on the disk, no case is begun and nothing received (5)",
    )
    group.add_argument(
        "--most-received-gb",
        type=_amount,
        metavar="X",
        help="that received studies may take (any)",
    )
    group.add_argument(
        "--keep-days",
        type=_amount,
        metavar="D",
        help="delete received studies after so many days; results are kept (never)",
    )
    group.add_argument(
        "--grace",
        type=_seconds,
        default=300.0,
        metavar="S",
        help="seconds that cases under way get to end when the service is stopped (300)",
    )


def run(options: argparse.Namespace, console: Console) -> None:
    """Watch until stopped.

    Args:
        options: What `add_parser` declares.
        console: Unused: a service speaks through its log.

    Raises:
        AtlasTumorError: If it cannot start, or going on makes no sense.
    """
    del console
    from ..watching.starting import WatchPlan, serve  # noqa: PLC0415 - pulls in scipy

    options.format = options.format or (_SENT if options.address else _KEPT)
    if options.address and not any(name.startswith("dicom") for name in options.format):
        msg = "--send-to sends DICOM, and --format names none. Add dicom-seg or dicom-sr to it."
        raise UsageError(msg)
    if options.send_again and not options.address:
        msg = "--send-again needs --send-to: name who is to have the results"
        raise UsageError(msg)
    plan = WatchPlan(
        source=_read_source(options),
        output=options.output,
        settings=read_settings(options),
        device=options.device,
        series=options.series,
        send_to=read_address(options) if options.address else None,
        send_again=options.send_again,
        limits=_read_limits(options),
        health=options.health,
        log=options.log_json,
        level=logging.DEBUG if options.verbose > 1 else logging.INFO,
    )
    serve(plan)


def _read_source(options: argparse.Namespace) -> WatchedFolder | Port:
    from ..watching.sources import Port  # noqa: PLC0415 - as above
    from ..watching.starting import WatchedFolder  # noqa: PLC0415

    if options.listen is None:
        return WatchedFolder(options.folder, options.still, options.poll)
    most_gb = options.most_received_gb
    title, host, number = parse_listen(options.listen)
    return Port(
        title,
        host,
        number,
        still_s=options.still,
        callers=tuple(filter(None, map(str.strip, options.callers.split(",")))),
        most_bytes=None if most_gb is None else round(most_gb * _GB),
        keep_free_bytes=round(options.keep_free_gb * _GB),
        tls=read_tls(options),
    )


def _read_limits(options: argparse.Namespace) -> Limits:
    from ..watching.service import Limits  # noqa: PLC0415 - as above

    return Limits(
        most_waiting=options.most_waiting,
        keep_free_bytes=round(options.keep_free_gb * _GB),
        keep_received_days=options.keep_days,
        grace_s=options.grace,
    )


def _address(text: str) -> tuple[str, int] | None:
    host, colon, port = text.rpartition(":")
    if text == "none":
        return None
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        msg = f"'{text}' is not HOST:PORT, such as {_HERE}:{_HEALTH_PORT}, nor none"
        raise argparse.ArgumentTypeError(msg)
    return host.strip("[]"), int(port)


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < float("inf"):
        msg = f"'{text}' is no number from 0 on"
        raise argparse.ArgumentTypeError(msg)
    return value


def _seconds(text: str) -> float:
    value = _amount(text)
    if value > 86_400:
        msg = f"'{text}' s are more than a day"
        raise argparse.ArgumentTypeError(msg)
    return value
