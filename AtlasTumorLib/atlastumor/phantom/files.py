"""A phantom as files: scan.nii.gz, truth.nii.gz and phantom.json."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from ..errors import DependencyError, OutputError
from ..volume import Grid
from .making import Phantom

__all__ = ["write_phantom"]


def write_phantom(phantom: Phantom, directory: Path) -> list[Path]:
    """Write a phantom into a new folder; the folder appears whole or not at all.

    Args:
        phantom: What to write.
        directory: The folder to make; may be there if it is empty.

    Returns:
        The files: scan, truth and description.

    Raises:
        OutputError: If the folder holds something already or cannot be written.
        DependencyError: If nibabel is missing.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        msg = f"'{directory.name}' is not an empty folder. Choose another name."
        raise OutputError(msg)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    except OSError as error:
        msg = f"'{directory.name}' cannot be made: {error.strerror}. Choose another folder."
        raise OutputError(msg) from error
    try:
        names = _write_all(phantom, beside)
        beside.chmod(0o755)  # mkdtemp makes it readable by its owner alone
        beside.replace(directory)
    except OSError as error:
        msg = f"The phantom cannot be written: {error.strerror}. Free space or choose another disk."
        raise OutputError(msg) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return [directory / name for name in names]


def _write_all(phantom: Phantom, folder: Path) -> list[str]:
    _write_nifti(folder / "scan.nii.gz", phantom.scan.array, phantom.scan.grid)
    _write_nifti(folder / "truth.nii.gz", phantom.labels.array, phantom.labels.grid)
    text = json.dumps(phantom.description, indent=2, allow_nan=False)
    (folder / "phantom.json").write_text(text + "\n", encoding="utf-8")
    return ["scan.nii.gz", "truth.nii.gz", "phantom.json"]


def _write_nifti(path: Path, array: np.ndarray, grid: Grid) -> None:
    try:
        import nibabel  # noqa: PLC0415 - making phantoms in memory needs none
    except ImportError as error:
        msg = "Writing NIfTI needs nibabel. Install it with: pip install nibabel"
        raise DependencyError(msg) from error
    image = nibabel.Nifti1Image(array, grid.affine)  # type: ignore[no-untyped-call]
    image.header.set_xyzt_units("mm", "sec")  # type: ignore[no-untyped-call]
    nibabel.save(image, path)
