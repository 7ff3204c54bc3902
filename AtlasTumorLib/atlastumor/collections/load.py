"""A case of a cohort in our own numbers, whatever it was annotated in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..batch.laying import lay_on_grid
from ..batch.volumes import read_integers
from ..components import find_boxes
from ..errors import InputError
from ..inference.sides import split_sides
from ..organs import KEYS, ORGANS, Organ, label_names
from ..progress import Progress, ignore_progress
from ..scans import read_scan
from ..scans.input_files import name_of
from ..volume import Grid, LabelMap, Scan
from .cases import UNKNOWN, CollectionCase, LabelFile

__all__ = ["load_case"]

Labels = npt.NDArray[np.uint8]

_NAMES = {**label_names(), UNKNOWN: "unknown"}
_BODY_HU = -300
_SAMPLE_VOXELS = 4
_SHARE_OF_VOXEL = 0.1
"""How far labels may lie off: affines written with four digits drift that far across a scan."""


def load_case(
    case: CollectionCase, *, progress: Progress = ignore_progress
) -> tuple[Scan, LabelMap]:
    """Read a scan and what is known of it.

    Args:
        case: One of a cohort.
        progress: Told how far the reading of the scan is.

    Returns:
        The scan, and on its grid AbdomenAtlas 2.0's numbers, tumors over organs, and `UNKNOWN`. A
        voxel of 0 is background to the organs and tumors in `case.annotated` only.

    Raises:
        InputError: If a file is missing or damaged, is no CT, or holds a value that its collection
            does not name, or if the labels are empty though an organ should be outlined.
        GridMismatchError: If labels lie more than a tenth of a voxel off the scan's grid.
        OutOfMemoryError: If the scan does not fit into memory.
    """
    scan = read_scan(case.scan, progress=progress)
    labels: Labels = np.zeros(scan.grid.shape, np.uint8, order="F")
    for file in case.labels:
        _paint(labels, file, scan.grid)
    if case.annotated.organs and not np.any(labels):
        named = ", ".join(key for key in KEYS if key in case.annotated.organs)
        msg = (
            f"Its labels are empty, though {named} should be outlined. Correct the label file, or "
            "`annotated` in the cohort."
        )
        raise InputError(msg)
    for organ in _find_undivided(case):
        split_sides(labels, scan.grid, organ, body_center_mm=_find_body_center(scan))
    return scan, LabelMap(labels, scan.grid, _NAMES)


def _paint(labels: Labels, file: LabelFile, grid: Grid) -> None:
    """Put what a file says over what is there; its 0 over nothing but 0."""
    values, own_grid = read_integers(file.path)
    names = (f"The label file {name_of(file.path)}", "the scan")
    tolerance_mm = _SHARE_OF_VOXEL * min(grid.spacing_mm)
    values = lay_on_grid(values, own_grid, grid, names, tolerance_mm=tolerance_mm)
    _check_values(values, file)
    table = np.zeros(256, np.uint8)
    for value, ours in file.values.items():
        table[value] = ours[0] if ours else 0
    new = table[values]
    where = new != 0
    if table[0]:
        where &= (values != 0) | (labels == 0)
    np.copyto(labels, new, where=where)


def _check_values(values: Labels, file: LabelFile) -> None:
    strange = sorted(set(find_boxes(values)) - set(file.values) - {0})
    if strange:
        known = ", ".join(str(value) for value in sorted(file.values))
        msg = (
            f"The label file {name_of(file.path)} holds the value {strange[0]}, whose meaning is "
            f"not known; known are {known}. Correct the file, or its values in the cohort."
        )
        raise InputError(msg)


def _find_undivided(case: CollectionCase) -> list[Organ]:
    """Paired organs whose halves a file does not tell apart."""
    given = {ours for file in case.labels for ours in file.values.values()}
    return [organ for organ in ORGANS if len(organ.labels) > 1 and organ.labels in given]


def _find_body_center(scan: Scan) -> float:
    """Middle of the body along R, RAS mm."""
    coarse = scan.array[::_SAMPLE_VOXELS, ::_SAMPLE_VOXELS, ::_SAMPLE_VOXELS]
    ijk = np.argwhere(coarse > _BODY_HU).mean(axis=0) * _SAMPLE_VOXELS
    return float(scan.grid.to_ras(ijk)[0])
