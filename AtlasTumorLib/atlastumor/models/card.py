"""Model cards: what a network needs, what it puts out, what it was measured on.

A card is data and never executed. It comes from this package's `cards` folder, from the user's
models folder or from one that is named; `cards/schema.json` bounds every value and `conflicts.py`
what spans several keys. A network's channel numbers live in its card only and meet the organ table
by organ key.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import CardError, UnknownKeyError
from .conflicts import find_conflict
from .folders import PINS_NAME, default_models_dir
from .schema import find_fault, parse_json
from .specs import (
    InferenceSpec,
    InputSpec,
    ModelCard,
    NetworkRef,
    OutputSpec,
    PostprocessSpec,
    WeightsRef,
)

__all__ = [
    "CARDS_DIR",
    "DEFAULT_MODEL",
    "InferenceSpec",
    "InputSpec",
    "ModelCard",
    "NetworkRef",
    "OutputSpec",
    "PostprocessSpec",
    "WeightsRef",
    "card_to_dict",
    "find_card",
    "list_cards",
    "load_card",
    "parse_card",
]

CARDS_DIR = Path(__file__).parent / "cards"
"""Where the cards of this package lie."""

DEFAULT_MODEL = "atlastumor-phantom-v0"
"""Id of the model that comes with this package."""

_SCHEMA_NAME = "schema.json"
_MOST_BYTES = 1_000_000


def load_card(path: Path) -> ModelCard:
    """Read one card.

    Args:
        path: A JSON file.

    Returns:
        The card; its weights are not looked at.

    Raises:
        CardError: If it cannot be read or is malformed; names file and key.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            msg = f"The model card {path.name} is larger than 1 MB; that is no card."
            raise CardError(msg)
        data = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"The model card {path.name} cannot be read: {error.strerror}."
        raise CardError(msg) from error
    except ValueError as error:
        msg = f"The model card {path.name} is not valid JSON: {error}."
        raise CardError(msg) from error
    return parse_card(data, path)


def parse_card(data: Any, path: Path | None = None) -> ModelCard:
    """Check the content of a card and give it types.

    Args:
        data: The card as JSON values.
        path: Where it came from.

    Returns:
        The card.

    Raises:
        CardError: If it is malformed; names file and key.
    """
    name = path.name if path is not None else "(in memory)"
    fault = find_fault(data, _schema())
    if fault is None:
        card = _build_card(data, path)
        fault = find_conflict(card)
    if fault is not None:
        msg = f"The model card {name} cannot be used: {fault}."
        raise CardError(msg)
    return card


def card_to_dict(card: ModelCard) -> dict[str, Any]:
    """Turn a card into the JSON values that `parse_card` reads.

    Args:
        card: The card.

    Returns:
        Plain dictionaries, lists, numbers and text; keys that are None are left out of `weights`.
    """
    data = asdict(card)
    del data["path"]
    data["weights"] = {key: value for key, value in data["weights"].items() if value is not None}
    plain: dict[str, Any] = _to_lists(data)
    return plain


def list_cards(extra_dirs: Iterable[Path] = ()) -> list[ModelCard]:
    """Read every card of the package, of the user's models folder and of some more.

    Args:
        extra_dirs: Further folders; those that do not exist are passed over.

    Returns:
        The cards, the package's first, by file name within a folder.

    Raises:
        CardError: If one is malformed or two have one id.
    """
    cards: dict[str, ModelCard] = {}
    for path in _list_paths(extra_dirs):
        card = load_card(path)
        if card.id in cards:
            msg = f"Two model cards have the id '{card.id}'; rename that of {path.name}."
            raise CardError(msg)
        cards[card.id] = card
    return list(cards.values())


def find_card(model_id: str, extra_dirs: Iterable[Path] = ()) -> ModelCard:
    """Find a card by its id.

    Args:
        model_id: Such as "atlastumor-phantom-v0".
        extra_dirs: Folders to search beside the package's own and the user's models folder.

    Returns:
        The card. One that lies under its own name is found whatever lies beside it.

    Raises:
        UnknownKeyError: If no card has this id.
        CardError: If a card is malformed.
    """
    folders = list(extra_dirs)
    for path in _list_paths(folders):
        if path.stem == model_id and (card := load_card(path)).id == model_id:
            return card
    cards = {card.id: card for card in list_cards(folders)}
    if model_id not in cards:
        raise UnknownKeyError("model", model_id, cards)
    return cards[model_id]


def _list_paths(extra_dirs: Iterable[Path]) -> list[Path]:
    """Every file that should be a card: the package's, the user's, those of more folders."""
    folders = [CARDS_DIR, default_models_dir(), *map(Path, extra_dirs)]
    unique = {folder.resolve(): folder for folder in reversed(folders)}
    paths = [p for folder in reversed(unique.values()) for p in sorted(folder.glob("[!.]*.json"))]
    return [path for path in paths if path.name not in {_SCHEMA_NAME, PINS_NAME}]


@functools.cache
def _schema() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = parse_json((CARDS_DIR / _SCHEMA_NAME).read_text(encoding="utf-8"))
    return schema


def _to_lists(value: Any) -> Any:
    """Replace tuples by lists, all the way down."""
    if isinstance(value, dict):
        return {key: _to_lists(item) for key, item in value.items()}
    return [_to_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


def _to_tuples(section: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the lists of one section by tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in section.items()}


def _build_card(data: Mapping[str, Any], path: Path | None) -> ModelCard:
    """Give types to a card that the schema allows."""
    built = {
        "weights": WeightsRef(**data["weights"]),
        "network": NetworkRef(**data["network"]),
        "input": InputSpec(**_to_tuples(data["input"])),
        "inference": InferenceSpec(**_to_tuples(data["inference"])),
        "outputs": tuple(OutputSpec(**output) for output in data["outputs"]),
        "postprocess": PostprocessSpec(**_to_tuples(data["postprocess"])),
        "evaluation": tuple(data["evaluation"]),
    }
    return ModelCard(**{**data, **built}, path=path)
