"""The model that a run gives: weights, and the card that says how it was made."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from ..models.card import ModelCard, card_to_dict, parse_card
from ..models.specs import WeightsRef
from ..models.weights import save_weights

__all__ = ["write_model"]


def write_model(
    card: ModelCard,
    average: torch.nn.Module,
    folder: Path,
    *,
    source: Mapping[str, str],
    evaluation: Sequence[Mapping[str, Any]] = (),
) -> ModelCard:
    """Write weights and card, so that `--models-dir` finds them.

    Args:
        card: The draft.
        average: The weights to keep.
        folder: Where both files go.
        source: How it was trained, for the card.
        evaluation: Rows of the last validation.

    Returns:
        The card as it was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{card.id}.safetensors"
    sha256, size = save_weights(average.state_dict(), folder / name)
    date = datetime.now(tz=UTC).date().isoformat()
    rows = [{"data": "validation cases", "date": date, **_finite(row)} for row in evaluation]
    done = replace(
        card,
        weights=WeightsRef(sha256, size, name),
        source={**card.source, **source},
        evaluation=tuple(rows),
    )
    path = folder / f"{card.id}.json"
    data = card_to_dict(done)
    parse_card(data, path)
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
    return replace(done, path=path)


def _finite(row: Mapping[str, Any]) -> dict[str, Any]:
    """Replace what JSON cannot hold by null."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
