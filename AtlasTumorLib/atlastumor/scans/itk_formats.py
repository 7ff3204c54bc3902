"""NRRD and MetaImage through SimpleITK.

The one place where ITK's LPS world and its (k, j, i) arrays become ours.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..progress import Progress
from ..volume import Source
from .gate import check_geometry, require_volume
from .hounsfield import scan_dtype, store_hu
from .input_files import hash_files, name_of
from .loaded import Loaded
from .metaimage_header import check_metaimage
from .nrrd_header import check_nrrd

__all__ = ["read_metaimage", "read_nrrd"]

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_nrrd(path: Path, progress: Progress) -> Loaded:
    """Read an NRRD file, with its data inside or beside it.

    Args:
        path: A regular file that begins as NRRD does.
        progress: Told how far the reading is.

    Returns:
        The volume on the file's own grid.

    Raises:
        InputError: If the file is damaged, not 3-D, or gives no geometry.
    """
    files, notes = check_nrrd(path)
    return _read(path, "NrrdImageIO", Source("nrrd", hash_files(files), notes=notes), progress)


def read_metaimage(path: Path, progress: Progress) -> Loaded:
    """Read a MetaImage file (.mha, or .mhd with its data beside it).

    Args:
        path: A regular file that begins as MetaImage does.
        progress: Told how far the reading is.

    Returns:
        The volume on the file's own grid.

    Raises:
        InputError: If the file is damaged, not 3-D, or gives no geometry.
    """
    files, notes = check_metaimage(path)
    source = Source("metaimage", hash_files(files), notes=notes)
    return _read(path, "MetaImageIO", source, progress)


def _read(path: Path, image_io: str, source: Source, progress: Progress) -> Loaded:
    """Read through one ITK reader: the header, the gate, then the values."""
    _check_name(path)
    sitk = _simple_itk()
    progress(0.0, "Reading the scan")
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    with _quiet_itk(path):
        reader.ReadImageInformation()
        if reader.GetNumberOfComponents() != 1:
            msg = (
                f"{name_of(path)} holds {reader.GetNumberOfComponents()} values per voxel (color, "
                "vectors or time points); one 3-D CT in Hounsfield units is needed."
            )
            raise InputError(msg)
        shape, notes = require_volume(reader.GetSize())
        affine = _affine(reader)
        check_geometry(shape, affine)
        image = reader.Execute()
    progress(0.7, "Reading the scan")
    stored = sitk.GetArrayViewFromImage(image).reshape(shape[::-1]).T
    array = _to_hu(stored, path)
    progress(1.0, "Reading the scan")
    return Loaded(array, affine, Source(source.kind, source.sha256, notes=source.notes + notes))


def _check_name(path: Path) -> None:
    """Refuse a path that is no text; ITK would end the process."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        msg = f"{name_of(path)} or a folder above it has a name that is no UTF-8. Rename it."
        raise InputError(msg) from error


def _simple_itk() -> Any:
    """Import SimpleITK on first use; it has no types."""
    return importlib.import_module("SimpleITK")


@contextmanager
def _quiet_itk(path: Path) -> Iterator[None]:
    """Keep ITK's warnings off the console and turn its exceptions into one sentence."""
    sitk = _simple_itk()
    display = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    except RuntimeError as error:
        if "alloc" in str(error).lower():
            raise MemoryError from error
        msg = f"{name_of(path)} is truncated or damaged. Copy or export the scan again."
        raise InputError(msg) from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(display)


def _affine(reader: Any) -> npt.NDArray[np.float64]:
    """The RAS affine of an ITK image; axes beyond the third are of size 1 and left out."""
    n = reader.GetDimension()
    direction = np.array(reader.GetDirection(), float).reshape(n, n)[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = direction * np.array(reader.GetSpacing()[:3])
    affine[:3, 3] = reader.GetOrigin()[:3]
    ras: npt.NDArray[np.float64] = _LPS_TO_RAS @ affine
    return ras


def _to_hu(stored: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    """Copy (I, J, K) stored values into int16 or float32, slice by slice."""
    if stored.dtype.kind not in "iuf":
        msg = f"{name_of(path)} holds {stored.dtype.name} values; Hounsfield units are needed."
        raise InputError(msg)
    out = np.empty(stored.shape, scan_dtype(stored.dtype, 1.0, 0.0), order="F")
    for k in range(stored.shape[2]):
        store_hu(stored[:, :, k], out[:, :, k])
    return out
