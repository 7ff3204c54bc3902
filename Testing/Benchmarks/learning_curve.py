"""Draw how many tumors a network finds after how much training.

    python Testing/Benchmarks/learning_curve.py ID=PATCHES ... [-n 24] [-o learning-curve]

Each model is swept over the phantoms to tune on and takes the thresholds that suit it best there,
so that the curve flatters all alike; held-out phantoms are left for the model that is chosen.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from atlastumor.cli.console import Console
from atlastumor.detection.rules import HIT_RULES
from atlastumor.detection.sweep import CaseSweep
from atlastumor.evaluation.case import EARLY_MM
from atlastumor.evaluation.thresholds import choose_thresholds, sweep_phantoms
from atlastumor.phantom import DEVELOPMENT_SEED

REPOSITORY = Path(__file__).resolve().parents[2]
MOST_FALSE = (0.5, 1.0)
CURVES = (
    ("tumors", "found", "all tumors", "#1f4e79"),
    ("early", "early_found", f"below {EARLY_MM:g} mm", "#b3541e"),
)
"""Columns of all and of those found, what they are, and their color."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="ID=PATCHES", help="in order of training")
    parser.add_argument("-n", type=int, default=24, help="phantoms")
    parser.add_argument(
        "--sweeps", type=Path, default=REPOSITORY / "build" / "sweeps", help="kept for a rerun"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=REPOSITORY / "Resources/Docs/figures/learning-curve",
        help="path of the table and the figure, without .csv and .png",
    )
    options = parser.parse_args()
    console = Console()
    rows = []
    for model, patches in (words.split("=") for words in options.models):
        sweeps = sweep_phantoms(
            model,
            range(DEVELOPMENT_SEED, DEVELOPMENT_SEED + options.n),
            folder=options.sweeps / model,
            workers=options.workers,
            progress=console.progress,
        )
        rows += [measure(sweeps, int(patches), most) for most in MOST_FALSE]
    console.say(f"{options.n} phantoms; {os.cpu_count()} cores, {platform.machine()}")
    console.table(rows)
    write(rows, options.output)


def measure(
    sweeps: Mapping[str, Sequence[CaseSweep]], patches: int, most_false: float
) -> dict[str, Any]:
    """Tumors found with the best thresholds, of all and of early ones."""
    chosen = choose_thresholds(sweeps, most_false_per_scan=most_false)
    early = early_found = 0
    for key, cases in sweeps.items():
        for case in cases:
            hits = case.hits_at(chosen.thresholds[key], HIT_RULES["union-iou"])
            small = np.array([lesion.diameter_mm < EARLY_MM for lesion in case.lesions], bool)
            early += int(small.sum())
            early_found += int((hits & small).sum())
    return {
        "patches": patches,
        "false_allowed": most_false,
        "false_per_scan": round(chosen.n_false / chosen.n_scans, 3),
        "tumors": chosen.n_lesions,
        "found": chosen.n_found,
        "early": early,
        "early_found": early_found,
    }


def write(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the table as CSV and draw it."""
    with path.with_suffix(".csv").open("w", newline="", encoding="ascii") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for most, style in zip(MOST_FALSE, (".--", ".-"), strict=True):
        own = [row for row in rows if row["false_allowed"] == most]
        at = [row["patches"] / 1000 for row in own]
        for of, found, name, color in CURVES:
            share = [row[found] / row[of] for row in own]
            axes.plot(at, share, style, color=color, label=f"{name}, up to {most:g} false a scan")
    axes.set(xlabel="Training patches, thousands", ylabel="Tumors found", ylim=(0.0, 1.0))
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path.with_suffix(".png"), dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
