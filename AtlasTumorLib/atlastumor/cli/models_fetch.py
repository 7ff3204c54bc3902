"""`atlastumor models fetch`: what others published, with consent, checked, and made a model of."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import (
    AtlasTumorError,
    Cancelled,
    InputError,
    UnknownKeyError,
    UsageError,
    WeightsError,
)
from ..models.card import list_cards
from ..models.catalog import CatalogEntry, entries, make_card, methods
from ..models.fetching import Accept, check_fetchable, fetch_file
from ..models.folders import default_models_dir
from ..models.pins import find_digest
from ..models.published import PublishedFile, find_file, locate_file
from ..models.weights import hash_file
from ..progress import Progress, part_of
from .console import Console

__all__ = ["fetch"]

_DOWNLOADS = ".fetched"  # in the models folder: what is not imported yet
_FETCHING = 0.9  # share of the time


@dataclass(frozen=True)
class _Wish:
    """Something to fetch: the files of a model, or one file that a synthesis method needs."""

    files: tuple[PublishedFile, ...]
    entry: CatalogEntry | None = None

    @property
    def name(self) -> str:
        return self.entry.id if self.entry else self.files[0].name


def fetch(options: argparse.Namespace, console: Console) -> None:
    """Show what would be fetched, ask, fetch what is not there, and import what is a model.

    Args:
        options: What `models.add_parser` declares.
        console: Where to print and ask.

    Raises:
        UsageError: If names are missing, or nobody is there to ask.
        UnknownKeyError: If nothing of this name is published.
        InputError: If it cannot become a model.
        Cancelled: If the user does not consent.
        AtlasTumorError: If it cannot be fetched or imported.
    """
    folder = (options.models_dir or default_models_dir()).expanduser().absolute()
    if not options.names:
        msg = "Name what to fetch; `atlastumor models list` lists what there is."
        raise UsageError(msg)
    wishes = [_find(name) for name in dict.fromkeys(options.names)]
    missing = [wish for wish in wishes if not _is_there(wish, folder, console)]
    accept = _make_accept(options, console)
    for wish in missing:
        for published in wish.files:
            check_fetchable(published, folder, may_accept=accept is not None)
    if missing:
        _ask(missing, folder, options, console)
    files: list[Path] = []
    for number, wish in enumerate(missing):
        part = part_of(console.progress, number / len(missing), (number + 1) / len(missing))
        try:
            files += _get(wish, folder, accept, options, part)
        except AtlasTumorError:
            if (place := folder / _DOWNLOADS / wish.name).is_dir() and any(place.iterdir()):
                console.note(
                    f"What came is kept in '{place}' for the next time; you may delete it."
                )
            raise
    console.result(folder, files)


def _find(name: str) -> _Wish:
    offered = {entry.id: entry for entry in entries.list_entries() if not entry.method}
    if (entry := offered.get(name)) is None:
        try:
            return _Wish((methods.find_published(name),))
        except UnknownKeyError as error:
            files = {published.name for published in methods.list_published()}
            raise UnknownKeyError("published model or file", name, files | set(offered)) from error
    if entry.importer == "none":
        msg = f"'{name}' is not fetched: it cannot become a model here. {entry.unsupported}"
        raise InputError(msg)
    return _Wish(entry.files, entry)


def _is_there(wish: _Wish, folder: Path, console: Console) -> bool:
    """Whether a model is there, or a file that is the published one; another one is replaced."""
    if wish.entry is not None:
        here = wish.name in {card.id for card in list_cards([folder])}
        if here:
            console.note(f"{wish.name} is there already.")
        return here
    published = wish.files[0]
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


def _make_accept(options: argparse.Namespace, console: Console) -> Accept | None:
    """Who decides about a file of which no hash is published; None if nobody is there."""
    if not options.pin and not console.can_ask:
        return None

    def accept(published: PublishedFile, digest: str) -> bool:
        console.note(
            f"{published.name} has the SHA-256\n  {digest}\nNobody published one to compare with."
        )
        if options.pin:
            return True
        return console.ask("Is it to be kept, and any other hash refused from now on? [y/N] ")

    return accept


def _ask(
    wishes: Sequence[_Wish], folder: Path, options: argparse.Namespace, console: Console
) -> None:
    """Say what would be fetched under which terms; raise unless the user consents."""
    for wish in wishes:
        console.note(_describe(wish, folder))
    if options.yes:
        return
    if not console.can_ask:
        msg = "Nobody is there to ask. Read the license, and add --yes if you consent to it."
        raise UsageError(msg)
    if not console.ask("Do you consent to the license, and is this to be fetched? [y/N] "):
        msg = "Nothing was fetched."
        raise Cancelled(msg)


def _describe(wish: _Wish, folder: Path) -> str:
    first = wish.files[0]
    sizes = [published.megabytes for published in wish.files]
    size = f"about {sum(sizes)} MB" if all(sizes) else "unknown"
    if wish.entry is None:
        purpose = methods.describe_purpose(first)
        head = f"{first.name}, weights of the method '{first.method}' ({purpose})"
        leakage = ""
    else:
        head = f"{wish.name}: {wish.entry.title}"
        leakage = f"\n  leakage  {wish.entry.leakage}"
    urls = "\n           ".join(published.url for published in wish.files)
    return (
        f"{head}\n  from     {urls}\n  size     {size}\n  license  {first.license}\n"
        f"  terms    {first.terms}{leakage}\n  into     {folder}"
    )


def _get(
    wish: _Wish,
    folder: Path,
    accept: Accept | None,
    options: argparse.Namespace,
    progress: Progress,
) -> list[Path]:
    """Fetch the files of one wish, and import them if they are a model's."""
    place = folder / _DOWNLOADS / wish.name if wish.entry else folder
    came: list[Path] = []
    for number, published in enumerate(wish.files):
        start, end = (_FETCHING * n / len(wish.files) for n in (number, number + 1))
        path = place / published.name
        digest = find_digest(published, folder)
        if not (digest and path.is_file() and hash_file(path) == digest):
            path = fetch_file(
                published,
                folder,
                consent=True,
                folder=place,
                accept=accept,
                ca=options.ca,
                progress=part_of(progress, start, end),
            )
        came.append(path)
    if wish.entry is None:
        return came
    from ..models.importing import import_model  # noqa: PLC0415 - reads networks

    card = import_model(
        came[0] if len(came) == 1 else place,
        folder,
        card=make_card(wish.entry),
        id=wish.entry.id,
        configuration=options.configuration or wish.entry.configuration or None,
        progress=part_of(progress, _FETCHING, 1.0),
    )
    shutil.rmtree(place)
    assert card.path is not None  # noqa: S101 - what was imported was read from a file
    return [card.path, card.path.with_name(card.weights.name)]
