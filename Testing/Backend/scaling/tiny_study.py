"""A study of tiny scans: a pool of four, two held out, a network of a few thousand weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from atlastumor.collections import Collection, CollectionCase, write_cohort
from Backend.cotraining.tiny_cohort import INPUT, NETWORK, write_case

TRAINING: dict[str, Any] = {
    "network": NETWORK,
    "input": INPUT,
    "patch": [16, 16, 16],
    "batch": 1,
    "steps": 4,
    "warmup": 1,
    "precision": "fp32",
    "workers": 0,
    "checkpoint_every": 2,
}


def write_cohorts(folder: Path, *, n: int = 4, n_held_out: int = 2) -> None:
    """Write `pool.json` and `held-out.json`; every other scan has a tumor of the liver."""
    for name, first, count in (("pool", 0, n), ("held-out", 100, n_held_out)):
        cases = [
            write_case(folder / "scans", f"{name}{k}", first + k, tumor=k % 2 == 0)
            for k in range(count)
        ]
        save_cohort(folder / f"{name}.json", cases)


def save_cohort(path: Path, cases: Sequence[CollectionCase]) -> None:
    """Write a cohort file."""
    write_cohort(path, Collection(tuple(cases)))


def write_study(folder: Path, **more: Any) -> Path:
    """Write the configuration of a study on these cohorts: two sizes, two arms, one seed."""
    config: dict[str, Any] = {
        "cohorts": ["pool.json"],
        "held_out": {"held-out": "held-out.json"},
        "sizes": [1, 2],
        "folds": [0, 3],
        "seeds": [1],
        "training": TRAINING,
        "samples": 100,
    }
    path = folder / "study.json"
    path.write_text(json.dumps({**config, **more}), encoding="utf-8")
    return path
