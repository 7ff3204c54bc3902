"""The card of a small diffusion model: what its weights are, where they come from, their limits.

Cards of segmenters (`models.card`) speak of windows and channels, which a painter has not; weights
are found and checked in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import models
from ...errors import CardError
from ...models.schema import find_fault, parse_json
from ...models.specs import WeightsRef

__all__ = ["DEFAULT_PAINTER", "PAINTERS", "PainterCard", "load_painter_card"]

PAINTERS = Path(models.__path__[0]) / "painters"
"""Where the cards and weights that come with this software lie."""

DEFAULT_PAINTER = PAINTERS / "atlastumor-painter-v0.json"
"""Card of the model that comes with this software."""

_GROUP = 8


@dataclass(frozen=True)
class PainterCard:
    """One small diffusion model.

    Args:
        schema: Version of the card format.
        id: Stable name.
        title: Shown to people.
        version: Of the weights.
        summary: One paragraph for people.
        license: Of the weights.
        source: What it was trained on, how, for how long.
        weights: Which file.
        widths: Of `network.CubeDenoiser`.
        evaluation: What was measured.
        limits: What it must not be used for.
        path: Where the card was read from; its weights lie beside it.
    """

    schema: int
    id: str
    title: str
    version: str
    summary: str
    license: str
    source: Mapping[str, str]
    weights: WeightsRef
    widths: tuple[int, ...]
    evaluation: tuple[Mapping[str, Any], ...]
    limits: str
    path: Path | None = field(default=None, compare=False)


def load_painter_card(path: Path = DEFAULT_PAINTER) -> PainterCard:
    """Read a card; its weights are not looked at.

    Args:
        path: A JSON file.

    Returns:
        The card.

    Raises:
        CardError: If it cannot be read or is malformed; names file and key.
    """
    path = Path(path)
    try:
        data = parse_json(path.read_text(encoding="utf-8"))
        schema = parse_json((PAINTERS / "schema.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"The model card {path.name} cannot be read: {error}."
        raise CardError(msg) from error
    fault = find_fault(data, schema)
    if fault is None and any(width % _GROUP for width in data["widths"]):
        fault = f"widths must be multiples of {_GROUP}, not {data['widths']}"
    if fault is not None:
        msg = f"The model card {path.name} cannot be used: {fault}."
        raise CardError(msg)
    parts = {
        "weights": WeightsRef(**data["weights"]),
        "widths": tuple(data["widths"]),
        "evaluation": tuple(data["evaluation"]),
    }
    return PainterCard(**{**data, **parts}, path=path)
