"""Models of this software: a card and the safetensors that it names."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...progress import CancelToken, Progress
from ..card import card_to_dict, load_card
from ..reading.checkpoints import read_tensors
from ..weights import find_weights, load_weights
from .documents import list_files, read_json
from .draft import Draft, Wishes
from .fields import list_some

__all__ = ["find_cards", "read_own"]

_MOST_BYTES = 1_000_000  # of a card


def find_cards(place: Path) -> list[Path]:
    """Find the cards in a folder whose weights lie beside them.

    Args:
        place: A folder.

    Returns:
        The cards, however deep, by name.
    """
    return [path for path in list_files(place, endings={".json"}) if _has_weights(path)]


def _has_weights(path: Path) -> bool:
    try:
        data = read_json(path) if path.stat().st_size <= _MOST_BYTES else {}
    except InputError:
        return False  # some other JSON file
    weights = data.get("weights")
    name = weights.get("file") if isinstance(weights, dict) else None
    return isinstance(name, str) and Path(name).name == name and (path.parent / name).is_file()


def read_own(place: Path, wishes: Wishes, progress: Progress, cancel: CancelToken) -> Draft:
    """Read a card and its weights, having checked that they are the ones it means.

    Args:
        place: The card, or a folder that holds one.
        wishes: The user's words; of these the id alone.
        progress: Told when it begins.
        cancel: Looked at before the weights are read.

    Returns:
        The draft; it keeps what was measured.

    Raises:
        InputError: If there are several cards.
        CardError: If the card is malformed.
        WeightsError: If the weights are missing, altered or unreadable.
    """
    cards = find_cards(place) if place.is_dir() else [place]
    if len(cards) != 1:
        names = list_some(path.name for path in cards)
        msg = f"'{place.name}' holds several models ({names}); import one of them by its card."
        raise InputError(msg)
    card = load_card(cards[0])
    cancel.check()
    progress(0.0, f"Reading {card.weights.name}")
    load_weights(card)
    tensors = read_tensors(find_weights(card))  # as they were stored, and not as float32
    data = card_to_dict(card)
    del data["weights"]
    if wishes.id is not None:
        data["id"] = wishes.id
    return Draft(data, tensors, ())
