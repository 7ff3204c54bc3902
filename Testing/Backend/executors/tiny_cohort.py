"""A cohort that takes a second, and a model of random weights for it."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from Backend.inference.test_engine import write_model

__all__ = ["make_cohort"]


def make_cohort(folder: Path, n: int, side: int = 32) -> list[str]:
    """Write scans and a model; the words of the command that name them."""
    scans, models = folder / "scans", folder / "models"
    scans.mkdir(parents=True)
    models.mkdir()
    write_model(models)
    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    for number in range(n):
        noise = np.random.default_rng(number).normal(0.0, 60.0, (side, side, side))
        noise[8:20, 8:20, 8:20] += 80 + number
        nib.save(nib.Nifti1Image(noise.astype(np.int16), affine), scans / f"scan{number:04d}.nii.gz")
    return [str(scans), "--model", "tiny", "--models-dir", str(models), "--device", "cpu"]
