"""Which card kept measurements were made with: they count for that card alone."""

from __future__ import annotations

import hashlib
import json

from ..errors import InputError
from ..models.card import ModelCard, card_to_dict, find_card

__all__ = ["find_single_card", "hash_for_scores", "hash_for_sweeps"]

_N_DIGITS = 12


def hash_for_scores(model: str, precision: str = "auto") -> str:
    """Hash all of a card that scores of phantoms follow from.

    Args:
        model: Model id.
        precision: In which the network runs; "auto" where that is floating point.

    Returns:
        12 hexadecimal digits; what was measured before does not count.

    Raises:
        UnknownKeyError: If there is no such model.
        CardError: If the card is malformed.
        InputError: If it is a recipe.
    """
    if precision == "auto":
        return _hash(model, "evaluation", "quantization")
    unused = () if precision == "int8" else ("quantization",)
    return f"{_hash(model, 'evaluation', *unused)}-{precision}"


def hash_for_sweeps(model: str) -> str:
    """Hash all of a card that sweeps over its thresholds follow from.

    Args:
        model: Model id.

    Returns:
        12 hexadecimal digits; neither thresholds nor what was measured with them count.

    Raises:
        UnknownKeyError: If there is no such model.
        CardError: If the card is malformed.
        InputError: If it is a recipe.
    """
    return _hash(model, "evaluation", "thresholds", *_unless_preferred(model))


def find_single_card(model: str) -> ModelCard:
    """Find the card of what can be measured.

    Args:
        model: Model id.

    Returns:
        The card.

    Raises:
        UnknownKeyError: If there is no such model.
        CardError: If the card is malformed.
        InputError: If it is a recipe.
    """
    card = find_card(model)
    if not isinstance(card, ModelCard):
        msg = f"'{model}' is a recipe of several models. Name one of them to measure it."
        raise InputError(msg)
    return card


def _unless_preferred(model: str) -> tuple[str, ...]:
    """Leave ranges out that "auto" does not use on any computer."""
    spec = find_single_card(model).quantization
    return () if spec is not None and spec.preferred else ("quantization",)


def _hash(model: str, *left_out: str) -> str:
    values = card_to_dict(find_single_card(model))
    content = {key: value for key, value in values.items() if key not in left_out}
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_N_DIGITS]
