"""Masks, label maps and probability maps from NIfTI, with every value checked.

Scans have a reader of their own, which refuses what is no CT. Here a volume may be small and thin,
but its values must be what its role says; nothing is clipped or rounded in silence but what packing
adds to a whole number. Values are read in slabs, so that memory stays near that of the array which
is returned.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..components import find_boxes
from ..errors import InputError
from ..scans.gate import check_angles
from ..scans.input_files import name_of, refuse, require_file, sniff_format
from ..volume import Grid

__all__ = [
    "HIGHEST_LABEL",
    "list_labels",
    "read_grid",
    "read_integers",
    "read_labels",
    "read_map",
    "read_mask",
]

HIGHEST_LABEL = 32
"""Of AbdomenAtlas 2.0's class map: 26 organs, then the tumors of six of them."""

_SLAB_BYTES = 32 << 20
_MAX_VOXELS = 1_500_000_000
_ROUNDING = 1e-6  # how far float32 arithmetic may leave [0, 1]
_PACKING = 1e-3  # packed into 16 bits with a slope, classes up to 130 come back that near
_QUIET = "nibabel.global"  # what nibabel mends in a header is no news for the console


def read_map(path: Path) -> tuple[npt.NDArray[np.float32], Grid]:
    """Read a probability map.

    Args:
        path: A NIfTI file.

    Returns:
        Probabilities (I, J, K), and their grid.

    Raises:
        InputError: If the file is damaged or holds anything but numbers in [0, 1].
    """
    with _opened(path) as (image, grid):
        out = np.empty(grid.shape, np.float32, order="F")
        for where, slab in _slabs(image, grid.shape):
            low, high = float(slab.min()), float(slab.max())
            if np.isnan(low) or np.isnan(high):
                msg = f"{name_of(path)} holds NaN; every probability must be a number."
                raise InputError(msg)
            if low < -_ROUNDING or high > 1.0 + _ROUNDING:
                msg = (
                    f"{name_of(path)} holds values from {low:g} to {high:g}; probabilities lie in "
                    "[0, 1]. Apply the network's sigmoid or softmax first."
                )
                raise InputError(msg)
            np.clip(slab, 0.0, 1.0, out=out[:, :, where])
    return out, grid


def read_labels(path: Path) -> tuple[npt.NDArray[np.uint8], Grid]:
    """Read a label map in AbdomenAtlas 2.0 numbers; the last two are remembered.

    Args:
        path: A NIfTI file.

    Returns:
        Labels (I, J, K), read-only, and their grid.

    Raises:
        InputError: If the file is damaged or holds a value that is no class of AbdomenAtlas 2.0.
    """
    return _look_up_labels(path)[:2]


def list_labels(path: Path) -> frozenset[int]:
    """List the labels that occur in a label map.

    Args:
        path: A NIfTI file.

    Returns:
        Its values but 0.

    Raises:
        InputError: As `read_labels`.
    """
    return _look_up_labels(path)[2]


def _look_up_labels(path: Path) -> tuple[npt.NDArray[np.uint8], Grid, frozenset[int]]:
    try:
        state = path.stat()
    except OSError as error:
        raise refuse(path, error) from error
    return _remembered_labels(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=2)  # six organs ask for one file, of prediction and of reference
def _remembered_labels(
    path: Path, _changed: int, _size: int
) -> tuple[npt.NDArray[np.uint8], Grid, frozenset[int]]:
    array, grid = read_integers(path)
    highest = int(array.max())
    if highest > HIGHEST_LABEL:
        msg = (
            f"{name_of(path)} holds the class {highest}, which AbdomenAtlas 2.0 (1 to "
            f"{HIGHEST_LABEL}) does not know. Translate its numbers; see `atlastumor organs`."
        )
        raise InputError(msg)
    array.flags.writeable = False
    return array, grid, frozenset(find_boxes(array))


