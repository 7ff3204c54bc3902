"""Putting a model into the models folder: all of it, tried out, or nothing."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import InputError, OutputError
from ...locking import alone
from ...networks import load_network
from ...progress import CancelToken, Progress
from ..card import NO_CARDS, ModelCard, list_cards, list_recipes, load_card, parse_card
from ..weights import hash_file, save_weights
from .draft import Draft

__all__ = ["check_free", "install", "place_model"]

_PENDING = {"sha256": "0" * 64, "bytes": 1}
_LONGEST_TEXT = 2000
_STAGING = ".importing-"


def install(draft: Draft, folder: Path, *, progress: Progress, cancel: CancelToken) -> ModelCard:
    """Write a draft's card and weights.

    Args:
        draft: The model.
        folder: The models folder, made if needed.
        progress: Told at each step.
        cancel: Looked at before each step; nothing is then left behind.

    Returns:
        The card as it now lies in the folder.

    Raises:
        CardError: If the card is malformed or its network unknown.
        WeightsError: If the weights do not fit the network.
        InputError: If there is a model of this id already.
        OutputError: If the folder cannot be written to.
        Cancelled: If `cancel` was set.
    """
    model_id = str(draft.card["id"])
    weights = {"file": f"{model_id}.safetensors"}
    drafted = {**draft.card, "weights": {**_PENDING, **weights}}
    parse_card(drafted, what="The card of the imported model")
    check_free(model_id, folder)
    cancel.check()
    progress(0.1, "Hashing the files")
    source = {**draft.card["source"], **_describe_files(draft.files)}
    with _staging(folder) as staging:
        check_free(model_id, folder)  # another import may have ended meanwhile
        cancel.check()
        progress(0.3, "Writing the weights")
        digest, size = save_weights(draft.tensors, staging / weights["file"])
        card = {**draft.card, "source": source}
        card["weights"] = {**weights, "sha256": digest, "bytes": size}
        _write_card(card, staging / f"{model_id}.json")
        cancel.check()
        progress(0.6, "Trying the network")
        load_network(load_card(staging / f"{model_id}.json"))
        cancel.check()
        place_model(staging, folder, model_id)
    progress(1.0, "Imported")
    return load_card(folder / f"{model_id}.json")


def check_free(model_id: str, folder: Path) -> None:
    """Make sure that no model has an id yet, and that none would lose its files to it.

    Args:
        model_id: The id.
        folder: The models folder.

    Raises:
        InputError: If one has it, or a recipe, in this folder, the user's or the package; or if a
            file of another model, or one that is no model's, has the name of its card or weights.
    """
    cards = list_cards([folder])
    if model_id in {one.id for one in (*cards, *list_recipes([folder]))}:
        msg = f"There is a model '{model_id}' already. Remove it first, or import with another id."
        raise InputError(msg)
    card, weights = f"{model_id}.json", f"{model_id}.safetensors"
    named = {one.weights.name for one in cards if isinstance(one, ModelCard)}
    taken = [card] if card in NO_CARDS or (folder / card).exists() else []
    taken += [weights] if weights in named else []
    if taken:
        names = " and ".join(f"'{name}'" for name in taken)
        msg = f"The models folder keeps {names} for something else. Import with another id."
        raise InputError(msg)


def place_model(staging: Path, folder: Path, model_id: str) -> None:
    """Move a finished model to its place, the card last: without it there is no model.

    Args:
        staging: Holds ID.json and ID.safetensors; within `folder`.
        folder: The models folder.
        model_id: The id.
    """
    for suffix in (".safetensors", ".json"):
        (staging / f"{model_id}{suffix}").replace(folder / f"{model_id}{suffix}")


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A hidden folder in which a model is prepared, one at a time; gone afterwards."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder / ".import.lock"):
            for left in folder.glob(f"{_STAGING}*"):  # by an import that was killed
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(prefix=_STAGING, dir=folder) as name:
                yield Path(name)
    except OSError as error:
        msg = f"The models folder '{folder}' cannot be written to: {error.strerror or error}."
        raise OutputError(msg) from error


def _write_card(card: Mapping[str, Any], path: Path) -> None:
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def _describe_files(files: tuple[Path, ...]) -> dict[str, str]:
    """Names and hashes of what a model was made of."""
    if not files:
        return {}
    names = [f"{path.parent.name}/{path.name}" if len(files) > 1 else path.name for path in files]
    digests = [hash_file(path) for path in files]
    return {"files": ", ".join(names)[:_LONGEST_TEXT], "sha256": ", ".join(digests)[:_LONGEST_TEXT]}
