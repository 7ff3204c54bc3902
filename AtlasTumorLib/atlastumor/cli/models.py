"""`atlastumor models ACTION`: models here, and what others offer."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .console import Console
from .models_calibrate import calibrate
from .models_fetch import fetch
from .models_keep import import_, remove, verify
from .models_show import list_, show

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_ACTIONS: Mapping[str, Callable[[argparse.Namespace, Console], None]] = {
    "list": list_,
    "show": show,
    "fetch": fetch,
    "import": import_,
    "verify": verify,
    "calibrate": calibrate,
    "remove": remove,
}


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser(
        "models", help="list, show, fetch, import, verify, calibrate and remove models"
    )
    parser.add_argument("action", choices=tuple(_ACTIONS))
    parser.add_argument(
        "names",
        nargs="*",
        help="models (show, verify, remove), published models or files (show, fetch), or a folder, "
        "archive or checkpoint (import), or a model and the scans to measure it on (calibrate)",
    )
    parser.add_argument("--models-dir", type=Path, help="folder with further models and weights")
    parser.add_argument(
        "--organ", help="list: only models of its tumors; import: whose tumors it finds"
    )
    parser.add_argument("--json", action="store_true", help="show: as JSON")
    parser.add_argument(
        "--yes", action="store_true", help="fetch: consent to the license; remove: do not ask"
    )
    parser.add_argument(
        "--pin",
        action="store_true",
        help="fetch: accept what comes if no hash is published, and refuse another one ever after",
    )
    parser.add_argument(
        "--ca", type=Path, help="fetch: PEM file with certificates to trust beside the system's"
    )
    parser.add_argument("--id", help="import: id of the model to be")
    parser.add_argument(
        "--card", help="import: JSON file with what is known of the model, or a published model"
    )
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME=MEANING",
        help="import: what a label means, such as PDAC='pancreas tumor'; may be repeated",
    )
    parser.add_argument(
        "--configuration", help="import, fetch: which of several, such as 3d_lowres"
    )
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Do what is asked for.

    Args:
        options: What `add_parser` declares.
        console: Where to print.

    Raises:
        UsageError: If words are missing, or nobody is there to ask for consent.
        UnknownKeyError: If no model or file has this name.
        Cancelled: If the user does not consent.
        AtlasTumorError: If a file cannot be fetched, imported or removed, or a model is damaged.
    """
    _ACTIONS[options.action](options, console)
