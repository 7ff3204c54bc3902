"""Recipes: one organ from one model, another from another, or from several at once.

A recipe is data like a card and names models by their ids. `recipes/schema.json` bounds every
value; what spans several keys is checked here, and `complete_recipe` adds the models' own cards.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import CardError
from ..organs import KEYS
from .schema import find_fault, parse_json
from .specs import ModelCard, OutputSpec, WeightsRef

__all__ = [
    "RECIPES_DIR",
    "Model",
    "Part",
    "Recipe",
    "complete_recipe",
    "describe_part",
    "is_recipe",
    "parse_recipe",
]

RECIPES_DIR = Path(__file__).parent / "recipes"
"""Where the recipes of this package lie."""


@dataclass(frozen=True)
class Part:
    """Some organs, and who tells about them.

    Args:
        organs: Keys of the organs.
        models: Ids of the models that find their tumors; probabilities of several are averaged.
        within: Id of the model that outlines the organs, within which alone their tumors count;
            None takes the outlines of the first of `models` that has them, and all tumors.
    """

    organs: tuple[str, ...]
    models: tuple[str, ...]
    within: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether one model's answer is taken as it is."""
        return len(self.models) == 1 and self.within is None

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of all models that it needs."""
        more = () if self.within is None or self.within in self.models else (self.within,)
        return self.models + more


@dataclass(frozen=True)
class Recipe:
    """Which models tell about which organs.

    Args:
        schema: Version of the format.
        id: Stable name, chosen like a model's.
        title: Shown to people.
        version: Of the recipe.
        summary: One paragraph for people.
        parts: Who tells about which organs; where organs overlap, earlier ones come first.
        limits: What it must not be used for, shown to the user.
        thresholds: Least tumor probability by organ key, in place of the models' own.
        path: Where it was read from.
        cards: The models' cards by id; empty until `complete_recipe` adds them.
    """

    schema: int
    id: str
    title: str
    version: str
    summary: str
    parts: tuple[Part, ...]
    limits: str
    thresholds: Mapping[str, float] = field(default_factory=dict)
    path: Path | None = field(default=None, compare=False)
    cards: Mapping[str, ModelCard] = field(default_factory=dict, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of all models that it needs, in order."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.names))

    @property
    def organs(self) -> tuple[str, ...]:
        """Keys of its organs, in the order of the parts."""
        return tuple(key for part in self.parts for key in part.organs)

    @property
    def weights(self) -> WeightsRef:
        """Stands for the weights of all models, and for who tells about what."""
        told = [[*part.organs, "of", *part.models, "in", part.within] for part in self.parts]
        hashes = [[name, self.cards[name].weights.sha256] for name in self.names]
        digest = hashlib.sha256(json.dumps([told, hashes]).encode()).hexdigest()
        return WeightsRef(digest, sum(card.weights.bytes for card in self.cards.values()))

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """What it finds, as if it were one network."""
        found: list[OutputSpec] = []
        for part in self.parts:
            for key in part.organs:
                if self.find_outliner(part, key) is not None:
                    found.append(OutputSpec(len(found), "organ", key))
                found.append(OutputSpec(len(found), "tumor", key))
        return tuple(found)

    @property
    def license(self) -> str:
        """Those of its models, as far as they are there."""
        names: dict[str, list[str]] = {}
        for name, card in self.cards.items():
            names.setdefault(card.license, []).append(name)
        return "; ".join(f"{text} ({', '.join(owners)})" for text, owners in names.items())

    @property
    def source(self) -> Mapping[str, str]:
        """Its models, by the organs that they tell about."""
        return {", ".join(part.organs): describe_part(part) for part in self.parts}

    @property
    def evaluation(self) -> tuple[Mapping[str, Any], ...]:
        """Nothing was measured for the whole; what was for the models is in their cards."""
        return ()

    def find_outliner(self, part: Part, organ: str) -> ModelCard | None:
        """Find the model whose outline of an organ is taken.

        Args:
            part: The organ's.
            organ: Its key.

        Returns:
            The card; None if none of the models outlines the organ.
        """
        names = part.models if part.within is None else (part.within,)
        cards = (self.cards[name] for name in names)
        return next((card for card in cards if _finds(card, "organ", organ)), None)


Model: TypeAlias = ModelCard | Recipe
"""What a scan can be segmented with."""


def describe_part(part: Part) -> str:
    """Say who tells about the organs of a part.

    Args:
        part: Of a recipe.

    Returns:
        Ids of models and how they go together.
    """
    who = " and ".join(part.models) + (", averaged" if len(part.models) > 1 else "")
    return who if part.within is None else f"{who}, within the outlines of {part.within}"


def is_recipe(data: Any) -> bool:
    """Tell a recipe from a model card.

    Args:
        data: JSON values.

    Returns:
        Whether it has parts.
    """
    return isinstance(data, dict) and "parts" in data


def parse_recipe(data: Any, path: Path | None = None) -> Recipe:
    """Check the content of a recipe and give it types.

    Args:
        data: The recipe as JSON values.
        path: Where it came from.

    Returns:
        The recipe, without its models' cards.

    Raises:
        CardError: If it is malformed; names file and key.
    """
    fault = find_fault(data, _schema())
    if fault is None:
        parts = tuple(
            Part(tuple(part["organs"]), tuple(part["models"]), part.get("within"))
            for part in data["parts"]
        )
        recipe = Recipe(**{**data, "parts": parts}, path=path)
        fault = next(_list_faults(recipe), None)
    if fault is not None:
        name = path.name if path is not None else "(in memory)"
        msg = f"The recipe {name} cannot be used: {fault}."
        raise CardError(msg)
    return recipe


def complete_recipe(recipe: Recipe, models: Mapping[str, Model]) -> Recipe:
    """Add the cards of a recipe's models.

    Args:
        recipe: Without them.
        models: Models by id, other recipes too; more than needed do no harm.

    Returns:
        The recipe, ready to be used.

    Raises:
        CardError: If a model is not there, is a recipe, or does not find what the recipe wants of
            it; names the key and what to do.
    """
    absent = [name for name in recipe.names if name not in models]
    if absent:
        msg = (
            f"The recipe '{recipe.id}' needs models that are not here: {', '.join(absent)}. Get "
            f"them with `atlastumor models fetch {' '.join(absent)}`, or import each from its file "
            "with `atlastumor models import FILE --id ID`."
        )
        raise CardError(msg)
    found = {name: models[name] for name in recipe.names}
    cards = {name: card for name, card in found.items() if isinstance(card, ModelCard)}
    fault = next(_list_conflicts(recipe, cards), None)
    if fault is not None:
        msg = f"The recipe '{recipe.id}' cannot be used: {fault}."
        raise CardError(msg)
    return replace(recipe, cards=cards)


@functools.cache
def _schema() -> Mapping[str, Any]:
    text = (RECIPES_DIR / "schema.json").read_text(encoding="utf-8")
    schema: Mapping[str, Any] = parse_json(text)
    return schema


def _list_faults(recipe: Recipe) -> Iterator[str]:
    """What no single key shows, and no model is needed for."""
    for n, part in enumerate(recipe.parts):
        for key in part.organs:
            if key not in KEYS:
                yield f"parts[{n}].organs must be of {', '.join(KEYS)}, not '{key}'"
            elif recipe.organs.count(key) > 1:
                yield f"parts[{n}].organs names {key}, which comes twice"
        if recipe.id in part.names:
            yield f"parts[{n}] names the recipe itself"
    for key in recipe.thresholds:
        if key not in recipe.organs:
            yield f"thresholds.{key} is of no organ in parts"


def _list_conflicts(recipe: Recipe, cards: Mapping[str, ModelCard]) -> Iterator[str]:
    """What does not fit the models; a name without a card is that of another recipe."""
    for n, part in enumerate(recipe.parts):
        for name in part.names:
            if name not in cards:
                key = "models" if name in part.models else "within"
                yield f"parts[{n}].{key} names '{name}', which is a recipe; name its models"
    for n, part in enumerate(recipe.parts):
        for name in part.models:
            yield from _list_misfits(cards[name], part, f"parts[{n}]")
        for key in part.organs if part.within is not None else ():
            if not _finds(cards[str(part.within)], "organ", key):
                yield f"parts[{n}].within: '{part.within}' does not outline the {key}"


def _list_misfits(card: ModelCard, part: Part, name: str) -> Iterator[str]:
    """What a model does not find that a part wants of it."""
    finds_lesions = any(output.kind == "lesion" for output in card.outputs)
    for key in part.organs:
        if _finds(card, "tumor", key):
            continue
        if not finds_lesions:
            yield f"{name}.organs names {key}, whose tumors '{card.id}' does not find"
        elif part.within is None:
            yield (
                f"{name}.within is missing: '{card.id}' finds lesions of any organ, and only the "
                f"outlines of another model tell which are of the {key}"
            )


def _finds(card: ModelCard, kind: str, organ: str) -> bool:
    return any(output.kind == kind and output.organ == organ for output in card.outputs)
