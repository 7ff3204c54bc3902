"""Tell how well the phantoms' tumors can be seen, and how many of each kind networks find.

    python Testing/Benchmarks/visibility.py ID ... [-n 24]
    python Testing/Benchmarks/visibility.py ID ... --held-out [-n 50]

On the phantoms to tune on, each model takes the thresholds that suit it best there; on held-out
ones nothing is chosen, and the card's thresholds hold.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlastumor.cli.console import Console
from atlastumor.detection.rules import HIT_RULES
from atlastumor.detection.sweep import CaseSweep
from atlastumor.evaluation.thresholds import choose_thresholds, sweep_phantoms
from atlastumor.models.card import find_card
from atlastumor.organs import KEYS
from atlastumor.phantom import DEVELOPMENT_SEED, HELD_OUT_SEED, PhantomOptions
from atlastumor.phantom.visibility import measure_visibility

REPOSITORY = Path(__file__).resolve().parents[2]
EDGES = (0.0, 5.0, 8.0, 12.0, 20.0, np.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="ID")
    parser.add_argument("--held-out", action="store_true", help="held-out phantoms")
    parser.add_argument("-n", type=int, default=24, help="phantoms")
    parser.add_argument("--most-false", type=float, default=1.0, help="false tumors a scan")
    parser.add_argument(
        "--sweeps", type=Path, default=REPOSITORY / "build" / "sweeps", help="kept for a rerun"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    console = Console()
    first = HELD_OUT_SEED if options.held_out else DEVELOPMENT_SEED
    seeds = range(first, first + options.n)
    seen = measure(seeds, options.workers, console)
    organs = np.array([key for one in seen for key in KEYS for _ in one[key]])
    indices = np.array([index for one in seen for key in KEYS for index in one[key]])
    found = {}
    for model in options.models:
        sweeps = sweep_phantoms(
            model,
            seeds,
            folder=options.sweeps / model,
            workers=options.workers,
            progress=console.progress,
        )
        thresholds = find_card(model).thresholds
        if not options.held_out:
            thresholds = choose_thresholds(
                sweeps, most_false_per_scan=options.most_false
            ).thresholds
        name, hits = find(model, sweeps, thresholds)
        if len(hits) != len(indices):
            parser.error(f"{model} was swept over other tumors; remove {options.sweeps / model}")
        found[name] = hits
    console.say(
        f"{options.n} phantoms from seed {first}; {os.cpu_count()} cores, {platform.machine()}"
    )
    console.table(
        [
            count(f"d' {low:g} to {high:g}", (low <= indices) & (indices < high), found)
            for low, high in pairwise(EDGES)
        ]
        + [count(key, organs == key, found) for key in KEYS]
        + [count("all", indices >= 0, found)]
    )


def measure(
    seeds: Sequence[int], workers: int, console: Console
) -> list[dict[str, tuple[float, ...]]]:
    """Detectability of every tumor, by phantom and organ."""
    seen = []
    with ProcessPoolExecutor(workers) as executor:
        for one in executor.map(measure_visibility, seeds, [PhantomOptions()] * len(seeds)):
            seen.append(one)
            console.progress(len(seen) / len(seeds), "Measuring tumors")
    return seen


def find(
    model: str, sweeps: Mapping[str, Sequence[CaseSweep]], thresholds: Mapping[str, float]
) -> tuple[str, npt.NDArray[np.bool_]]:
    """Whether each tumor is found, in the order of phantoms and organs; with what to call it."""
    hits, n_false = [], 0
    phantoms = list(zip(*(sweeps[key] for key in KEYS), strict=True))
    for cases in phantoms:
        for key, case in zip(KEYS, cases, strict=True):
            row = case.at(thresholds[key])
            hits.append(case.hits_at(thresholds[key], HIT_RULES["union-iou"]))
            n_false += int(case.n_false[row]) if row >= 0 else 0
    return f"{model} at {n_false / len(phantoms):.2f} false", np.concatenate(hits)


def count(
    name: str,
    chosen: npt.NDArray[np.bool_],
    found: Mapping[str, npt.NDArray[np.bool_]],
) -> dict[str, Any]:
    """Tumors of one kind, and how many each model finds."""
    counts = {model: int(hits[chosen].sum()) for model, hits in found.items()}
    return {"tumors": name, "n": int(chosen.sum()), **counts}


if __name__ == "__main__":
    main()
