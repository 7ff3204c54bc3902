"""`atlastumor dicom echo|find|fetch|send|receive|deidentify`: to and from hospital servers."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import parse_count
from .console import Console
from .dicom_address import add_connection, add_tls
from .dicom_files import deidentify, receive
from .dicom_network import echo, fetch, find, send

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_ACTIONS: Mapping[str, Callable[[argparse.Namespace, Console], None]] = {
    "echo": echo,
    "find": find,
    "fetch": fetch,
    "send": send,
    "receive": receive,
    "deidentify": deidentify,
}
_ADDRESS = "AE@host:port of a DICOM node, or the https address of a DICOMweb server"


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("dicom", help="fetch scans from hospital servers, send results")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for declare in (_echo, _find, _fetch, _send, _receive, _deidentify):
        declare(actions).add_argument(
            "--json-progress",
            action="store_true",
            default=argparse.SUPPRESS,
            help="print JSON lines on standard output",
        )
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Do what the action says.

    Args:
        options: What `add_parser` declares.
        console: Where to report.

    Raises:
        AtlasTumorError: If addresses, files or options cannot be used, or another computer does
            not do what is asked of it.
    """
    _ACTIONS[options.action](options, console)


def _echo(actions: Subparsers) -> argparse.ArgumentParser:
    parser = actions.add_parser("echo", help="ask whether a server answers")
    parser.add_argument("address", help=_ADDRESS)
    add_connection(parser)
    return parser


def _find(actions: Subparsers) -> argparse.ArgumentParser:
    parser = actions.add_parser("find", help="list what a server has")
    parser.add_argument("address", help=_ADDRESS)
    parser.add_argument("--level", default="study", help="patient, study or series (study)")
    parser.add_argument("--study", metavar="UID", help="of the study whose series are listed")
    parser.add_argument(
        "--match",
        action="append",
        default=[],
        metavar="KEYWORD=VALUE",
        help="what is looked for, such as PatientID=1234, StudyDate=20260101-20261231 or "
        "StudyDescription='*abd*'; may be repeated",
    )
    parser.add_argument("--limit", type=parse_count(1), default=1000, help="most answers (1000)")
    add_connection(parser)
    return parser


def _fetch(actions: Subparsers) -> argparse.ArgumentParser:
    parser = actions.add_parser("fetch", help="retrieve studies into a folder")
    parser.add_argument("address", help=_ADDRESS)
    parser.add_argument("-o", "--output", type=Path, required=True, help="a new folder")
    parser.add_argument(
        "--study", action="append", required=True, metavar="UID", help="may be repeated"
    )
    parser.add_argument(
        "--series", action="append", default=[], metavar="UID", help="only this; may be repeated"
    )
    parser.add_argument("--modality", default="", help="only series of this, such as CT")
    parser.add_argument(
        "--move-to",
        metavar="AE[@HOST]:PORT",
        help="have the node send to us by C-MOVE: our title, as it knows it, and where we listen "
        "(C-GET)",
    )
    _add_retries(parser)
    add_connection(parser)
    return parser


def _send(actions: Subparsers) -> argparse.ArgumentParser:
    parser = actions.add_parser("send", help="send DICOM files, or a result's")
    parser.add_argument("address", help=_ADDRESS)
    parser.add_argument("paths", type=Path, nargs="+", help="files, folders, results")
    parser.add_argument(
        "--transcode",
        action="store_true",
        help="decode compressed pixels for a node that does not take them as they are",
    )
    _add_retries(parser)
    add_connection(parser)
    return parser


def _receive(actions: Subparsers) -> argparse.ArgumentParser:
    parser = actions.add_parser("receive", help="keep what others send, until stopped")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the studies")
    parser.add_argument(
        "--listen",
        default="ATLASTUMOR:11112",
        metavar="AE[@HOST]:PORT",
        help="our title and where we listen; HOST is this computer alone, 0.0.0.0 is for all "
        "(ATLASTUMOR:11112)",
    )
    parser.add_argument("--callers", default="", metavar="AE,...", help="who may send (all)")
    parser.add_argument(
        "--idle",
        type=parse_count(1),
        default=20,
        metavar="S",
        help="a study is complete when nothing of it came for so many seconds (20)",
    )
    parser.add_argument(
        "--most-gb", type=parse_count(1), metavar="N", help="that the folder may take (any)"
    )
    parser.add_argument(
        "--keep-free-gb", type=parse_count(0), default=2, metavar="N", help="on the disk (2)"
    )
    parser.add_argument(
        "--studies", type=parse_count(1), metavar="N", help="stop after so many studies (never)"
    )
    add_tls(parser.add_argument_group("encryption"))
    return parser


def _deidentify(actions: Subparsers) -> argparse.ArgumentParser:
    parser = actions.add_parser("deidentify", help="take patients out of DICOM files")
    parser.add_argument("paths", type=Path, nargs="*", help="files, folders, results")
    parser.add_argument("-o", "--output", type=Path, help="a new folder")
    key = parser.add_mutually_exclusive_group(required=True)
    key.add_argument("--key", type=Path, metavar="FILE", help="that replacements are made with")
    key.add_argument("--new-key", type=Path, metavar="FILE", help="make such a file, and keep it")
    parser.add_argument("--retain-dates", action="store_true", help="shift dates, keep times")
    parser.add_argument("--retain-device", action="store_true", help="keep what names the scanner")
    parser.add_argument(
        "--clean-descriptors", action="store_true", help="keep known words of descriptions"
    )
    return parser


def _add_retries(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--retries", type=parse_count(0), default=2, metavar="N", help="after what may pass (2)"
    )