def read_mask(path: Path) -> tuple[npt.NDArray[np.bool_], Grid]:
    """Read a binary mask.

    Args:
        path: A NIfTI file of 0 and 1, or of 0 and 255.

    Returns:
        Mask (I, J, K), and its grid.

    Raises:
        InputError: If the file is damaged or holds other values.
    """
    array, grid = read_integers(path)
    if not np.isin(array.max(), (0, 1, 255)) or np.any((array != 0) & (array != array.max())):
        values = ", ".join(str(value) for value in np.unique(array)[:6])
        msg = f"{name_of(path)} holds the values {values}; a mask holds 0 and 1 only."
        raise InputError(msg)
    return array.astype(bool), grid


def read_integers(path: Path) -> tuple[npt.NDArray[np.uint8], Grid]:
    """Read whole numbers, whatever they mean.

    Args:
        path: A NIfTI file.

    Returns:
        Values (I, J, K), and their grid.

    Raises:
        InputError: If the file is damaged or holds anything but whole numbers from 0 to 255, give
            or take a thousandth.
    """
    with _opened(path) as (image, grid):
        out = np.empty(grid.shape, np.uint8, order="F")
        for where, slab in _slabs(image, grid.shape):
            part = out[:, :, where]
            with np.errstate(invalid="ignore"):
                part[...] = np.rint(slab)
                wrong = slab[~(np.abs(part - slab) <= _PACKING)]
            if wrong.size:
                msg = f"{name_of(path)} holds the value {wrong[0]:g}, which is no class number."
                raise InputError(msg)
    return out, grid


def read_grid(path: Path) -> Grid:
    """Read where a volume's voxels lie, from its header alone.

    Args:
        path: A NIfTI file.

    Returns:
        Its grid.

    Raises:
        InputError: If the file is damaged or is no volume.
    """
    with _opened(path) as (_, grid):
        return grid


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Grid]]:
    """Open a NIfTI file; translate what can go wrong in it, also while it is read."""
    import nibabel as nib  # noqa: PLC0415 - listing cases does without

    if sniff_format(require_file(path)) != "nifti":
        msg = f"{name_of(path)} is no NIfTI file. Save it as .nii.gz."
        raise InputError(msg)
    logging.getLogger(_QUIET).setLevel(logging.CRITICAL)
    try:
        image: Any = nib.load(path, keep_file_open=True)
        yield image, _grid_of(image, path)
    except InputError:
        raise
    except (EOFError, zlib.error, ValueError) as error:
        msg = f"{name_of(path)} is truncated or damaged. Copy or write it again."
        raise InputError(msg) from error
    except OSError as error:
        if error.strerror is None:  # gzip's own, for a broken stream
            msg = f"{name_of(path)} is truncated or damaged. Copy or write it again."
            raise InputError(msg) from error
        raise refuse(path, error) from error
    except (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError) as error:
        msg = f"The header of {name_of(path)} is damaged. Write the file again."
        raise InputError(msg) from error


def _grid_of(image: Any, path: Path) -> Grid:
    shape = tuple(int(n) for n in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3 or min(shape) < 1 or np.prod([float(n) for n in shape]) > _MAX_VOXELS:
        text = " x ".join(str(n) for n in shape)
        msg = f"{name_of(path)} has the shape {text}; one 3-D volume is needed."
        raise InputError(msg)
    if image.get_data_dtype().kind not in "iufb":
        msg = f"{name_of(path)} holds {image.get_data_dtype()} values; numbers are needed."
        raise InputError(msg)
    try:
        grid = Grid((shape[0], shape[1], shape[2]), image.affine)
    except ValueError as error:
        msg = f"The position in {name_of(path)} is damaged: {error}"
        raise InputError(msg) from error
    check_angles(grid.affine, name_of(path))
    return grid


def _slabs(
    image: Any, shape: tuple[int, int, int]
) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Give the values as float32, some slices along k at a time."""
    proxy = image.dataobj.reshape(shape) if image.ndim > 3 else image.dataobj
    step = max(1, _SLAB_BYTES // (4 * shape[0] * shape[1]))
    for start in range(0, shape[2], step):
        where = slice(start, min(start + step, shape[2]))
        yield where, np.asarray(proxy[:, :, where], dtype=np.float32)
