"""Turning a finished run into a model: safetensors and the card that describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ..models.card import DEFAULT_MODEL
from ..models.weights import save_weights
from ..organs import ORGANS
from .loop import Run
from .recipe import Recipe, outputs
from .state import check_weights

__all__ = ["export", "mix_weights"]

_MIN_FILL = {False: 0.2, True: 0.1}
"""By whether an organ is hollow: along a wall, tumors grow flat."""


def export(run: Run, recipe: Recipe, folder: Path, *, hardware: str) -> Path:
    """Write weights (half precision) and card.

    Args:
        run: The finished run; its running mean is what is written.
        recipe: How it was trained.
        folder: Where both files go.
        hardware: What it was trained on, for the card.

    Returns:
        The card's path. Measured accuracy in an earlier card of this id is dropped: it was
        another network's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{DEFAULT_MODEL}.safetensors"
    sha256, size = save_weights(run.average.state_dict(), weights, half=True)
    card = _card(recipe, {"file": weights.name, "sha256": sha256, "bytes": size})
    card["source"]["trained"] = (
        f"{run.step} steps of {recipe.batch} patches, seed {recipe.seed}, "
        f"{run.seconds / 3600:.2f} h on {hardware}"
    )
    path = folder / f"{DEFAULT_MODEL}.json"
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="ascii")
    return path


def mix_weights(run: Run, earlier: Mapping[str, torch.Tensor], *, share: float) -> None:
    """Replace a run's running mean by a mean with the weights that it set out from.

    Along one training the mean of two networks keeps what the later one forgot of data unlike its
    own (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).

    Args:
        run: The finished run; its running mean is changed.
        earlier: The earlier weights, of the same network.
        share: Of the earlier weights, in [0, 1].

    Raises:
        ValueError: If they are another network's.
    """
    check_weights(earlier, run.average)
    run.average.load_state_dict(
        {
            name: torch.lerp(new.float(), earlier[name].to(new.device), share)
            for name, new in run.average.state_dict().items()
        }
    )


def _card(recipe: Recipe, weights: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": 1,
        "id": DEFAULT_MODEL,
        "title": "AtlasTumor phantom network, version 0",
        "version": "0.1.0",
        "summary": "Six organs and their tumors, learned from procedural phantoms alone.",
        "license": "Apache-2.0",
        "source": {
            "data": f"{recipe.n_anatomies} digital phantoms of this repository; no patient's scan",
            "command": "python -m atlastumor.training",
        },
        "weights": weights,
        "network": {"name": recipe.network, "args": recipe.network_args},
        "input": asdict(recipe.input),
        "inference": {
            "patch": list(recipe.patch),
            "overlap": 0.5,
            "mirror_axes": [0] if recipe.mirrored else [],
        },
        "outputs": outputs(),
        "activation": "softmax",
        "thresholds": {organ.key: 0.5 for organ in ORGANS},
        "postprocess": {
            "min_lesion_ml": 0.05,
            "outline": 0.3,
            "organ_margin_mm": 10.0,
            "largest_component": [o.key for o in ORGANS if not (o.sides or o.hollow)],
            "min_fill": {organ.key: _MIN_FILL[organ.hollow] for organ in ORGANS},
        },
        "evaluation": [],
        "limits": (
            "Not for clinical use. Trained on synthetic phantoms only: on patients it finds "
            "organs roughly and tumors unreliably. It exists so that everything works out of the "
            "box; import a model trained on patients for real work."
        ),
    }
