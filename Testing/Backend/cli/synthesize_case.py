"""A scan with its labels as files, and the command on them."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from atlastumor.cli import main

from ..synthesis.made_case import CENTERS_RAS, make_case

CENTER = ",".join(str(x) for x in CENTERS_RAS["pancreas"])  # its first number is negative


def write_case(folder: Path) -> tuple[Path, Path]:
    """A scan and its labels."""
    case, paths = make_case((3.0, 3.0, 4.0)), (folder / "ct.nii.gz", folder / "labels.nii.gz")
    for path, volume in zip(paths, (case.scan, case.labels), strict=True):
        nibabel.save(nibabel.Nifti1Image(np.asarray(volume.array), volume.grid.affine), path)
    return paths


def run(*words: object) -> int:
    """Run `atlastumor synthesize`; its exit code."""
    return main(["synthesize", *(str(word) for word in words)])


def words_of(files: tuple[Path, Path], *more: object) -> tuple[object, ...]:
    """Ask for a small tumor of the pancreas."""
    common = ("--organ", "pancreas", "--diameter-mm", 14, "--seed", 7)
    return (files[0], "--labels", files[1], *common, *more)
