"""The models that a user keeps: whether they are whole, adding to a card, taking one away."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError
from ..networks import load_network
from .card import CARDS_DIR, ModelCard, find_card, find_stored, load_card, parse_card
from .recipe import RECIPES_DIR, Model, Recipe

__all__ = ["change_card", "keep_ranges", "remove_model", "verify_model"]


def verify_model(model_id: str, models_dir: Path | None = None) -> Model:
    """Make sure that a model is as its card says: hash, size, every tensor of the network.

    Of a recipe, every one of its models.

    Args:
        model_id: The model.
        models_dir: A folder to look in, beside the user's own and the package's.

    Returns:
        Its card.

    Raises:
        UnknownKeyError: If there is no such model.
        CardError: If its card is malformed.
        WeightsError: If its weights are missing, altered or do not fit.
        DependencyError: If a package that its network needs is missing.
    """
    card = find_card(model_id, _as_list(models_dir))
    for one in card.cards.values() if isinstance(card, Recipe) else [card]:
        load_network(one, models_dir=models_dir)
    return card


def remove_model(model_id: str, models_dir: Path | None = None) -> tuple[Path, ...]:
    """Delete a model of the user's.

    Args:
        model_id: The model.
        models_dir: A folder to look in, beside the user's own.

    Returns:
        What was deleted: the card, and its weights where no other card in the folder names them;
        of a recipe, itself alone, whether or not its models are there.

    Raises:
        UnknownKeyError: If there is no such model.
        CardError: If its card is malformed.
        InputError: If it came with this package.
        OutputError: If it cannot be deleted.
    """
    card = find_stored(model_id, _as_list(models_dir))
    path = card.path
    if path is None or path.parent in {CARDS_DIR, RECIPES_DIR}:
        msg = f"The model '{model_id}' came with this software and stays."
        raise InputError(msg)
    doomed = [path]
    try:
        if isinstance(card, ModelCard):
            weights = path.parent / card.weights.name
            beside = [p for p in path.parent.glob("[!.]*.json") if p.is_file()]
            mentions = [p for p in beside if card.weights.name in _read(p)]
            doomed += [weights] if mentions == [path] and weights.is_file() else []
        for one in doomed:  # without its card it is no model, whatever happens next
            one.unlink()
    except OSError as error:
        msg = f"The model '{model_id}' cannot be deleted: {error.strerror}."
        raise OutputError(msg) from error
    return tuple(doomed)


def change_card(card: ModelCard, change: Callable[[dict[str, Any]], None]) -> ModelCard:
    """Change a card's file, as a whole or not at all.

    Args:
        card: Read from a file, which is replaced.
        change: Changes the file's JSON values.

    Returns:
        The card as it now lies there.

    Raises:
        InputError: If the card is from no file.
        CardError: If the changed card is malformed.
        OutputError: If the file cannot be written.
    """
    if card.path is None:
        msg = f"The card of '{card.id}' is from no file that could be changed."
        raise InputError(msg)
    changed = json.loads(card.path.read_text("utf-8"))
    change(changed)
    parse_card(changed, card.path)
    beside = card.path.with_name(f".{card.path.name}.part")
    try:
        beside.write_text(json.dumps(changed, indent=2) + "\n", encoding="utf-8")
        beside.replace(card.path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        msg = f"The card of '{card.id}' cannot be written: {error.strerror}."
        raise OutputError(msg) from error
    return load_card(card.path)


def keep_ranges(
    card: ModelCard, ranges: Mapping[str, tuple[float, float]], *, data: str
) -> ModelCard:
    """Write into a card how its convolutions are counted in 8 bits.

    Args:
        card: Read from a file, which is replaced.
        ranges: (low, high) by the name of a convolution's weights.
        data: What they were measured on, in words.

    Returns:
        The card as it now lies there.

    Raises:
        InputError: If the card is from no file.
        CardError: If the ranges are malformed.
        OutputError: If the file cannot be written.
    """
    section = {"ranges": {name: list(ends) for name, ends in ranges.items()}, "data": data}
    return change_card(card, lambda values: values.update(quantization=section))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _as_list(folder: Path | None) -> list[Path]:
    return [] if folder is None else [folder]
