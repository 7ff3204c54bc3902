"""`atlastumor organs`: the organ table."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..organs import ORGANS
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
    return subparsers.add_parser("organs", help="list the organs and their label numbers")


def run(_options: argparse.Namespace, console: Console) -> None:
    """Print one row per organ.

    Args:
        _options: Nothing to choose.
        console: Where to print.
    """
    rows: list[dict[str, Any]] = [
        {
            "organ": organ.key,
            "labels": ",".join(str(label) for label in organ.labels),
            "tumor_label": organ.tumor_label,
            "tumor_mask": organ.tumor_files[0],
            "SNOMED": organ.snomed.value,
            "tumor_diameter_mm": "-".join(f"{d:g}" for d in organ.tumor.diameter_mm),
        }
        for organ in ORGANS
    ]
    console.table(rows)
