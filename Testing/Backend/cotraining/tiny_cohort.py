"""A user's folder of tiny scans: a liver and a kidney as ellipsoids in fat, cut from no patient."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt

from atlastumor.collections import Annotation, Collection, CollectionCase, LabelFile, write_cohort

SIDE, SPACING_MM = 40, 4.0
LIVER, KIDNEY, LIVER_TUMOR, KIDNEY_TUMOR = 5, 3, 27, 29
VALUES = {1: (LIVER,), 2: (KIDNEY,), 3: (LIVER_TUMOR,), 4: (KIDNEY_TUMOR,)}
AFFINE = np.diag([SPACING_MM] * 3 + [1.0])
NETWORK = {
    "name": "segresnet",
    "args": {"init_filters": 8, "blocks_down": [1, 1, 1], "blocks_up": [1, 1]},
}
INPUT = {
    "orientation": "RAS",
    "spacing_mm": [SPACING_MM] * 3,
    "clip_hu": [-200.0, 300.0],
    "normalize": "unit",
    "resample_order": 1,
    "antialias": True,
}


def make_volumes(seed: int, *, tumor: bool) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    """Densities (I, J, K) int16 and labels 1 liver, 2 kidney, 3 tumor of the liver."""
    rng = np.random.default_rng(seed)
    ijk = np.stack(np.indices((SIDE,) * 3), axis=-1)
    labels = np.zeros((SIDE,) * 3, np.uint8)
    middle = np.array([20, 20, 24]) + rng.uniform(-1, 1, 3)
    labels[(((ijk - middle) / (11, 12, 10)) ** 2).sum(-1) < 1] = 1
    labels[(((ijk - (20, 20, 7)) / (6, 5, 5)) ** 2).sum(-1) < 1] = 2
    if tumor:
        labels[(((ijk - middle) / 4) ** 2).sum(-1) < 1] = 3
    hu = np.array([-90, 110, 180, 40])[labels] + rng.normal(0, 8, labels.shape)
    return np.rint(hu).astype(np.int16), labels


def write_case(folder: Path, name: str, seed: int, *, tumor: bool) -> CollectionCase:
    """Write a scan and its labels; both organs and both kinds of tumors are annotated."""
    folder.mkdir(parents=True, exist_ok=True)
    scan, labels = folder / f"{name}.nii.gz", folder / f"{name}_labels.nii.gz"
    for path, array in zip((scan, labels), make_volumes(seed, tumor=tumor), strict=True):
        nibabel.save(nibabel.Nifti1Image(array, AFFINE), path)
    keys = frozenset({"liver", "kidney"})
    return CollectionCase(name, scan, (LabelFile(labels, VALUES),), Annotation(keys, keys))


def write_config(folder: Path, cases: Sequence[CollectionCase], **more: Any) -> Path:
    """Write a cohort and a configuration that trains a tiny network on it for a few steps."""
    write_cohort(folder / "cohort.json", Collection(tuple(cases)))
    config: Mapping[str, Any] = {
        "cohorts": ["cohort.json"],
        "output": "out",
        "id": "tiny-v1",
        "network": NETWORK,
        "input": INPUT,
        "patch": [16, 16, 16],
        "batch": 2,
        "steps": 4,
        "warmup": 2,
        "precision": "fp32",
        "workers": 0,
        "checkpoint_every": 2,
    }
    path = folder / "config.json"
    path.write_text(json.dumps({**config, **more}), encoding="utf-8")
    return path
