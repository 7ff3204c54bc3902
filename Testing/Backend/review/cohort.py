"""A folder of predictions to review: one organ with two candidates, a paired one with two."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np

from atlastumor.organs import ORGANS
from atlastumor.review import Basis, Stopwatch, make_basis
from atlastumor.review.cases import find_scans
from atlastumor.review.session import ReviewSession
from atlastumor.volume import Grid
from Backend.review.examples import REVISE

ONE = next(organ for organ in ORGANS if not organ.sides)
PAIR = next(organ for organ in ORGANS if organ.sides)
GRID = Grid((24, 20, 12), np.diag([-2.0, 1.5, 4.0, 1.0]))
VOXEL_ML = 0.012

A, B = np.s_[4:6, 4:6, 4:6], np.s_[9:11, 9:11, 6:8]
"""Candidates of ONE, 0.096 mL each; A scores 0.9, B 0.5."""
K, OVER = np.s_[17:19, 13:15, 3:5], np.s_[5:7, 4:6, 4:6]
"""Candidates of PAIR: K, in the right half, scores 0.7; OVER, half of it within A, 0.6."""
KEYS = (f"{ONE.key}-1", f"{PAIR.key}-1", f"{PAIR.key}-2", f"{ONE.key}-2")
"""By score: A, K, OVER, B."""


def maps(grid: Grid = GRID) -> dict[str, np.ndarray]:
    one, pair = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    one[A], one[B] = 0.9, 0.5
    one[2, 15, 10] = 0.95  # a crumb of 12 mm3
    one[12:14, 2:5, 2:4] = 0.1  # below the threshold
    pair[K], pair[OVER] = 0.7, 0.6
    return {ONE.key: one, PAIR.key: pair}


def labels(grid: Grid = GRID) -> np.ndarray:
    array = np.zeros(grid.shape, np.uint8)
    array[2:14, 2:16, 1:11] = ONE.label
    left, right = PAIR.sides
    array[16:20, 2:8, 1:11], array[16:20, 12:18, 1:11] = left.label, right.label
    array[A] = array[B] = ONE.tumor_label
    array[K] = PAIR.tumor_label
    return array


def write_case(place: Path, grid: Grid = GRID) -> Path:
    (place / "probabilities").mkdir(parents=True)
    for key, array in maps(grid).items():
        path = place / "probabilities" / f"{key}_tumor.nii.gz"
        nibabel.save(nibabel.Nifti1Image(array, grid.affine), path)
    nibabel.save(nibabel.Nifti1Image(labels(grid), grid.affine), place / "labels.nii.gz")
    findings = [{"organ": key, "coverage": "whole"} for key in (ONE.key, PAIR.key)]
    record = {"findings": findings, "provenance": {"model_version": "1.2", "device": "CPU"}}
    (place / "result.json").write_text(json.dumps(record), encoding="utf-8")
    return place


def basis_of(predictions: Path) -> Basis:
    thresholds = {ONE.key: 0.25, PAIR.key: 0.4}
    return make_basis(find_scans(predictions), model_id="a-model", thresholds=thresholds)


def open_session(
    folder: Path,
    predictions: Path,
    *,
    who: str = "Ada",
    role: str = REVISE,
    watch: Stopwatch | None = None,
) -> ReviewSession:
    return ReviewSession(
        folder, find_scans(predictions), basis_of(predictions), who=who, role=role, watch=watch
    )
