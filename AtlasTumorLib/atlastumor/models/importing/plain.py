"""Checkpoints that are tensors by name, and a card that says of which network."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...networks import adapt_tensors
from ...progress import CancelToken, Progress
from ..reading.checkpoints import read_tensors
from .documents import find_checkpoints
from .draft import Draft, Wishes, make_card
from .fields import Record

__all__ = ["read_plain"]


def read_plain(place: Path, wishes: Wishes, progress: Progress, cancel: CancelToken) -> Draft:
    """Read a checkpoint that says nothing of its network.

    Args:
        place: The checkpoint, or a folder that holds it.
        wishes: The user's words; the card says what the file does not.
        progress: Told when it begins.
        cancel: Looked at before the file is read.

    Returns:
        The draft.

    Raises:
        InputError: If there is no card, or it does not say enough.
        CardError: If its network is unknown.
        WeightsError: If the file cannot be read.
    """
    path = find_checkpoints(place)[0] if place.is_dir() else place
    told = Record(wishes.card or {}, "the card")
    missing = [key for key in ("network", "input", "inference", "outputs") if key not in told]
    if missing:
        msg = (
            f"{path.name} holds tensors and does not say of which network. Give a card with it, or "
            f"the catalogue's entry of it; what is missing: {', '.join(missing)}."
        )
        raise InputError(msg)
    cancel.check()
    progress(0.0, f"Reading {path.name}")
    network = told.record("network")
    args = dict(network.read("args", dict, {}))
    card = make_card(
        wishes,
        kind="plain",
        title=told.read("title", str, path.stem),
        names=[""] * len(told.read("outputs", list)),
        activation=told.read("activation", str, "softmax"),
    )
    return Draft(card, adapt_tensors(network.read("name", str), read_tensors(path), args), (path,))
