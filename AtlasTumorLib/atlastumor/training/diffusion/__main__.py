"""`python -m atlastumor.training.diffusion`: retrain the small diffusion model, up to its card."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import platform
from pathlib import Path

import torch

from ...phantom import list_training_seeds
from ..pool import make_pool
from ..recipe import Recipe as SegmenterRecipe
from .cubes import Cubes, cut_cubes
from .export import PAINTERS, export
from .loop import train
from .recipe import Recipe


def _arguments() -> argparse.Namespace:
    recipe = Recipe()
    parser = argparse.ArgumentParser(
        prog="python -m atlastumor.training.diffusion", description=__doc__
    )
    parser.add_argument("--cache", type=Path, default=Path("training-runs"), help="working folder")
    parser.add_argument("--steps", type=int, default=recipe.steps)
    parser.add_argument("--batch", type=int, default=recipe.batch)
    parser.add_argument("--seed", type=int, default=recipe.seed)
    parser.add_argument("--anatomies", type=int, default=recipe.n_anatomies)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("-o", "--output", type=Path, default=PAINTERS, help="folder of the card")
    return parser.parse_args()


def main() -> None:
    """Make the pool, cut its tumors out, train, export."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    arguments = _arguments()
    recipe = dataclasses.replace(
        Recipe(),
        steps=arguments.steps,
        batch=arguments.batch,
        seed=arguments.seed,
        n_anatomies=arguments.anatomies,
    )
    cubes = _find_cubes(arguments.cache, recipe, arguments.workers)
    checkpoint = arguments.cache / f"diffusion-{recipe.seed}.pt"
    pool = cubes.split(max(len(cubes.organs) // recipe.held_out, 1))
    run = train(pool[0], recipe, checkpoint=checkpoint, device=arguments.device)
    hardware = f"{arguments.device}, {torch.get_num_threads()} threads, {platform.machine()}"
    export(run, recipe, pool, arguments.output, hardware=hardware)


def _find_cubes(cache: Path, recipe: Recipe, workers: int) -> Cubes:
    """Read the tumors, or cut them out if that was not done yet."""
    list_training_seeds(recipe.anatomy_seed, recipe.n_anatomies)  # kept ones may be of others
    kept = cache / f"cubes-{recipe.anatomy_seed}-{recipe.n_anatomies}.npz"
    if not kept.exists():
        like = SegmenterRecipe(seed=recipe.anatomy_seed, n_anatomies=recipe.n_anatomies)
        paths = make_pool(cache / "anatomies", like, workers=workers)
        cut_cubes(paths, like.anatomy_mm).save(kept)
    return Cubes.load(kept)


if __name__ == "__main__":
    main()
