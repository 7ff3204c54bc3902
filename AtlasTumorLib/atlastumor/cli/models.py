"""`atlastumor models list|show|fetch`: models that are at hand, and weights that others offer."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled, UsageError, WeightsError
from ..models.card import find_card, list_cards
from ..models.catalog import methods
from ..models.fetching import check_fetchable, fetch_file
from ..models.folders import default_models_dir
from ..models.published import PublishedFile, find_file, locate_file
from ..progress import part_of
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
    parser = subparsers.add_parser(
        "models", help="list models, show one's card, or fetch weights that others published"
    )
    parser.add_argument("action", choices=("list", "show", "fetch"))
    parser.add_argument("names", nargs="*", help="model to show, or published files to fetch")
    parser.add_argument("--models-dir", type=Path, help="folder with further models and weights")
    parser.add_argument(
        "--yes", action="store_true", help="consent to the license of what is fetched"
    )
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Print a row per model, print one whole card, or fetch files.

    Args:
        options: What `add_parser` declares.
        console: Where to print.

    Raises:
        UsageError: If names are missing, or nobody is there to ask for consent.
        UnknownKeyError: If no model or file has this name.
        Cancelled: If the user does not consent.
        AtlasTumorError: If a file cannot be fetched.
    """
    if options.action == "fetch":
        _fetch(options, console)
        return
    extra_dirs = [options.models_dir] if options.models_dir else []
    if options.action == "list":
        _list(extra_dirs, console)
        return
    card = find_card(options.names[0] if options.names else "", extra_dirs)
    assert card.path is not None  # noqa: S101 - cards that are found were read from a file
    console.say(json.dumps(json.loads(card.path.read_text(encoding="utf-8")), indent=2))


def _list(extra_dirs: Sequence[Path], console: Console) -> None:

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
    console.say("\nPublished by others, for synthetic tumors; `atlastumor models fetch FILE`:\n")
    folder = extra_dirs[0] if extra_dirs else None
    console.table([_make_row(published, folder) for published in methods.list_published()])


def _make_row(published: PublishedFile, folder: Path | None) -> dict[str, Any]:

    path = locate_file(published, folder)
    absent = "not there" if published.sha256 else "not there, to be downloaded by hand"
    return {
        "file": published.name,
        "method": published.method,
        "for": methods.describe_purpose(published),
        "size": f"{published.megabytes} MB" if published.megabytes else "unknown",
        "state": absent if path is None else f"in {path.parent}",
    }


def _fetch(options: argparse.Namespace, console: Console) -> None:
    """Show what would be fetched, ask, and fetch what is not there."""
    folder = (options.models_dir or default_models_dir()).expanduser().absolute()
    if not options.names:
        msg = "Name the files to fetch; `atlastumor models list` shows them."
        raise UsageError(msg)
    wanted = [methods.find_published(name) for name in dict.fromkeys(options.names)]
    missing = [published for published in wanted if not _is_there(published, folder, console)]
    for published in missing:
        check_fetchable(published, folder)
    if missing:
        _ask(missing, folder, options, console)
    files = []
    for number, published in enumerate(missing):
        part = part_of(console.progress, number / len(missing), (number + 1) / len(missing))
        files.append(fetch_file(published, folder, consent=True, progress=part))
    console.result(folder, files)


def _is_there(published: PublishedFile, folder: Path, console: Console) -> bool:
    """Whether a file is there and the published one; another one is replaced."""
    path = locate_file(published, folder)
    if path is None:
        return False
    try:
        find_file(published, folder)
    except WeightsError:
        console.note(f"{path} is not the published file.")
        return False
    console.note(f"{published.name} is there already: {path}")
    return True


def _ask(
    files: Sequence[PublishedFile], folder: Path, options: argparse.Namespace, console: Console
) -> None:
    """Say what would be fetched under which terms; raise unless the user consents."""
    for published in files:
        console.note(_describe(published, folder))
    if options.yes:
        return
    if not console.can_ask:
        msg = "Nobody is there to ask. Read the license, and add --yes if you consent to it."
        raise UsageError(msg)
    if not console.ask("Do you consent to the license, and is this to be fetched? [y/N] "):
        msg = "Nothing was fetched."
        raise Cancelled(msg)


def _describe(published: PublishedFile, folder: Path) -> str:

    size = f"about {published.megabytes} MB" if published.megabytes else "unknown"
    return (
        f"{published.name}, weights of the method '{published.method}' "
        f"({methods.describe_purpose(published)})\n"
        f"  from     {published.url}\n"
        f"  size     {size}\n"
        f"  license  {published.license}\n"
        f"  terms    {published.terms}\n"
        f"  into     {folder}"
    )
