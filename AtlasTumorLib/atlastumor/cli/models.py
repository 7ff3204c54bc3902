"""`atlastumor models list|show`: the models that are at hand."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..models.card import find_card, list_cards
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
    parser = subparsers.add_parser("models", help="list models, or show one's card")
    parser.add_argument("action", choices=("list", "show"))
    parser.add_argument("id", nargs="?", help="model to show")
    parser.add_argument("--models-dir", type=Path, help="folder with further model cards")
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Print a row per model, or one whole card.

    Args:
        options: `action` and, for "show", `id`.
        console: Where to print.

    Raises:
        UnknownKeyError: If no model has this id.
    """
    extra_dirs = [options.models_dir] if options.models_dir else []
    if options.action == "list":
        console.table(
            [
                {
                    "model": card.id,
                    "title": card.title,
                    "license": card.license,
                    "measured": "yes" if card.evaluation else "unvalidated",
                }
                for card in list_cards(extra_dirs)
            ]
        )
        return
    card = find_card(options.id or "", extra_dirs)
    assert card.path is not None  # noqa: S101 - cards that are found were read from a file
    console.say(json.dumps(json.loads(card.path.read_text(encoding="utf-8")), indent=2))
