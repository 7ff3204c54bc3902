"""NIfTI-1 and NIfTI-2 in one file, gzipped or not.

nibabel reads the header and decides on the affine; the values are streamed in slabs straight into
the scan's own array, so that nothing is ever held twice or as float64.
"""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..progress import Progress
from ..volume import Source
from .gate import check_geometry, require_volume
from .hounsfield import scan_dtype, store_hu
from .input_files import hash_files, name_of, refuse
from .loaded import Loaded

__all__ = ["read_nifti"]

_SLAB_BYTES = 16 << 20
_CONFLICT_MM = 0.1
_LENGTHS = {1: "metres", 3: "micrometres"}
_MOST_PACKED = 1100  # times that gzip makes anything smaller
_QUIET = logging.Logger("header")  # what nibabel mends in a header is no news for the console
_QUIET.addHandler(logging.NullHandler())


def read_nifti(path: Path, progress: Progress) -> Loaded:
    """Read a NIfTI file.

    Args:
        path: A regular file that begins as NIfTI does.
        progress: Told how far the reading is.

    Returns:
        The volume on the file's own grid.

    Raises:
        InputError: If the file is damaged, truncated, not 3-D or not of real numbers.
    """
    progress(0.0, "Reading the scan")
    with _open(path) as stream:
        header = _read_header(stream, path)
        stored_shape = header.get_data_shape()
        shape, notes = require_volume(stored_shape)
        affine, more_notes = _read_affine(header, path)
        check_geometry(shape, affine)
        array = _read_values(stream, header, shape, path, progress)
    source = Source("nifti", hash_files([path]), notes=notes + more_notes)
    progress(1.0, "Reading the scan")
    return Loaded(array, affine, source)


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacking it if it is gzipped, and translate what can go wrong in it."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: Any = gzip.GzipFile(fileobj=raw, mode="rb") if packed else raw
        try:
            yield stream
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            msg = f"{name_of(path)} is truncated or damaged. Copy or download it again."
            raise InputError(msg) from error
        except OSError as error:
            raise refuse(path, error) from error


def _read_header(stream: IO[bytes], path: Path) -> Any:
    """Read a nibabel header; its size tells NIfTI-1 from NIfTI-2."""
    import nibabel as nib

    size = stream.read(4)
    stream.seek(0)
    is_second = 540 in (int.from_bytes(size, "little"), int.from_bytes(size, "big"))
    kind: Any = nib.Nifti2Header if is_second else nib.Nifti1Header
    try:
        header = kind.from_fileobj(stream, check=False)
        pixdim = np.array(header["pixdim"][1:4], float)
        header.check_fix(logger=_QUIET, error_level=40)
        shape, offset = header.get_data_shape(), float(header["vox_offset"])
        header.get_slope_inter()
    except (ValueError, KeyError, TypeError, nib.spatialimages.HeaderDataError) as error:
        msg = f"The header of {name_of(path)} is damaged. Export the scan again."
        raise InputError(msg) from error
    if not header.single_vox_offset <= offset <= path.stat().st_size * _MOST_PACKED:
        msg = (
            f"{name_of(path)} says that its values begin at byte {offset:g}, which is within its "
            "header or beyond its end. Export the scan again."
        )
        raise InputError(msg)
    _check_unit(header, path)
    if len(shape) >= 3 and not (np.isfinite(pixdim) & (pixdim > 0)).all():
        text = " x ".join(f"{mm:g}" for mm in pixdim)
        msg = f"{name_of(path)} says its voxel spacing is {text} mm. Export the scan again."
        raise InputError(msg)
    return header


def _check_unit(header: Any, path: Path) -> None:
    """Refuse meters and micrometers: some programs heed what the file says there, some do not."""
    unit = _LENGTHS.get(int(header["xyzt_units"]) & 7, "")
    if unit:
        msg = f"{name_of(path)} measures in {unit}; millimetres are needed. Export it again."
        raise InputError(msg)


def _read_affine(header: Any, path: Path) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """The affine by nibabel's rules (sform, else qform), and what is doubtful about it."""
    import nibabel as nib

    notes = []
    try:
        affine = np.array(header.get_best_affine(), np.float64)
        sform, sform_code = header.get_sform(coded=True)
        qform, qform_code = header.get_qform(coded=True)
    except (ValueError, nib.spatialimages.HeaderDataError) as error:
        msg = f"The orientation in {name_of(path)} is damaged. Export the scan again."
        raise InputError(msg) from error
    if not (sform_code or qform_code):
        notes.append(
            "The file does not say how the scan lies in the patient (no sform or qform); "
            "left and right follow the Analyze convention."
        )
    elif sform_code and qform_code and np.isfinite(sform).all():
        distance_mm = _farthest_mm(sform, qform, header.get_data_shape()[:3])
        if distance_mm > _CONFLICT_MM:
            notes.append(
                f"The file's sform and qform place voxels up to {distance_mm:.1f} mm apart; "
                "the sform is used."
            )
    return affine, tuple(notes)


def _farthest_mm(one: Any, other: Any, shape: tuple[int, ...]) -> float:
    """How far apart two affines place the corners of a grid."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], [1])).reshape(4, -1)
    return float(np.linalg.norm(((one - other) @ corners)[:3], axis=0).max())


def _read_values(
    stream: IO[bytes], header: Any, shape: tuple[int, int, int], path: Path, progress: Progress
) -> npt.NDArray[Any]:
    """Stream the values, slab by slab along k, into an int16 or float32 array (I, J, K)."""
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        what = "color" if dtype.fields else f"{dtype.name}"
        msg = f"{name_of(path)} holds {what} values; Hounsfield units are needed, one per voxel."
        raise InputError(msg)
    slope, intercept = header.get_slope_inter()
    slope = 1.0 if slope is None else float(slope)
    intercept = 0.0 if intercept is None else float(intercept)
    out = np.empty(shape, scan_dtype(dtype, slope, intercept), order="F")
    stream.seek(header.get_data_offset())
    n_slab = max(1, _SLAB_BYTES // (shape[0] * shape[1] * dtype.itemsize))
    buffer = np.empty((*shape[:2], min(n_slab, shape[2])), dtype, order="F")
    for start in range(0, shape[2], n_slab):
        part = buffer[:, :, : min(n_slab, shape[2] - start)]
        _fill(stream, part)
        store_hu(part, out[:, :, start : start + n_slab], slope=slope, intercept=intercept)
        progress(start / shape[2], "Reading the scan")
    if len(stream.read(_SLAB_BYTES)) == _SLAB_BYTES:  # the end of a gzip stream has its checksum
        raise EOFError
    return out


def _fill(stream: IO[bytes], part: npt.NDArray[Any]) -> None:
    """Fill an array (I, J, k) from a stream that may hand out fewer bytes than asked for."""
    flat: Any = part.T.reshape(-1).view(np.uint8)
    view = memoryview(flat)
    while len(view):
        n_read = stream.readinto(view)  # type: ignore[attr-defined]
        if not n_read:
            raise EOFError
        view = view[n_read:]
