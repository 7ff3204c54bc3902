"""Folders of made-up healthy scans, in every layout."""

from __future__ import annotations

import hashlib
from pathlib import Path

import nibabel
import numpy as np

from atlastumor.organs import label_names
from atlastumor.volume import LabelMap, Scan
from Backend.synthesis.made_case import Case, make_case

SPACING_MM = (3.0, 3.0, 4.0)


def save(path: Path, volume: Scan | LabelMap) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.asarray(volume.array), volume.grid.affine), path)
    return path


def write_flat(folder: Path, name: str, *, seed: int = 0) -> Case:
    """`NAME.nii.gz` with `NAME_labels.nii.gz`."""
    case = make_case(SPACING_MM, seed=seed)
    save(folder / f"{name}.nii.gz", case.scan)
    save(folder / f"{name}_labels.nii.gz", case.labels)
    return case


def write_folder(folder: Path, name: str, *, seed: int = 0) -> Case:
    """`NAME/ct.nii.gz` with `NAME/labels.nii.gz`."""
    case = make_case(SPACING_MM, seed=seed)
    save(folder / name / "ct.nii.gz", case.scan)
    save(folder / name / "labels.nii.gz", case.labels)
    return case


def write_masks(folder: Path, name: str) -> Case:
    """`NAME/ct.nii.gz` with `NAME/segmentations/`."""
    case = make_case(SPACING_MM)
    save(folder / name / "ct.nii.gz", case.scan)
    for label, stem in label_names().items():
        mask = (case.labels.array == label).astype(np.uint8)
        path = folder / name / "segmentations" / f"{stem}.nii.gz"
        save(path, LabelMap(mask, case.labels.grid, {}))
    return case


def load(path: Path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)


def hash_tree(folder: Path) -> dict[str, str]:
    """The hash of every file, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
