"""`atlastumor models list|show`: in tables, and one by one with what forbids its use first."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import CardError, UnknownKeyError, UsageError
from ..models.card import ModelCard, find_card, find_stored, list_cards, list_recipes
from ..models.catalog import CatalogEntry, entries, methods
from ..models.published import PublishedFile, locate_file
from ..models.recipe import Model, Recipe, describe_part
from ..organs import find_organ
from .console import Console

__all__ = ["list_", "show"]

_MB = 1_000_000
_WIDTH = 100


def list_(options: argparse.Namespace, console: Console) -> None:
    """Print the models that are here, those that others offer, weights for synthesis, and recipes.

    Args:
        options: What `models.add_parser` declares.
        console: Where to print.

    Raises:
        UnknownKeyError: If the organ to filter by is none.
    """
    organ = find_organ(options.organ).key if options.organ else ""
    folders = [options.models_dir] if options.models_dir else []
    cards = [card for card in list_cards(folders) if isinstance(card, ModelCard)]
    console.table([_make_card_row(card) for card in cards if not organ or organ in _organs(card)])
    console.say(
        "\nPublished by others; `atlastumor models show ID`, `atlastumor models fetch ID`:\n"
    )
    here = {card.id for card in cards}
    offered = [entry for entry in entries.list_entries() if not entry.method]
    console.table(
        [_make_entry_row(one, here) for one in offered if not organ or organ in one.organs]
    )
    console.say("\nPublished by others, for synthetic tumors; `atlastumor models fetch FILE`:\n")
    files = [one for one in methods.list_published() if not organ or organ in one.organs]
    console.table([_make_file_row(one, options.models_dir) for one in files])
    console.say("\nRecipes, which take each organ from the models that they name:\n")
    recipes = [one for one in list_recipes(folders) if not organ or organ in one.organs]
    console.table([_make_recipe_row(one, here) for one in recipes])


def show(options: argparse.Namespace, console: Console) -> None:
    """Print one model or one published model.

    Args:
        options: What `models.add_parser` declares.
        console: Where to print.

    Raises:
        UsageError: If not exactly one is named.
        UnknownKeyError: If there is none of this name.
    """
    if len(options.names) != 1:
        msg = "Name the model to show; `atlastumor models list` lists them."
        raise UsageError(msg)
    folders = [options.models_dir] if options.models_dir else []
    found = _find(options.names[0], folders)
    if options.json or console.as_json:
        data = asdict(found) if isinstance(found, CatalogEntry) else _read_card(found)
        console.document(data)
        return
    rows = _describe(found, folders)
    console.say(f"{found.title} ({found.id})\n")
    for name, text in rows:
        if text:
            console.say(_wrap(name, text))


def _find(name: str, folders: Sequence[Path]) -> Model | CatalogEntry:
    """A model that is here, else a published one."""
    offered = {entry.id for entry in entries.list_entries()}
    try:
        found = find_stored(name, folders)
    except UnknownKeyError as error:
        if name not in offered:
            here = {card.id for card in list_cards(folders)}
            raise UnknownKeyError("model", name, here | offered) from error
        return entries.find_entry(name)
    if isinstance(found, Recipe) and not _find_obstacle(found, folders):
        return find_card(name, folders)
    return found


def _find_obstacle(recipe: Recipe, folders: Sequence[Path]) -> str:
    """Why a recipe cannot be followed yet; empty if it can."""
    try:
        find_card(recipe.id, folders)
    except CardError as error:
        return str(error)
    return ""


def _read_card(card: Model) -> Mapping[str, Any]:
    assert card.path is not None  # noqa: S101 - cards that are found were read from a file
    data: Mapping[str, Any] = json.loads(card.path.read_text(encoding="utf-8"))
    return data


def _wrap(name: str, text: str) -> str:
    head = f"{name:<12}"
    if " " not in text:
        return head + text
    return textwrap.fill(
        f"{head}{text}",
        _WIDTH,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _organs(card: Model) -> tuple[str, ...]:
    """Keys of the organs whose tumors a model finds."""
    return tuple(str(output.organ) for output in card.outputs if output.kind == "tumor")


def _make_card_row(card: Model) -> dict[str, Any]:
    return {
        "model": card.id,
        "title": card.title,
        "tumors_of": ", ".join(_organs(card)) or "-",
        "size": f"{max(1, round(card.weights.bytes / _MB))} MB",
        "license": card.license,
        "measured": "yes" if card.evaluation else "unvalidated",
    }


def _make_entry_row(entry: CatalogEntry, here: set[str]) -> dict[str, Any]:
    state = "can be fetched" if entry.importer != "none" else "cannot be imported"
    return {
        "published_model": entry.id,
        "tumors_of": ", ".join(entry.organs) or "-",
        "size": f"{entry.megabytes} MB" if entry.megabytes else "unknown",
        "license": entry.license.name,
        "state": "here" if entry.id in here else state,
    }


def _make_file_row(published: PublishedFile, folder: Path | None) -> dict[str, Any]:
    path = locate_file(published, folder)
    return {
        "file": published.name,
        "method": published.method,
        "for": methods.describe_purpose(published),
        "size": f"{published.megabytes} MB" if published.megabytes else "unknown",
        "state": "not there" if path is None else f"in {path.parent}",
    }


def _make_recipe_row(recipe: Recipe, here: set[str]) -> dict[str, Any]:
    missing = [name for name in recipe.names if name not in here]
    return {
        "recipe": recipe.id,
        "title": recipe.title,
        "tumors_of": ", ".join(recipe.organs),
        "state": f"needs {', '.join(missing)}" if missing else "here",
    }


def _describe(found: Model | CatalogEntry, folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    if isinstance(found, CatalogEntry):
        return _describe_entry(found)
    if isinstance(found, Recipe):
        return _describe_recipe(found, _find_obstacle(found, folders))
    return _describe_card(found)


def _describe_recipe(recipe: Recipe, obstacle: str) -> Iterator[tuple[str, str]]:
    yield "not ready", obstacle
    yield "license", recipe.license or "see its models"
    yield "limits", recipe.limits
    yield "summary", recipe.summary
    for part in recipe.parts:
        yield "organs", f"{', '.join(part.organs)} from {describe_part(part)}"
    yield "measured", "not validated as a whole; see each model"
    yield "recipe", str(recipe.path or "")


def _describe_card(card: ModelCard) -> Iterator[tuple[str, str]]:
    shape = " x ".join(str(n) for n in card.inference.patch)
    spacing = " x ".join(f"{mm:g}" for mm in card.input.spacing_mm)
    yield "license", card.license
    yield "limits", card.limits
    yield "summary", card.summary
    yield "tumors of", ", ".join(_organs(card)) or "none"
    yield "channels", "; ".join(_list_channels(card))
    yield "network", f"{card.network.name}, windows of {shape} voxels of {spacing} mm"
    yield "weights", f"{card.weights.name}, {card.weights.bytes} bytes, {card.weights.sha256}"
    if card.quantization is not None:
        number = len(card.quantization.ranges)
        often = "; auto takes it on CPUs without bf16" if card.quantization.preferred else ""
        yield "int8", f"{number} convolutions, ranges measured on {card.quantization.data}{often}"
    measured = Counter(str(row.get("data", "")) for row in card.evaluation)
    rows = [f"{data} ({count} rows; --json shows them)" for data, count in measured.items()]
    yield "measured", "; ".join(rows) or "not validated"
    yield from card.source.items()
    yield "card", str(card.path or "")


def _list_channels(card: ModelCard) -> Iterator[str]:
    for output in card.outputs:
        words = [output.side, output.organ, "tumor" if output.kind == "tumor" else None]
        named = " ".join(word for word in words if word)
        if named:
            yield f"{output.channel} {named}"


def _describe_entry(entry: CatalogEntry) -> Iterator[tuple[str, str]]:
    yield "license", entry.license.title
    yield "terms", entry.license.terms
    yield "leakage", entry.leakage
    if not entry.method:
        yield "not here", entry.unsupported
    yield "summary", entry.summary
    yield "tumors of", ", ".join(entry.organs) or "none"
    for published in entry.files:
        size = f"about {published.megabytes} MB" if published.megabytes else "size unknown"
        hashed = f"SHA-256 {published.sha256}" if published.sha256 else "hash unknown"
        yield "file", f"{published.name} ({size}, {hashed})"
        yield "from", published.url
    yield "trained on", entry.training_data
    for row in entry.reported:
        yield (
            "reported",
            f"{row['organ']}, {row['on']}: {row['what']} {row['value']:g} ({row['by']})",
        )
    for sentence in entry.unverified:
        yield "unverified", sentence
    yield from entry.source.items()
