"""Small scans in files, for cohorts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SHAPE = (18, 20, 12)


def write_scans(folder: Path, *names: str) -> Path:
    """Write a scan for each name; anisotropic, every other one left-handed."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        array = np.random.default_rng(number).integers(-1000, 1000, SHAPE[::-1]).astype(np.int16)
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((2.0, 1.8, 3.0))
        image.SetOrigin((-20.0, 10.5, 300.0))
        image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, 1 if number % 2 else -1))
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    return folder


def leave_results(folder: Path, worker: Path) -> Path:
    """Have the fake worker segment four scans, of which two fail; gives the folder of results."""
    scans = write_scans(folder / "scans", "alpha", "bad", "flaky", "zeta")
    words = [sys.executable, str(worker), "batch", str(scans), "-o", str(folder / "out")]
    library = str(Path(__file__).resolve().parents[2] / "AtlasTumorLib")
    done = subprocess.run(
        [*words, "--json-progress"],
        env={**os.environ, "PYTHONPATH": library},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3
    return folder / "out"
