"""`python -m atlastumor.training`: retrain the embedded network, from nothing to card."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import platform
from pathlib import Path

import torch

from .export import export, mix_weights
from .loop import train
from .pool import make_pool
from .recipe import Recipe

_CARDS = Path(__file__).parents[1] / "models" / "cards"


def _arguments() -> argparse.Namespace:
    recipe = Recipe()
    parser = argparse.ArgumentParser(prog="python -m atlastumor.training", description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path("training-runs"), help="working folder")
    parser.add_argument("--steps", type=int, default=recipe.steps)
    parser.add_argument("--decay", type=float, default=recipe.decay, help="share of steps")
    parser.add_argument("--seed", type=int, default=recipe.seed)
    parser.add_argument("--anatomies", type=int, default=recipe.n_anatomies)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--earlier", type=Path, metavar="CARD", help="weights to mix in")
    parser.add_argument("--earlier-share", type=float, default=0.25, help="of those weights")
    parser.add_argument("-o", "--output", type=Path, default=_CARDS, help="folder of the card")
    return parser.parse_args()


def main() -> None:
    """Make the pool, train, export."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    arguments = _arguments()
    recipe = dataclasses.replace(
        Recipe(),
        steps=arguments.steps,
        decay=arguments.decay,
        seed=arguments.seed,
        n_anatomies=arguments.anatomies,
    )
    paths = make_pool(arguments.cache / "anatomies", recipe, workers=arguments.workers)
    checkpoint = arguments.cache / f"checkpoint-{recipe.seed}.pt"
    run = train(paths, recipe, checkpoint=checkpoint, device=arguments.device)
    if arguments.earlier is not None:
        mix_weights(run, arguments.earlier, share=arguments.earlier_share)
    hardware = f"{arguments.device}, {os.cpu_count()} cores, {platform.machine()}"
    export(run, recipe, arguments.output, hardware=hardware)


if __name__ == "__main__":
    main()
