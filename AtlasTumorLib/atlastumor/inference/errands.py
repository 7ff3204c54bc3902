"""What each model of a recipe has to do for what a user asks: every model runs once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..errors import InputError
from ..models.recipe import Part, Recipe
from ..models.specs import ModelCard
from ..networks.ensemble import count_members
from ..organs import Organ, find_organ
from .beforehand import NOTHING_TO_DISAGREE
from .request import Request, check_thresholds, make_request, select_known

__all__ = ["Errand", "Plan", "make_plan"]

_LEVEL = 0.5
"""Least mean probability of a tumor that several models tell about, unless the recipe says."""


@dataclass(frozen=True)
class Errand:
    """What one model has to do.

    Args:
        card: The model; where it finds lesions of any organ, they go by the name of one.
        request: Its run.
        plain: Organs and tumors that are taken as it finds them.
        outlined: Organs whose outline alone is taken.
        scored: Organs about whose tumors it is one of several to tell, or within another's outline:
            by their key, the key under which it gives the probability.
        n_apart: How many members of an ensemble are to speak side by side.
    """

    card: ModelCard
    request: Request
    plain: tuple[Organ, ...]
    outlined: tuple[Organ, ...]
    scored: Mapping[str, str]
    n_apart: int


@dataclass(frozen=True)
class Plan:
    """What a recipe does for a user.

    Args:
        request: What is reported; organs that the recipe does not know may be among it.
        errands: In the order of the recipe.
        mixed: Organs whose tumors are painted at the end, with their parts.
        order: All organs of the recipe, those first that come first where two overlap.
    """

    request: Request
    errands: tuple[Errand, ...]
    mixed: tuple[tuple[Organ, Part], ...]
    order: tuple[Organ, ...]


def make_plan(
    recipe: Recipe,
    *,
    organs: Iterable[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    mirror: bool = False,
    disagreement: bool = False,
) -> Plan:
    """Check what is asked for, and share it among the models.

    Args:
        recipe: With its models' cards.
        organs: Keys of the organs to report; None for all of the recipe.
        thresholds: Least tumor probability by organ key, in place of the recipe's.
        mirror: Whether to average over mirrored passes, of those models that were trained for it.
        disagreement: Whether ensembles are to tell where their members disagree.

    Returns:
        The plan.

    Raises:
        UnknownKeyError: If a key names no organ.
        InputError: If the recipe knows none of the organs, a threshold is outside [0, 1] or of no
            tumor of the recipe, no model was trained for mirroring, or none has another to
            disagree with.
    """
    wanted = select_known(organs, recipe.organs, recipe.id)
    levels = {**recipe.thresholds, **check_thresholds(thresholds or {}, recipe.organs, recipe.id)}
    keys = {organ.key for organ in wanted}
    parts = [replace(p, organs=tuple(k for k in p.organs if k in keys)) for p in recipe.parts]
    parts = [part for part in parts if part.organs]
    names = dict.fromkeys(name for part in parts for name in part.names)
    errands = tuple(
        _make_errand(recipe, recipe.cards[name], parts, levels, mirror=mirror, apart=disagreement)
        for name in names
    )
    if mirror and not any(errand.request.mirror_axes for errand in errands):
        msg = f"No model of '{recipe.id}' was trained for mirrored passes; turn mirroring off."
        raise InputError(msg)
    if disagreement and not any(_can_disagree(part, errands) for part in parts):
        raise InputError(NOTHING_TO_DISAGREE.format(recipe.id))
    mixed = [(find_organ(k), part) for part in parts if not part.is_plain for k in part.organs]
    decided = {o.key: e.request.thresholds[o.key] for e in errands for o in e.plain}
    decided |= {organ.key: levels.get(organ.key, _LEVEL) for organ, _ in mixed}
    outlined = {k: recipe.find_outliner(p, k) is not None for p in parts for k in p.organs}
    order = tuple(find_organ(key) for part in parts for key in part.organs)
    request = Request(
        wanted, outlined, {o.key: decided[o.key] for o in wanted if o.key in decided}, ()
    )
    return Plan(request, errands, tuple(mixed), order)


def _can_disagree(part: Part, errands: Iterable[Errand]) -> bool:
    folds = {errand.card.id for errand in errands if errand.n_apart > 1}
    return len(part.models) > 1 or (part.is_plain and part.models[0] in folds)


def _make_errand(
    recipe: Recipe,
    card: ModelCard,
    parts: Iterable[Part],
    levels: Mapping[str, float],
    *,
    mirror: bool,
    apart: bool,
) -> Errand:
    """Collect what is wanted of one model."""
    plain: list[str] = []
    outlined: list[str] = []
    scored: list[str] = []
    for part in parts:
        for key in part.organs:
            if part.is_plain:
                plain += [key] if card.id in part.models else []
                continue
            scored += [key] if card.id in part.models else []
            outliner = recipe.find_outliner(part, key)
            outlined += [key] if outliner is not None and outliner.id == card.id else []
    own = {output.organ for output in card.outputs if output.kind == "tumor"}
    strange = [key for key in scored if key not in own]
    if strange:
        outputs = (
            replace(o, kind="tumor", organ=strange[0]) if o.kind == "lesion" else o
            for o in card.outputs
        )
        card = replace(card, outputs=tuple(outputs))
    sources = {key: key if key in own else strange[0] for key in scored}
    request = make_request(
        card,
        organs=[*plain, *outlined, *sources.values()],
        thresholds={key: level for key, level in levels.items() if key in plain},
        mirror=mirror and bool(card.inference.mirror_axes),
    )
    n_members = count_members(card.network.name, card.network.args) if apart and plain else 1
    return Errand(card, request, _rows(plain), _rows(outlined), sources, n_members)


def _rows(keys: Iterable[str]) -> tuple[Organ, ...]:
    return tuple(find_organ(key) for key in keys)
