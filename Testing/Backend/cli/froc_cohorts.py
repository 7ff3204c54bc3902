"""Cohorts of boxes for `atlastumor froc`, whose curve can be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from atlastumor.cli import main

from ..batch.cohorts import SHAPE, block, empty, labels, write_labels, write_map

LESION = block((1, 1, 1), (3, 3, 3))  # 8 voxels of 6 mm3, in the liver's half
ELSEWHERE = block((8, 6, 4), (10, 8, 6))
SPECK = block((5, 9, 7), (6, 10, 8))  # 6 mm3 is no candidate

# Case: probability in the lesion and elsewhere, and whether the lesion is there.
LIVERS = {
    "a": (0.8, 0.4, True),
    "b": (0.6, 0.7, True),
    "c": (0.3, 0.0, True),
    "d": (0.0, 0.5, False),
}
CURVE = """organ,threshold,sensitivity,fp_per_scan,tp,fp,n_lesions,n_scans
liver,0.800000012,0.333333,0.000000,1,0,3,4
liver,0.699999988,0.333333,0.250000,1,1,3,4
liver,0.600000024,0.666667,0.250000,2,1,3,4
liver,0.5,0.666667,0.500000,2,2,3,4
liver,0.400000006,0.666667,0.750000,2,3,3,4
liver,0.300000012,1.000000,0.750000,3,3,3,4
"""


class Folders:
    """Predictions, references and output of one test."""

    def __init__(self, root: Path) -> None:
        self.predictions, self.references = root / "predictions", root / "references"
        self.output = root / "out"

    def add(self, case: str, probability: np.ndarray, tumor: np.ndarray) -> None:
        write_map(self.predictions, case, "liver", probability)
        write_labels(self.references, case, labels(liver_tumor=tumor))

    def froc(self, *words: object) -> int:
        fast = ("--bootstrap", 20, "--workers", 1, "--no-figures")
        folders = (self.predictions, self.references, "-o", self.output)
        return main([str(word) for word in ("froc", *folders, *fast, *words)])

    def read(self, name: str) -> Any:
        return json.loads((self.output / name).read_text(encoding="utf-8"))


def a_map(in_lesion: float, elsewhere: float) -> np.ndarray:
    probability = np.zeros(SHAPE, np.float32)
    probability[LESION] = in_lesion
    probability[ELSEWHERE] = elsewhere
    probability[SPECK] = 0.99
    return probability


def make_cohort(folders: Folders) -> Folders:
    """Write the cases of `LIVERS`."""
    for case, (in_lesion, elsewhere, has_lesion) in LIVERS.items():
        folders.add(case, a_map(in_lesion, elsewhere), LESION if has_lesion else empty())
    return folders
