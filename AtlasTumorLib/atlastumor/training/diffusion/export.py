"""Turning a finished run into a model: safetensors and the card that describes it."""

from __future__ import annotations

import json
from pathlib import Path

from ...models.weights import save_weights
from ...provenance import creation_time
from ...synthesis.diffusion.card import DEFAULT_PAINTER, PAINTERS
from .cubes import Cubes
from .loop import Run, judge
from .recipe import Recipe

__all__ = ["PAINTERS", "export"]


def export(
    run: Run, recipe: Recipe, pool: tuple[Cubes, Cubes], folder: Path, *, hardware: str
) -> Path:
    """Write weights (half precision) and card.

    Args:
        run: The finished run; its running mean is what is written.
        recipe: How it was trained.
        pool: Tumors that it was trained on, and those that were held out.
        folder: Where both files go.
        hardware: What it was trained on, for the card.

    Returns:
        The card's path. Measurements in an earlier card are dropped: they were another network's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / DEFAULT_PAINTER.name
    weights = path.with_suffix(".safetensors")
    sha256, size = save_weights(run.average.state_dict(), weights, half=True)
    card = {
        "schema": 1,
        "id": path.stem,
        "title": "AtlasTumor painter, version 0",
        "version": "0.2.0",
        "summary": "Draws the texture of a tumor by diffusion, learned from phantoms alone.",
        "license": "Apache-2.0",
        "source": _describe_source(run, recipe, pool[0], hardware),
        "weights": {"file": weights.name, "sha256": sha256, "bytes": size},
        "widths": list(recipe.widths),
        "evaluation": [_judge_held_out(run, recipe, pool[1])],
        "limits": (
            "Not for clinical use. Its tumors look as those of the digital phantom do; nobody who "
            "reads scans has judged them, and none was learned from a patient."
        ),
    }
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="ascii")
    return path


def _describe_source(run: Run, recipe: Recipe, seen: Cubes, hardware: str) -> dict[str, str]:
    some = [*run.losses[: -1 : max(len(run.losses) // 8, 1)], *run.losses[-1:]]
    losses = ", ".join(f"{loss:.4f}" for loss in some)
    return {
        "data": (
            f"{len(seen.organs)} tumors of {recipe.n_anatomies} digital phantoms of this "
            f"repository (seeds from {1000 * recipe.anatomy_seed}), densities drawn anew for every "
            "sample; no patient's scan"
        ),
        "command": "python -m atlastumor.training.diffusion",
        "trained": (
            f"{run.step} steps of {recipe.batch} tumors, seed {recipe.seed}, "
            f"{run.seconds / 3600:.2f} h on {hardware}"
        ),
        "loss": f"mean squared error of v, from the first steps to the last: {losses}",
    }


def _judge_held_out(run: Run, recipe: Recipe, held_out: Cubes) -> dict[str, object]:
    return {
        "data": f"{len(held_out.organs)} tumors that were held out, densities drawn anew",
        "date": creation_time()[:10],
        "metric": "mean squared error of v",
        "value": {"mean": f"{judge(run.average, held_out, recipe):.4f}"},
    }
