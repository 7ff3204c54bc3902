"""Folders of made-up real and synthetic tumors in the liver."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atlastumor.organs import find_organ
from atlastumor.results.synthetic import write_synthetic
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.synthesize import synthesize
from atlastumor.volume import LabelMap, Scan
from Backend.batch.healthy_folders import SPACING_MM, save
from Backend.synthesis.made_case import Case, make_case

LIVER = find_organ("liver")
PLACES = ((70.0, -15.0, 30.0), (30.0, 10.0, 5.0))


def add_balls(case: Case, diameter_mm: float, contrast_hu: float) -> Case:
    """Two balls in the liver, of one density but for the scan's noise."""
    hu, labels = case.scan.array.copy(), case.labels.array.copy()
    ras = case.scan.grid.to_ras(np.stack(np.indices(case.scan.grid.shape), axis=-1))
    for place in PLACES:
        ball = np.linalg.norm(ras - place, axis=-1) <= diameter_mm / 2
        hu[ball] += np.int16(contrast_hu)
        labels[ball] = LIVER.tumor_label
    return Case(Scan(hu, case.scan.grid), LabelMap(labels, case.labels.grid, case.labels.names))


def write_real(folder: Path, name: str, *, seed: int, contrast_hu: float = -50.0) -> Case:
    case = add_balls(make_case(SPACING_MM, seed=seed), 18.0 + 2 * (seed % 4), contrast_hu)
    save(folder / name / "ct.nii.gz", case.scan)
    save(folder / name / "labels.nii.gz", case.labels)
    return case


def write_made(folder: Path, name: str, *, seed: int) -> None:
    case = make_case(SPACING_MM, seed=100 + seed)
    request = TumorRequest("liver", 18.0 + 2 * (seed % 4), seed, contrast_hu=-50.0)
    write_synthetic(synthesize(case.scan, case.labels, request), folder / name)


def write_both(root: Path, n: int = 3) -> tuple[Path, Path]:
    """Folders of real and of synthetic cases, n each."""
    real, made = root / "real", root / "made"
    for seed in range(n):
        write_real(real, f"patient-{seed}", seed=seed)
        write_made(made, f"scan-{seed}", seed=seed)
    return real, made
