"""Small cohorts on disk: blocks of tumor in a thin anisotropic grid, in every layout."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from atlastumor.batch.cases import Case
from atlastumor.batch.cohort import find_cases

SHAPE = (12, 10, 8)
AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])
VOXEL_ML = 0.006
LIVER, PANCREAS = 5, 6
LIVER_TUMOR, PANCREAS_TUMOR = 27, 28


def write(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


def block(low: tuple[int, int, int], high: tuple[int, int, int]) -> np.ndarray:
    """True from `low` up to but not including `high`."""
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def empty() -> np.ndarray:
    return np.zeros(SHAPE, bool)


def labels(
    liver_tumor: np.ndarray | None = None, pancreas_tumor: np.ndarray | None = None
) -> np.ndarray:
    """A label map: liver in the lower half, pancreas in the upper, if their tumors are given."""
    out = np.zeros(SHAPE, np.uint8)
    if liver_tumor is not None:
        out[:6] = LIVER
        out[liver_tumor] = LIVER_TUMOR
    if pancreas_tumor is not None:
        out[6:, 2:] = PANCREAS
        out[pancreas_tumor] = PANCREAS_TUMOR
    return out


def write_labels(folder: Path, case: str, array: np.ndarray) -> Path:
    return write(folder / case / "labels.nii.gz", array)


def write_map(folder: Path, case: str, organ: str, array: np.ndarray) -> Path:
    path = folder / case / "probabilities" / f"{organ}_tumor.nii.gz"
    return write(path, array.astype(np.float32))


def write_mask(folder: Path, case: str, name: str, mask: np.ndarray) -> Path:
    path = folder / case / "segmentations" / f"{name}.nii.gz"
    return write(path, mask.astype(np.uint8))


def only_case(predictions: Path, references: Path, **options: list[str]) -> Case:
    """The one case of a cohort without problems."""
    cohort = find_cases(predictions, references, **options)
    assert not cohort.problems
    (case,) = cohort.cases
    return case
