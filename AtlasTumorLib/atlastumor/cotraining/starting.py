"""What is trained, as the card that will describe it, and the weights that it sets out from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ..collections import Annotation, CollectionCase
from ..errors import InputError
from ..models.card import (
    CARDS_DIR,
    DEFAULT_MODEL,
    ModelCard,
    card_to_dict,
    find_card,
    parse_card,
)
from ..models.recipe import RECIPES_DIR
from ..models.weights import fit_weights, load_weights
from ..networks import build_network, find_multiple
from ..networks.shapes import list_shapes
from ..organs import ORGANS
from .config import TrainingConfig
from .learnable import describe_gaps, find_learnable, list_channels
from .prepare import cached_spec

__all__ = ["draft_card", "find_source", "start_network"]

_COMMAND = "atlastumor train"
_NO_WEIGHTS = {"file": "unset.safetensors", "sha256": "0" * 64, "bytes": 1}


def find_source(config: TrainingConfig) -> ModelCard | None:
    """Find the model whose weights a run sets out from.

    Args:
        config: The run's.

    Returns:
        Its card, or None if weights begin random.

    Raises:
        UnknownKeyError: If there is no such model.
    """
    if config.start_from is None:
        return None
    return _find_model(config.start_from, [config.models_dir] if config.models_dir else [])


def _find_model(model_id: str, folders: list[Path]) -> ModelCard:
    """Find a card of one network; a recipe of several has no weights to train on."""
    card = find_card(model_id, folders)
    if not isinstance(card, ModelCard):
        msg = f"'{model_id}' combines several models. Name one of them to train on."
        raise InputError(msg)
    return card


def draft_card(
    config: TrainingConfig, cases: Iterable[CollectionCase], source: ModelCard | None
) -> ModelCard:
    """Draft the card of the model that a run will make; its weights are still to come.

    Args:
        config: The run's.
        cases: Training cases, for the organs that they are annotated for.
        source: From `find_source`.

    Returns:
        The card.

    Raises:
        CardError: If network, input or patch cannot be used; names the key.
        InputError: If the id is that of a model of this package or of a file that no training
            wrote, the patch does not fit the network, the network's scale depends on the whole
            scan, or no case is annotated for what is to be learned.
    """
    _check_place(config.output / f"{config.id}.json")
    if any((folder / f"{config.id}.json").exists() for folder in (CARDS_DIR, RECIPES_DIR)):
        msg = f"The id '{config.id}' is taken by this package; choose another `id` for your model."
        raise InputError(msg)
    base = card_to_dict(source or _find_model(DEFAULT_MODEL, []))
    drafted = _draft(config, find_learnable(cases, config.organs), base)
    card = parse_card(drafted, what="The model that the configuration describes")
    cached_spec(card.input)
    multiple = find_multiple(card.network.name, card.network.args)
    if any(n % m for n, m in zip(card.inference.patch, multiple, strict=True)):
        msg = f"The patch is {card.inference.patch}; this network needs multiples of {multiple}."
        raise InputError(msg)
    return card


def _check_place(path: Path) -> None:
    """Refuse to write the card over a file of the user's, such as the configuration itself."""
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):  # as a crash leaves it
        return
    try:
        is_ours = json.loads(path.read_text(encoding="utf-8"))["source"]["command"] == _COMMAND
    except (OSError, ValueError, TypeError, KeyError):
        is_ours = False
    if not is_ours:
        msg = (
            f"The output folder holds a file {path.name} that `{_COMMAND}` did not write and that "
            "the model would replace. Choose another `id` or `output`."
        )
        raise InputError(msg)


def _draft(config: TrainingConfig, learnable: Annotation, base: dict[str, Any]) -> dict[str, Any]:
    """Fill in a card as JSON values; `base` gives what the configuration leaves open."""
    organs, tumors = learnable.organs, learnable.tumors
    return {
        "schema": 1,
        "id": config.id,
        "title": f"{config.id}, trained by its user",
        "version": "1",
        "summary": f"Trained with `{_COMMAND}` on its user's own scans.",
        "license": "not stated",
        "source": {"command": _COMMAND},
        "weights": {**_NO_WEIGHTS, "file": f"{config.id}.safetensors"},
        "network": dict(config.network) if config.network else base["network"],
        "input": base["input"] if config.input is None else _to_lists(config.input),
        "inference": {
            "patch": list(config.patch or base["inference"]["patch"]),
            "mirror_axes": list(config.mirror_axes),
        },
        "outputs": [asdict(output) for output in list_channels(learnable)],
        "activation": "softmax",
        "thresholds": {o.key: 0.5 for o in ORGANS if o.key in tumors},
        "postprocess": {
            "min_lesion_ml": 0.05,
            "organ_margin_mm": 10.0 if tumors <= organs else None,
            "largest_component": [
                o.key for o in ORGANS if o.key in organs and not (o.sides or o.hollow)
            ],
        },
        "evaluation": [],
        "limits": "Not for clinical use. Trained on its user's scans; nobody else has checked it.",
    }


def _to_lists(section: Any) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in section.items()}


def start_network(
    card: ModelCard, source: ModelCard | None, config: TrainingConfig
) -> tuple[torch.nn.Module, str]:
    """Build the network and give it its first weights.

    Of the layers that put out the channels, those channels are taken over that mean the same.

    Args:
        card: From `draft_card`.
        source: From `find_source`.
        config: The run's, for its seed.

    Returns:
        The network, float32 on the CPU, and sentences that say where its weights are from and what
        it cannot learn.

    Raises:
        WeightsError: If the weights are missing or belong to another network.
    """
    network, note = _build(card, source, config)
    return network, note + describe_gaps(card.outputs)


def _build(
    card: ModelCard, source: ModelCard | None, config: TrainingConfig
) -> tuple[torch.nn.Module, str]:
    torch.manual_seed(config.seed)
    name, args, n = card.network.name, card.network.args, len(card.outputs)
    network = build_network(name, n, args)
    if source is None:
        return network, "The weights began random."
    state = load_weights(source, models_dir=config.models_dir)
    if source.outputs == card.outputs and source.activation == card.activation:
        fit_weights(network, state)
        return network, f"The weights are those of '{source.id}', trained on."
    own = network.state_dict()
    wider = list_shapes(lambda: build_network(name, n + 1, args))
    heads = [key for key, tensor in own.items() if wider[key] != tuple(tensor.shape)]
    rows = _find_rows(card, source)
    taken = {key: _take_rows(own[key], state.get(key), rows, source) for key in heads}
    fit_weights(network, {**state, **taken})
    return network, (
        f"The weights are those of '{source.id}', trained on; of {n} channels {len(rows)} mean the "
        "same there, the others began random."
    )


def _find_rows(card: ModelCard, source: ModelCard) -> dict[int, int]:
    """Find the channels that mean the same in two models: the source's number by ours."""
    there = {(o.kind, o.organ, o.side): o.channel for o in source.outputs}
    here = {o.channel: (o.kind, o.organ, o.side) for o in card.outputs}
    return {channel: there[meaning] for channel, meaning in here.items() if meaning in there}


def _take_rows(
    own: torch.Tensor, given: torch.Tensor | None, rows: Mapping[int, int], source: ModelCard
) -> torch.Tensor:
    """Give a tensor that puts out channels the rows of those that mean the same."""
    taken = own.clone()
    if given is not None and given.shape == (len(source.outputs), *own.shape[1:]):
        for channel, there in rows.items():
            taken[channel] = given[there]
    return taken
