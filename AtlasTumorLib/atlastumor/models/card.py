"""Model cards: what a network needs, what it puts out, what it was measured on.

A card is data and never executed. It comes from this package's `cards` folder, from the user's
models folder or from one that is named; `cards/schema.json` bounds every value and `conflicts.py`
what spans several keys. A network's channel numbers live in its card only and meet the organ table
by organ key. Recipes lie among the cards, and are listed and found like them.
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
from .recipe import RECIPES_DIR, Model, Recipe, complete_recipe, is_recipe, parse_recipe
from .schema import find_fault, parse_json
from .specs import (
    InferenceSpec,
    InputSpec,
    ModelCard,
    NetworkRef,
    OutputSpec,
    PostprocessSpec,
    QuantizationSpec,
    WeightsRef,
)

__all__ = [
    "CARDS_DIR",
    "DEFAULT_MODEL",
    "NO_CARDS",
    "InferenceSpec",
    "InputSpec",
    "ModelCard",
    "NetworkRef",
    "OutputSpec",
    "PostprocessSpec",
    "QuantizationSpec",
    "WeightsRef",
    "card_to_dict",
    "find_card",
    "find_stored",
    "list_cards",
    "list_recipes",
    "load_card",
    "parse_card",
]

CARDS_DIR = Path(__file__).parent / "cards"
"""Where the cards of this package lie."""

DEFAULT_MODEL = "atlastumor-phantom-v0"
"""Id of the model that comes with this package."""

_SCHEMA_NAME = "schema.json"

NO_CARDS = frozenset({_SCHEMA_NAME, PINS_NAME})
"""Names of JSON files in folders of cards that are none."""

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
    return parse_card(_read(Path(path)), Path(path))


def parse_card(data: Any, path: Path | None = None, *, what: str = "The model card") -> ModelCard:
    """Check the content of a card and give it types.

    Args:
        data: The card as JSON values.
        path: Where it came from.
        what: What it is, for messages, if it came from no file.

    Returns:
        The card.

    Raises:
        CardError: If it is malformed; names file and key.
    """
    fault = find_fault(data, _schema())
    if fault is None:
        card = _build_card(data, path)
        fault = find_conflict(card)
    if fault is not None:
        named = f"The model card {path.name}" if path is not None else what
        msg = f"{named} cannot be used: {fault}."
        raise CardError(msg)
    return card


def card_to_dict(card: ModelCard) -> dict[str, Any]:
    """Turn a card into the JSON values that `parse_card` reads.

    Args:
        card: The card.

    Returns:
        Plain dictionaries, lists, numbers and text; keys that are None are left out of `weights`,
        and so is a `quantization` that is.
    """
    data = asdict(card)
    del data["path"]
    if card.quantization is None:
        del data["quantization"]
    data["weights"] = {key: value for key, value in data["weights"].items() if value is not None}
    plain: dict[str, Any] = _to_lists(data)
    return plain


def list_cards(extra_dirs: Iterable[Path] = ()) -> list[Model]:
    """Read every card of the package, of the user's models folder and of some more.

    Args:
        extra_dirs: Further folders; those that do not exist are passed over.

    Returns:
        The cards, the package's first, by file name within a folder; then the recipes whose models
        are there and fit.

    Raises:
        CardError: If one is malformed or two have one id.
    """
    models = _load_models(_list_paths(extra_dirs))
    recipes = [_try_to_complete(one, models) for one in models.values() if isinstance(one, Recipe)]
    cards = [one for one in models.values() if isinstance(one, ModelCard)]
    return [*cards, *(recipe for recipe in recipes if recipe is not None)]


def list_recipes(extra_dirs: Iterable[Path] = ()) -> list[Recipe]:
    """Read every recipe, also those whose models are not there.

    Args:
        extra_dirs: As for `list_cards`.

    Returns:
        The recipes, without their models' cards.

    Raises:
        CardError: If a card or recipe is malformed or two have one id.
    """
    models = _load_models(_list_paths(extra_dirs)).values()
    return [model for model in models if isinstance(model, Recipe)]


def find_card(model_id: str, extra_dirs: Iterable[Path] = ()) -> Model:
    """Find a card by its id.

    Args:
        model_id: Such as "atlastumor-phantom-v0".
        extra_dirs: Folders to search beside the package's own and the user's models folder.

    Returns:
        The card, or the recipe with its models' cards. A card that lies under its own name is found
        whatever lies beside it.

    Raises:
        UnknownKeyError: If no card has this id.
        CardError: If a card is malformed, or a model of the recipe is missing or does not fit.
    """
    extra_dirs = tuple(extra_dirs)
    model = find_stored(model_id, extra_dirs)
    if isinstance(model, Recipe):
        return complete_recipe(model, _load_models(_list_paths(extra_dirs)))
    return model


def find_stored(model_id: str, extra_dirs: Iterable[Path] = ()) -> Model:
    """Find a card or a recipe by its id, whatever else the recipe needs.

    Args:
        model_id: As for `find_card`.
        extra_dirs: As for `find_card`.

    Returns:
        The card, or the recipe without its models' cards. What lies under its own name is found
        whatever lies beside it.

    Raises:
        UnknownKeyError: If none has this id.
        CardError: If it, or one that is looked through for it, is malformed.
    """
    paths = _list_paths(extra_dirs)
    for path in paths:
        if path.stem == model_id and (model := _load(path)).id == model_id:
            return model
    models = _load_models(paths)
    if model_id not in models:
        ready = [one.id for one in models.values() if _try_to_complete(one, models) is not None]
        raise UnknownKeyError("model", model_id, ready)
    return models[model_id]


def _load(path: Path) -> Model:
    """Read a card, or a recipe without its models' cards."""
    data = _read(path)
    return parse_recipe(data, path) if is_recipe(data) else parse_card(data, path)


def _read(path: Path) -> Any:
    """Read the JSON of a card or recipe."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            msg = f"The model card {path.name} is larger than 1 MB; that is no card."
            raise CardError(msg)
        return parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"The model card {path.name} cannot be read: {error.strerror}."
        raise CardError(msg) from error
    except ValueError as error:
        msg = f"The model card {path.name} is not valid JSON: {error}."
        raise CardError(msg) from error


def _load_models(paths: Iterable[Path]) -> dict[str, Model]:
    """Read cards and recipes, by id."""
    models: dict[str, Model] = {}
    for path in paths:
        model = _load(path)
        if model.id in models:
            msg = f"Two model cards have the id '{model.id}'; rename that of {path.name}."
            raise CardError(msg)
        models[model.id] = model
    return models


def _try_to_complete(model: Model, models: Mapping[str, Model]) -> Model | None:
    """Add a recipe's models; None if they are not there or do not fit."""
    if not isinstance(model, Recipe):
        return model
    try:
        return complete_recipe(model, models)
    except CardError:
        return None


def _list_paths(extra_dirs: Iterable[Path]) -> list[Path]:
    """Every file that should be a card: the package's, the user's, those of more folders."""
    folders = [CARDS_DIR, RECIPES_DIR, default_models_dir(), *map(Path, extra_dirs)]
    unique = {folder.resolve(): folder for folder in reversed(folders)}
    paths = [p for folder in reversed(unique.values()) for p in sorted(folder.glob("[!.]*.json"))]
    return [path for path in paths if path.name not in NO_CARDS]


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
    if "quantization" in data:
        given = data["quantization"]
        built["quantization"] = QuantizationSpec(**{**given, "ranges": _to_tuples(given["ranges"])})
    return ModelCard(**{**data, **built}, path=path)
