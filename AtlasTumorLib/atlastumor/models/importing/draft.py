"""What every importer makes: a card that lacks only its weights, and the tensors they become."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...errors import InputError, WeightsError
from .fields import Record, as_text
from .labels import assign_outputs

if TYPE_CHECKING:
    import torch

__all__ = ["Draft", "Wishes", "as_tensors", "join_members", "make_card"]

_LIMITS = (
    "Not for clinical use. Imported from somebody else's file; nothing here has measured how well "
    "it works, on scans like yours or on any."
)
_LONGEST_ID = 64


@dataclass(frozen=True)
class Wishes:
    """What the user says beyond the file.

    Args:
        id: Of the model to be; None makes one from the file.
        card: A card, with or without `weights`: what it says comes before what the file says.
        labels: What labels mean, by their names or channel numbers.
        organ: Key of the organ of tumors whose names do not say it.
        configuration: Which of several networks in the file.
    """

    id: str | None = None
    card: Mapping[str, Any] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    organ: str | None = None
    configuration: str | None = None


@dataclass(frozen=True)
class Draft:
    """A model before it is installed.

    Args:
        card: Every section but `weights`, as JSON values.
        tensors: The weights under the names of our network.
        files: What they were read from, for the record.
    """

    card: dict[str, Any]
    tensors: Mapping[str, torch.Tensor]
    files: tuple[Path, ...]


def make_card(
    wishes: Wishes,
    *,
    kind: str,
    title: str,
    names: Sequence[str],
    activation: str,
    **sections: Any,
) -> dict[str, Any]:
    """Put a card together from what a file says and what the user says.

    Args:
        wishes: The user's words; of `input` and `inference` a card may tell single keys.
        kind: Name of the importer.
        title: What the file calls the model.
        names: What the file calls each channel, in channel order.
        activation: "softmax", "sigmoid" or "regions".
        **sections: `network`, `input`, `inference` and whatever else the file says.

    Returns:
        A card without `weights`; its license is "unknown" unless one was told.

    Raises:
        InputError: If the labels are not clear, or a card was given for other channels.
        UnknownKeyError: If the user names an organ that there is not.
    """
    title = "".join(letter for letter in title if letter.isprintable())[:200] or "Imported"
    told = {key: value for key, value in (wishes.card or {}).items() if key != "weights"}
    activation = told.get("activation", activation)
    card = {
        "schema": 1,
        "id": _make_id(title),
        "title": title,
        "version": "1.0",
        "summary": f"{title}: imported from {_KINDS[kind]}.",
        "license": "unknown",
        "activation": activation,
        "postprocess": {},
        "evaluation": [],
        "limits": _LIMITS,
        **sections,
        **told,
        "outputs": _choose_outputs(told, wishes, names, activation),
    }
    for key in ("input", "inference", "source"):
        card[key] = {**sections.get(key, {}), **told.get(key, {})}
    card["source"]["importer"] = f"AtlasTumor {__version__}, {kind}"
    organs = [o["organ"] for o in card["outputs"] if o["kind"] == "tumor"]
    card.setdefault("thresholds", dict.fromkeys(organs))
    return card | ({} if wishes.id is None else {"id": wishes.id})


def _choose_outputs(
    told: Mapping[str, Any], wishes: Wishes, names: Sequence[str], activation: str
) -> list[dict[str, Any]]:
    """What the card says of each channel, else what the labels' names say."""
    if "outputs" not in told:
        return assign_outputs(
            names, activation=activation, labels=wishes.labels, organ=wishes.organ
        )
    outputs: list[dict[str, Any]] = list(told["outputs"])
    if len(outputs) != len(names):
        msg = f"The card has {len(outputs)} outputs, the file {len(names)}."
        raise InputError(msg)
    return outputs


_KINDS = {
    "nnunet": "a folder that nnU-Net v2 trained",
    "nnunet_v1": "a folder that nnU-Net v1 trained",
    "bundle": "a MONAI bundle",
    "auto3dseg": "a SegResNet that Auto3DSeg trained",
    "plain": "a checkpoint",
}


def _make_id(title: str) -> str:
    """Make an id of a title, such as "dataset003-liver-3d-fullres"."""
    words = re.findall(r"[a-z0-9.]+", title.lower())
    return "-".join(words)[:_LONGEST_ID].strip(".-") or "imported"


def as_tensors(content: Record, key: str) -> dict[str, torch.Tensor]:
    """Take the tensors out of what a checkpoint holds.

    Args:
        content: The whole checkpoint.
        key: Where the tensors are.

    Returns:
        Tensors by name.

    Raises:
        InputError: If there is no table.
        WeightsError: If it holds anything but tensors.
    """
    tensors = dict(content.record(key).values)
    odd = [name for name, value in tensors.items() if not hasattr(value, "data_ptr")]
    if odd:
        msg = f"{content.where} holds no tensor where '{as_text(odd[0])}' is."
        raise WeightsError(msg)
    return tensors


def join_members(
    network: Mapping[str, Any], members: Sequence[Mapping[str, torch.Tensor]]
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Make one network of several of one architecture, whose logits are averaged.

    Args:
        network: A card's `network` for each of them.
        members: The tensors of each.

    Returns:
        (the card's `network`, its tensors); a single member stays what it is.
    """
    if len(members) == 1:
        return dict(network), dict(members[0])
    args = {"network": network["name"], "args": network["args"], "members": len(members)}
    tensors = {
        f"member_{n}.{name}": tensor
        for n, member in enumerate(members)
        for name, tensor in member.items()
    }
    return {"name": "ensemble", "args": args}, tensors
