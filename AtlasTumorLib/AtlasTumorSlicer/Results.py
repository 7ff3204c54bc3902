"""The folder that the worker wrote, read back and checked before anything enters the scene."""

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from slicer.i18n import tr as _

from atlastumor.components import find_boxes, find_components
from atlastumor.errors import GridMismatchError, InputError
from atlastumor.organs import ORGANS, find_organ
from atlastumor.volume import Grid

__all__ = ["Finding", "LesionRow", "Result", "paintLesions", "readResult"]

_TOLERANCE_MM = 0.02
"""NIfTI rounds the affine to single precision; a voxel is some 30 times larger than this."""
_FILES = ("labels.nii.gz", "result.json", "lesions.csv")
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class LesionRow:
    """One lesion as the worker measured it.

    Args:
        organ: The organ's key.
        index: 1 for the organ's largest lesion.
        volumeMl: mL.
        diameterMm: Longest axis, mm.
        score: In [0, 1]; NaN if unknown.
        side: "left", "right" or "".
        ras: A point of the lesion, RAS mm in the world that the worker saw.
    """

    organ: str
    index: int
    volumeMl: float
    diameterMm: float
    score: float
    side: str
    ras: tuple[float, float, float]


@dataclass(frozen=True)
class Finding:
    """What is said about one organ, such as "Not in view."."""

    organ: str
    message: str


@dataclass(frozen=True, eq=False)
class Result:
    """What one run of the worker found.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K) uint8.
        lesions: By organ, then the largest first.
        findings: One for each organ asked for.
        provenance: The worker's record of itself.
    """

    labels: np.ndarray
    lesions: tuple[LesionRow, ...]
    findings: tuple[Finding, ...]
    provenance: Mapping[str, Any]


def readResult(directory: Path, grid: Grid) -> Result:
    """Read the worker's folder.

    Args:
        directory: Where it wrote.
        grid: The grid of the scan that it was given.

    Returns:
        Its content.

    Raises:
        InputError: If a file is missing.
        GridMismatchError: If the labels lie elsewhere than the scan.
    """
    if not all((directory / name).is_file() for name in _FILES):
        raise InputError(
            _("The worker's files are gone; nothing was imported. Was its folder cleaned up?")
        )
    image = sitk.ReadImage(str(directory / "labels.nii.gz"))
    if not _gridOf(image).matches(grid, tolerance_mm=_TOLERANCE_MM):
        raise GridMismatchError(
            _("The worker's labels do not lie on the scan's grid; nothing was imported.")
        )
    record = json.loads((directory / "result.json").read_text(encoding="utf-8"))
    with (directory / "lesions.csv").open(encoding="utf-8", newline="") as file:
        lesions = tuple(_lesionFrom(row) for row in csv.DictReader(file))
    findings = tuple(Finding(row["organ"], row["message"]) for row in record["findings"])
    labels = sitk.GetArrayViewFromImage(image).T.astype(np.uint8, copy=True)
    return Result(labels, lesions, findings, record["provenance"])


def paintLesions(values: np.ndarray, result: Result, grid: Grid, first: int) -> None:
    """Give every lesion a value of its own.

    Args:
        values: What to paint into, (I, J, K).
        result: The worker's labels (I, J, K) and lesions.
        grid: The grid in which the lesions' points are given.
        first: Value of the first lesion; the next one gets the next value.

    Raises:
        GridMismatchError: If a lesion of the table is not in the labels, or the other way round.
    """
    boxes = find_boxes(result.labels)
    for organ in ORGANS:
        box = boxes.get(organ.tumor_label)
        regions = list(find_components(result.labels, organ.tumor_label, box)) if box else []
        rows = [(n, row) for n, row in enumerate(result.lesions) if row.organ == organ.key]
        if len(regions) != len(rows):
            raise GridMismatchError(_mismatch(organ.name))
        for offset, row in rows:
            voxel = np.rint(grid.to_ijk(row.ras)).astype(int)
            region = next((region for region in regions if _holds(region, voxel)), None)
            if region is None:
                raise GridMismatchError(_mismatch(organ.name))
            values[region.box][region.mask] = first + offset


def _mismatch(name: str) -> str:
    return _("The worker's table and labels differ ({organ}); nothing was imported.").format(
        organ=name
    )


def _holds(region: Any, voxel: np.ndarray) -> bool:
    """Whether a component contains a voxel (3,)."""
    inside = [n - side.start for n, side in zip(voxel, region.box, strict=True)]
    if not all(0 <= n < size for n, size in zip(inside, region.mask.shape, strict=True)):
        return False
    return bool(region.mask[tuple(inside)])


def _gridOf(image: sitk.Image) -> Grid:
    """The grid of an image, whose axes SimpleITK gives in LPS."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return Grid(image.GetSize(), _LPS_TO_RAS @ affine)


def _lesionFrom(row: Mapping[str, str]) -> LesionRow:
    """One row of lesions.csv; a score that is not known is empty or "nan"."""
    return LesionRow(
        organ=find_organ(row["organ"]).key,
        index=int(row["lesion"]),
        volumeMl=float(row["volume_ml"]),
        diameterMm=float(row["diameter_mm"]),
        score=float(row["score"]) if row["score"] else math.nan,
        side=row.get("side") or "",
        ras=(float(row["r"]), float(row["a"]), float(row["s"])),
    )
