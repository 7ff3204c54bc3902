"""`python -m atlastumor.training`: retrain the embedded network, from nothing to card."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import platform
from pathlib import Path

import torch

from ..models.card import load_card
from ..models.weights import load_weights
from .export import export, mix_weights
from .loop import train
from .pool import make_pool, make_scans
from .processes import Processes, join_processes
from .recipe import Recipe
from .widening import widen_weights

_CARDS = Path(__file__).parents[1] / "models" / "cards"


def _arguments() -> argparse.Namespace:
    recipe = Recipe()
    parser = argparse.ArgumentParser(prog="python -m atlastumor.training", description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path("training-runs"), help="working folder")
    parser.add_argument("--steps", type=int, default=recipe.steps)
    parser.add_argument("--decay", type=float, default=recipe.decay, help="share of steps")
    parser.add_argument("--learning-rate", type=float, default=recipe.learning_rate)
    parser.add_argument("--seed", type=int, default=recipe.seed)
    parser.add_argument("--anatomies", type=int, default=recipe.n_anatomies)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--compile", action="store_true", help="faster; needs a C++ compiler")
    parser.add_argument(
        "--earlier", type=Path, metavar="CARD", help="weights to set out from, widened if need be"
    )
    parser.add_argument("--earlier-share", type=float, default=0.0, help="mixed in at the end")
    parser.add_argument("-o", "--output", type=Path, default=_CARDS, help="folder of the card")
    return parser.parse_args()


def main() -> None:
    """Make the pool, train, export; under `torchrun` with several processes."""
    arguments = _arguments()
    with join_processes(cuda=arguments.device.startswith("cuda")) as processes:
        _run(arguments, processes)


def _run(arguments: argparse.Namespace, processes: Processes) -> None:
    level = logging.INFO if processes.is_first else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s")
    recipe = dataclasses.replace(
        Recipe(),
        steps=arguments.steps,
        decay=arguments.decay,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
        n_anatomies=arguments.anatomies,
    )
    device = processes.choose_gpu(arguments.device)
    if not processes.is_first:  # finds what the first has made
        processes.wait()
    paths = make_pool(arguments.cache / "anatomies", recipe, workers=arguments.workers)
    make_scans(paths, recipe, workers=arguments.workers)
    if processes.is_first:
        processes.wait()
    earlier = arguments.earlier and widen_weights(
        load_weights(load_card(arguments.earlier)), recipe
    )
    run = train(
        paths,
        recipe,
        checkpoint=arguments.cache / f"checkpoint-{recipe.seed}.pt",
        device=device,
        processes=processes,
        compiled=arguments.compile,
        earlier=earlier,
    )
    if not processes.is_first:
        return
    if earlier:
        mix_weights(run, earlier, share=arguments.earlier_share)
    hardware = f"{arguments.device}, {os.cpu_count()} cores, {platform.machine()}"
    export(run, recipe, arguments.output, hardware=hardware)


if __name__ == "__main__":
    main()
