"""The door: what a path holds, who reads it, and the checks that every scan passes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DependencyError, InputError, OutOfMemoryError
from ..progress import Progress, ignore_progress, part_of
from ..volume import Grid, Scan
from .gate import check_geometry
from .hounsfield import check_hounsfield
from .input_files import FORMATS, name_of, refuse, require_path, sniff_format
from .loaded import Loaded
from .series import Series

__all__ = ["list_series", "read_scan"]

_LOG = logging.getLogger(__name__)
_DICOM = ("folder", "zip", "dicom")


def read_scan(
    path: Path, *, series: str | None = None, progress: Progress = ignore_progress
) -> Scan:
    """Read a CT and check that it can be relied on.

    The array keeps the file's own orientation and voxels; `scan.grid` is the grid of every result.
    Files unpacked from a zip live as long as `scan.source`, which names them.

    Args:
        path: A NIfTI, NRRD or MetaImage file, or a DICOM file, folder or zip.
        series: SeriesInstanceUID, or a beginning that only one has, where DICOM holds several.
        progress: Told how far the reading is.

    Returns:
        Hounsfield units, int16 where the data are integers and else float32, (I, J, K).

    Raises:
        InputError: If the data are missing, damaged, no CT, or lie on a grid on which results
            could be wrong.
        UnknownKeyError: If no series has the UID asked for.
        OutOfMemoryError: If it does not fit into this computer's memory.
        DependencyError: If the package that reads its format is missing.
    """
    start = time.monotonic()
    path = Path(path)
    kind = _find_kind(path)
    if series is not None and kind not in _DICOM:
        msg = f"{name_of(path)} is not DICOM, so no series can be chosen in it. Leave that out."
        raise InputError(msg)
    with _translated(path):
        loaded = _load(path, kind, series, part_of(progress, 0.0, 0.9))
    check_geometry(loaded.array.shape, loaded.affine)
    check_hounsfield(loaded.array)
    progress(1.0, "Reading the scan")
    _LOG.info("Read a %s scan in %.1f s", loaded.source.kind, time.monotonic() - start)
    _LOG.debug("Its shape is %s, %s", loaded.array.shape, loaded.array.dtype)
    return Scan(loaded.array, Grid(loaded.array.shape, loaded.affine), loaded.source)


def list_series(path: Path) -> list[Series]:
    """List the DICOM series that a path holds.

    Args:
        path: A DICOM file, folder or zip; for a file, the series in its folder.

    Returns:
        One entry per series, by UID; empty if the path is a file of another format.

    Raises:
        InputError: If the path cannot be read.
    """
    path = Path(path)
    kind = _find_kind(path)
    if kind not in _DICOM:
        return []
    with _translated(path):
        from .dicom import list_dicom

        return list_dicom(path, kind)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what the system and missing packages raise into errors for the user."""
    try:
        yield
    except OSError as error:
        raise refuse(path, error) from error
    except MemoryError as error:
        msg = f"{name_of(path)} does not fit into memory. Close programs, or crop the scan."
        raise OutOfMemoryError(msg) from error
    except ModuleNotFoundError as error:
        msg = (
            f"Reading {name_of(path)} needs {error.name}. Install it with: pip install {error.name}"
        )
        raise DependencyError(msg) from error


def _find_kind(path: Path) -> str:
    """What a path holds: "folder" or one of `sniff_format`'s answers, never empty."""
    if require_path(path).is_dir():
        return "folder"
    kind = sniff_format(path)
    if kind == "pair":
        msg = f"{name_of(path)} is one half of an .hdr/.img pair. Convert it to .nii.gz first."
        raise InputError(msg)
    if not kind:
        msg = f"{name_of(path)} is of no known format. Give {FORMATS}."
        raise InputError(msg)
    return kind


def _load(path: Path, kind: str, series: str | None, progress: Progress) -> Loaded:
    if kind == "nifti":
        from .nifti import read_nifti

        return read_nifti(path, progress)
    if kind == "nrrd":
        from .itk_formats import read_nrrd

        return read_nrrd(path, progress)
    if kind == "metaimage":
        from .itk_formats import read_metaimage

        return read_metaimage(path, progress)
    from .dicom import read_dicom

    return read_dicom(path, kind, series, progress)
