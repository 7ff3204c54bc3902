"""What a review changed: every organ's numbers in `metrics.csv` of `atlastumor evaluate`."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlastumor.cli import main as run_command


@dataclass(frozen=True)
class Outcome:
    """One organ over all cases; `dsc` is the mean over those with a tumor."""

    n_lesions: int
    n_found: int
    n_false: int
    dsc: float


def evaluate(predictions: Path, references: Path, output: Path, *words: str) -> dict[str, Outcome]:
    """Run `atlastumor evaluate` and add up what it wrote, by organ key."""
    order = ["evaluate", str(predictions), str(references), "-o", str(output)]
    if run_command([*order, "--workers", "1", "--bootstrap", "200", *words]):
        raise RuntimeError("atlastumor evaluate failed")
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with (output / "metrics.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["value"]:
                values[row["organ"]][row["metric"]].append(float(row["value"]))
    return {organ: _add_up(metrics) for organ, metrics in values.items()}


def _add_up(metrics: dict[str, list[float]]) -> Outcome:
    counts = (int(sum(metrics[name])) for name in ("n_lesions", "n_found", "n_false"))
    known = [value for value in metrics["dsc"] if not np.isnan(value)]
    return Outcome(*counts, float(np.mean(known)) if known else float("nan"))
