"""NIfTI out: label maps and probability maps, streamed, with the scan's affine to the last bit."""

# mypy: disable-error-code="no-untyped-call"
# nibabel's headers have no annotations.

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from nibabel.nifti1 import Nifti1Extension, Nifti1Header

from ..volume import Grid, LabelMap, Scan
from .compressed import compressed_file, slice_ranges
from .protocols import ProbabilityLike

__all__ = ["PROBABILITY_STEP", "write_labels", "write_probability", "write_scan"]

PROBABILITY_STEP = 2.0**-15
"""What a stored 1 means. Exact in float32, as are 0 and 1; finer than float16 above 1/32."""

_COMMENT = 6  # the extension code for plain text, which readers that do not know it skip
_STEADY_MM = 1e-3


def write_labels(path: Path, labels: LabelMap, *, record: dict[str, Any]) -> None:
    """Write a label map as uint8.

    Args:
        path: The .nii.gz file.
        labels: What to write.
        record: Provenance, put into a header extension as JSON.
    """
    header = _make_header(labels.grid, np.dtype(np.uint8), record)
    header["cal_max"] = max(labels.names, default=0)
    array = labels.array
    slabs = (array[:, :, first:stop] for first, stop in slice_ranges(labels.grid.shape[2]))
    _write(path, header, slabs, level=4)


def write_probability(
    path: Path, probability: ProbabilityLike, grid: Grid, *, record: dict[str, Any]
) -> None:
    """Write a probability map as uint16 in steps of 2^-15; readers scale it back to [0, 1].

    Args:
        path: The .nii.gz file.
        probability: Gives the map slab by slab, so that memory stays small.
        grid: The scan's.
        record: Provenance, put into a header extension as JSON.
    """
    header = _make_header(grid, np.dtype(np.uint16), record)
    header.set_slope_inter(PROBABILITY_STEP, 0.0)
    header["cal_max"] = 1.0
    slabs = (_to_steps(slab) for _, _, slab in probability.slabs(grid))
    _write(path, header, slabs, level=1)


def write_scan(path: Path, scan: Scan, *, record: dict[str, Any]) -> None:
    """Write a scan as it is, int16 or float32.

    Args:
        path: The .nii.gz file.
        scan: What to write, HU.
        record: Provenance, put into a header extension as JSON.
    """
    header = _make_header(scan.grid, scan.array.dtype, record)
    array = scan.array
    slabs = (array[:, :, first:stop] for first, stop in slice_ranges(scan.grid.shape[2]))
    _write(path, header, slabs, level=4)


def _to_steps(slab: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint16]:
    clipped = np.clip(slab.astype(np.float32), 0.0, 1.0)
    steps: npt.NDArray[np.uint16] = np.rint(clipped / PROBABILITY_STEP).astype(np.uint16)
    return steps


def _make_header(grid: Grid, dtype: np.dtype[Any], record: dict[str, Any]) -> Nifti1Header:
    header = Nifti1Header(endianness="<")
    header.set_data_shape(grid.shape)
    header.set_data_dtype(dtype)
    header.set_xyzt_units("mm", "sec")
    kind = "SYNTHETIC tumor; " if record.get("synthetic") else ""
    maker = f"{record['software']} {record['version']}"
    header["descrip"] = f"{kind}{maker}; not for clinical use"[:79]
    _set_affine(header, grid.affine)
    text = json.dumps(record, ensure_ascii=True, allow_nan=False).encode()
    header.extensions.append(Nifti1Extension(_COMMENT, text))
    header.set_data_offset(Nifti1Header.single_vox_offset + header.extensions.get_sizeondisk())
    return header


def _set_affine(header: Nifti1Header, affine: npt.NDArray[np.float64]) -> None:
    """Store an affine so that it reads back as it was wherever the format can hold it.

    An sform holds float32 exactly. An affine that a reader made from a qform alone is seldom that,
    yet comes back to the bit from the qform. Anything else (DICOM) is rounded to float32.
    """
    header.set_qform(affine, code=1)
    turned = header.get_qform()
    if np.array_equal(turned, affine) and not np.array_equal(affine, np.float32(affine)):
        return
    header.set_sform(affine, code=1)
    corner = np.array([*header.get_data_shape(), 1.0])
    if np.linalg.norm((turned - affine) @ corner) > _STEADY_MM:  # sheared: a qform cannot say it
        header.set_qform(affine, code=0)


def _write(
    path: Path, header: Nifti1Header, slabs: Iterable[npt.NDArray[Any]], *, level: int
) -> None:
    with compressed_file(path, level=level) as file:
        header.write_to(file)
        for slab in slabs:
            file.write(slab.tobytes(order="F"))
