"""`atlastumor models import|verify|remove`: without any network."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import AtlasTumorError, Cancelled, InputError, UsageError, WeightsError
from ..models.card import find_card, find_stored, list_cards
from ..models.catalog import entries, make_card
from ..models.folders import default_models_dir
from .console import Console

__all__ = ["import_", "remove", "verify"]


def import_(options: argparse.Namespace, console: Console) -> None:
    """Make a model of a folder, an archive or a checkpoint.

    Args:
        options: What `models.add_parser` declares.
        console: Where to print.

    Raises:
        UsageError: If not exactly one is named, or a label has no meaning.
        AtlasTumorError: If it cannot be imported.
    """
    from ..models.importing import import_model  # noqa: PLC0415 - reads networks

    if len(options.names) != 1:
        msg = "Name one folder, archive or checkpoint to import."
        raise UsageError(msg)
    template, configuration = _find_template(options.card)
    card = import_model(
        Path(options.names[0]),
        options.models_dir,
        card=template,
        id=options.id,
        labels=dict(_split(text) for text in options.label),
        organ=options.organ,
        configuration=options.configuration or configuration,
        progress=console.progress,
    )
    assert card.path is not None  # noqa: S101 - what was imported was read from a file
    weights = card.path.with_name(card.weights.name)
    console.result(card.path.parent, [card.path, weights], model=card.id)


def verify(options: argparse.Namespace, console: Console) -> None:
    """Check the hashes of models, and that their networks take their weights.

    Args:
        options: What `models.add_parser` declares; no names check every model.
        console: Where to print.

    Raises:
        UnknownKeyError: If there is no such model.
        WeightsError: If one is damaged; after all were checked.
    """
    from ..models.store import verify_model  # noqa: PLC0415 - reads networks

    folders = [options.models_dir] if options.models_dir else []
    names = options.names or [card.id for card in list_cards(folders)]
    for name in names:
        find_card(name, folders)
    rows = []
    for number, name in enumerate(names):
        console.progress(number / len(names), f"Verifying {name}")
        try:
            verify_model(name, options.models_dir)
        except AtlasTumorError as error:
            rows.append({"model": name, "state": str(error)})
        else:
            rows.append({"model": name, "state": "whole"})
    console.table(rows)
    damaged = [row["model"] for row in rows if row["state"] != "whole"]
    if damaged:
        reasons = " ".join(row["state"] for row in rows if row["state"] != "whole")
        msg = f"Not as their cards say: {', '.join(damaged)}. {reasons} Remove and import again."
        raise WeightsError(msg)
    _report(options, console)


def remove(options: argparse.Namespace, console: Console) -> None:
    """Delete models of the user's.

    Args:
        options: What `models.add_parser` declares.
        console: Where to print and ask.

    Raises:
        UsageError: If none is named, or nobody is there to ask.
        UnknownKeyError: If there is no such model.
        Cancelled: If the user says no.
        AtlasTumorError: If one cannot be deleted.
    """
    from ..models.store import remove_model  # noqa: PLC0415 - reads networks

    folders = [options.models_dir] if options.models_dir else []
    if not options.names:
        msg = "Name the models to remove."
        raise UsageError(msg)
    cards = [find_stored(name, folders) for name in dict.fromkeys(options.names)]
    if not options.yes:
        if not console.can_ask:
            msg = "Nobody is there to ask. Add --yes to remove without being asked."
            raise UsageError(msg)
        titles = ", ".join(f"{card.title} ({card.path})" for card in cards)
        if not console.ask(f"Delete {titles}? [y/N] "):
            msg = "Nothing was removed."
            raise Cancelled(msg)
    for card in cards:
        for path in remove_model(card.id, options.models_dir):
            console.note(f"Removed {path}")
    _report(options, console)


def _report(options: argparse.Namespace, console: Console) -> None:
    """Tell programs that all went well."""
    if console.as_json:
        console.result(options.models_dir or default_models_dir(), [])


def _find_template(text: str | None) -> tuple[Path | dict[str, object] | None, str | None]:
    """A file with a card, or what the catalogue knows of a published model; its configuration."""
    if text is None:
        return None, None
    if (path := Path(text)).is_file():
        return path, None
    if text in {entry.id for entry in entries.list_entries()}:
        entry = entries.find_entry(text)
        return make_card(entry), entry.configuration or None
    msg = f"--card '{text}' is neither a file nor a published model of `atlastumor models list`."
    raise InputError(msg)


def _split(text: str) -> tuple[str, str]:
    name, _, meaning = text.partition("=")
    if not name.strip() or not meaning.strip():
        msg = f"--label must look like NAME=MEANING, not '{text}'."
        raise UsageError(msg)
    return name.strip(), meaning.strip()
