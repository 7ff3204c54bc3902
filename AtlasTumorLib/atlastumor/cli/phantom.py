"""`atlastumor phantom`: a synthetic CT with known organs and tumors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .console import Console

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("phantom", help="make a synthetic CT with known tumors")
    parser.add_argument("--seed", type=int, required=True, help="decides everything about it")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to make")
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Make the phantom and write scan, labels and description.

    Args:
        options: `seed` and `output`.
        console: Where to report.
    """
    from ..phantom import make_phantom  # noqa: PLC0415 - pulls in scipy
    from ..results import check_output  # noqa: PLC0415 - pulls in nibabel
    from ..results.phantom import write_phantom  # noqa: PLC0415 - pulls in nibabel

    check_output(options.output)
    phantom = make_phantom(options.seed, progress=console.progress)
    files = write_phantom(phantom, options.output)
    console.say(f"{len(phantom.lesions)} tumors in a {phantom.description['sex']} phantom.")
    console.result(options.output, files)
