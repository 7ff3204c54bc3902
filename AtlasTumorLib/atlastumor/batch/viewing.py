"""Getting a case ready to be looked at, so that the program that shows it need not wait.

What a window has to read is written in forms that are read in moments: arrays without compression,
the CT too. All grids are turned right-handed, as Slicer's reader turns the CT.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..detection.case_sweep import SweepOptions
from ..detection.reference import find_reference_lesions
from ..detection.tree import CandidateTree
from ..detection.view_files import save_view
from ..errors import InputError
from ..progress import Progress, ignore_progress, part_of
from ..volume import Grid
from .cases import Case
from .laying import lay_on_grid
from .reading import read_probability, read_reference

__all__ = ["MAP", "SCAN", "VIEW", "prepare_arrays", "prepare_case", "turn_right_handed"]

MAP, VIEW, SCAN = "map.npy", "view.npz", "scan.nii"
"""Probabilities (K, J, I), float32; what `save_view` writes; the CT, if it was compressed."""

_READ, _COPIED = 0.15, 0.4


@dataclass(frozen=True, eq=False)
class _Sides:
    """Probability and reference of a case, (I, J, K), on one grid."""

    probability: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]
    grid: Grid


def prepare_case(
    case: Case,
    organ: str,
    folder: Path,
    *,
    options: SweepOptions,
    scan: Path | None = None,
    progress: Progress = ignore_progress,
) -> Grid:
    """Get a case of a cohort ready.

    Args:
        case: Of a cohort.
        organ: The organ's key.
        folder: An existing folder to write into.
        options: Least probability and volume.
        scan: Its CT, NIfTI, or None.
        progress: Told how far it is.

    Returns:
        The grid of the map that was written.

    Raises:
        InputError: If prediction, reference or CT cannot be read, or the first two do not match.
    """
    progress(0.0, "Reading the map")
    probability, grid = read_probability(case, organ)
    mask, _organ, reference_grid = read_reference(case, organ)
    mask = lay_on_grid(mask, reference_grid, grid, ("The reference", "the prediction"))
    progress(_READ, "Unpacking the scan")
    if scan is not None and scan.suffix == ".gz":
        _unpack(scan, folder / SCAN)
    probability, turned = turn_right_handed(probability, grid)
    sides = _Sides(probability, turn_right_handed(mask, grid)[0], turned)
    np.save(folder / MAP, probability.T, allow_pickle=False)
    _write_view(sides, folder, options, part_of(progress, _COPIED, 1.0))
    return turned


def prepare_arrays(
    probability: npt.NDArray[Any],
    mask: npt.NDArray[np.bool_],
    grid: Grid,
    folder: Path,
    *,
    options: SweepOptions,
    progress: Progress = ignore_progress,
) -> None:
    """Get a map ready that the window shows already.

    Args:
        probability: (I, J, K) in [0, 1].
        mask: Tumors of the reference, (I, J, K).
        grid: Of both; it stays as it is.
        folder: An existing folder to write into.
        options: Least probability and volume.
        progress: Told how far it is.

    Raises:
        InputError: If the map holds NaN or values outside [0, 1].
    """
    sides = _Sides(probability.astype(np.float32, copy=False), mask, grid)
    _write_view(sides, folder, options, progress)


def turn_right_handed(array: npt.NDArray[Any], grid: Grid) -> tuple[npt.NDArray[Any], Grid]:
    """Turn an array and its grid right-handed by running through the last axis backwards.

    Args:
        array: (I, J, K).
        grid: Its grid.

    Returns:
        The same voxels at the same places; the same array if the grid is right-handed.
    """
    if np.linalg.det(grid.affine[:3, :3]) > 0:
        return array, grid
    flip = np.diag([1.0, 1.0, -1.0, 1.0])
    flip[2, 3] = grid.shape[2] - 1
    return np.asfortranarray(array[:, :, ::-1]), Grid(grid.shape, grid.affine @ flip)


def _write_view(sides: _Sides, folder: Path, options: SweepOptions, progress: Progress) -> None:
    progress(0.0, "Finding lesions")
    spacing_mm = sides.grid.spacing_mm
    lesions = find_reference_lesions(
        sides.mask, spacing_mm=spacing_mm, min_volume_mm3=options.min_volume_mm3
    )
    progress(0.3, "Finding candidates")
    tree = CandidateTree.of(
        sides.probability,
        spacing_mm,
        floor=options.floor,
        progress=lambda share, _stage: progress(0.3 + 0.6 * share, "Finding candidates"),
    )
    save_view(folder / VIEW, tree, lesions)


def _unpack(path: Path, target: Path) -> None:
    """Undo gzip's compression of a file."""
    try:
        with gzip.open(path) as packed, target.open("wb") as file:
            shutil.copyfileobj(packed, file, 1 << 20)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        msg = f"{path.name} is truncated or damaged. Copy or write it again."
        raise InputError(msg) from error
