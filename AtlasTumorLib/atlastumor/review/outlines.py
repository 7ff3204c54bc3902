"""Outlines that a reader drew or edited, kept beside the log as small files that never change.

A file is named by the hash of its content and is on the disk before the log's line names it, so a
line never points at an outline that a crash has lost, and undo finds the earlier one again.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..components import Box, Mask
from ..detection.sweep_files import DAMAGE
from ..errors import GridMismatchError, InputError, OutputError
from ..volume import Grid

__all__ = ["Outline", "load_outline", "make_ball", "make_outline", "save_outline"]

_FOLDER = "outlines"
_TOLERANCE_MM = 0.02


@dataclass(frozen=True, eq=False)
class Outline:
    """The voxels of one tumor.

    Args:
        box: Where `mask` lies in the scan.
        mask: Which voxels of the box belong to it; none at all if everything was erased.
        grid: The scan's.
    """

    box: Box
    mask: Mask
    grid: Grid

    @property
    def volume_ml(self) -> float:
        """Its volume, mL."""
        return int(np.count_nonzero(self.mask)) * self.grid.voxel_ml


def make_outline(mask: npt.NDArray[np.bool_], grid: Grid) -> Outline:
    """Cut a mask of the whole scan to its bounding box.

    Args:
        mask: (I, J, K).
        grid: Its grid.

    Returns:
        The outline; its box is empty where the mask is.

    Raises:
        GridMismatchError: If mask and grid differ in shape.
    """
    if mask.shape != grid.shape:
        msg = f"The outline has shape {mask.shape}, the scan {grid.shape}."
        raise GridMismatchError(msg)
    filled = [np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    if filled[0].size == 0:
        return Outline((slice(0, 0), slice(0, 0), slice(0, 0)), np.zeros((0, 0, 0), bool), grid)
    i, j, k = (slice(int(at[0]), int(at[-1]) + 1) for at in filled)
    return Outline((i, j, k), mask[i, j, k].copy(), grid)


def make_ball(voxel: tuple[int, int, int], grid: Grid, *, diameter_mm: float) -> Outline:
    """Make a ball to begin a drawing with.

    Args:
        voxel: (i, j, k) of its center.
        grid: The scan's.
        diameter_mm: Voxels whose centers lie within half of it, mm.

    Returns:
        The ball, cut to the scan; never empty.

    Raises:
        InputError: If the center lies outside the scan.
    """
    if not all(0 <= x < n for x, n in zip(voxel, grid.shape, strict=True)):
        msg = "That point lies outside the scan. Point at the tumor in a slice view."
        raise InputError(msg)
    reach = [int(diameter_mm / 2 / mm) for mm in grid.spacing_mm]
    i, j, k = (
        slice(max(x - r, 0), min(x + r + 1, n))
        for x, r, n in zip(voxel, reach, grid.shape, strict=True)
    )
    around: npt.NDArray[np.int_] = np.moveaxis(np.mgrid[i, j, k], 0, -1)
    offsets = around - np.array(voxel)
    distance_mm = np.linalg.norm(offsets @ grid.affine[:3, :3].T, axis=-1)
    return Outline((i, j, k), distance_mm <= diameter_mm / 2, grid)


def save_outline(folder: Path, outline: Outline) -> str:
    """Write an outline and wait until it is on the disk.

    Args:
        folder: The review's.
        outline: What to write; the same voxels give the same file.

    Returns:
        The file's name relative to the folder, for the log.

    Raises:
        OutputError: If it cannot be written.
    """
    box = np.array([(side.start, side.stop) for side in outline.box], np.int64)
    stored: dict[str, npt.NDArray[Any]] = {
        "shape": np.array(outline.grid.shape, np.int64),
        "affine": np.array(outline.grid.affine, np.float64),
        "box": box,
        "bits": np.packbits(outline.mask),
    }
    digest = hashlib.sha256(b"".join(array.tobytes() for array in stored.values())).hexdigest()
    name = f"{_FOLDER}/{digest[:24]}.npz"
    path = folder / name
    if path.exists():
        return name
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **stored)  # type: ignore[arg-type]
    beside = path.with_name(f".{path.stem}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(buffer.getvalue())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        msg = f"The outline could not be saved ({error.strerror}); it does not count yet."
        raise OutputError(msg) from error
    return name


def load_outline(folder: Path, name: str, grid: Grid) -> Outline:
    """Read an outline.

    Args:
        folder: The review's.
        name: As the log has it.
        grid: The scan's, on which it must lie.

    Returns:
        The outline.

    Raises:
        InputError: If it is missing or damaged.
        GridMismatchError: If it was drawn on another grid.
    """
    path = folder / _FOLDER / Path(name).name  # never outside the review's folder
    try:
        if not zipfile.is_zipfile(path):  # numpy leaves such a file open
            raise zipfile.BadZipFile
        with np.load(path, allow_pickle=False) as stored:
            shape, affine, box, bits = (stored[key] for key in ("shape", "affine", "box", "bits"))
        size = box[:, 1] - box[:, 0]
        mask = np.unpackbits(bits, count=int(size.prod())).astype(bool).reshape(size)
        drawn = Grid(tuple(shape), affine)
    except DAMAGE as error:
        msg = f"The outline '{path.name}' of this review is missing or damaged. Restore its folder."
        raise InputError(msg) from error
    if not drawn.matches(grid, tolerance_mm=_TOLERANCE_MM):
        msg = "An outline was drawn on another grid than the scan's. Use the maps it was drawn on."
        raise GridMismatchError(msg)
    i, j, k = (slice(int(first), int(stop)) for first, stop in box)
    return Outline((i, j, k), mask, grid)
