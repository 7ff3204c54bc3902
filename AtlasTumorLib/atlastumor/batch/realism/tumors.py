"""The tumors of a folder: found, measured and pictured, case by case.

Cases lie as `healthy.py` reads them: CT with a label map or masks. Of a case that `atlastumor
synthesize` or `synthesize-cohort` wrote, only tumors that its record names are synthetic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np

from ...components import Region
from ...errors import InputError, OutOfMemoryError
from ...lesions import Lesion, Position, measure_lesions
from ...organs import Organ, find_organ
from ...progress import CancelToken, Progress, ignore_progress
from ...results.staging import MANIFEST
from ...volume import LabelMap, Scan
from ..cases import Problem
from ..healthy import HealthyCase, find_healthy, read_healthy
from .features import measure_features
from .pictures import Picture, cut_picture
from .view import cut_view

__all__ = ["PICTURE_MM", "Kind", "Tumor", "find_tumors"]

Kind = Literal["real", "synthetic"]

PICTURE_MM = 90.0
"""Width of a tumor's picture, or twice its diameter if that is more."""

_PIXELS = 150
_LEAST_VOXELS = 20
_LEAST_MM3 = 30.0
_RECORD, _NNUNET = "cohort.json", "nnunet"  # of `synthesize-cohort`


@dataclass(frozen=True, eq=False)
class Tumor:
    """A tumor that counts.

    Args:
        kind: "real" or "synthetic".
        case: Name of its case.
        organ: Key of its organ.
        index: 1 for the organ's largest lesion in the case.
        center_ras: A voxel of it near its middle, RAS mm.
        features: By the keys of `FEATURES`; NaN where undefined.
        picture: The slice through it; some 45 kB.
    """

    kind: Kind
    case: str
    organ: str
    index: int
    center_ras: Position
    features: dict[str, float]
    picture: Picture


class _Nobody:
    """Stands where organs would be found if nothing outlined them."""

    def segment(self, scan: Scan, **_: Any) -> NoReturn:  # noqa: ARG002 - a critic's signature
        """Refuse."""
        msg = "Nothing outlines its tumors; add 'labels.nii.gz' or 'segmentations'."
        raise InputError(msg)


def find_tumors(
    directory: Path,
    kind: Kind,
    organs: tuple[Organ, ...],
    *,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> tuple[list[Tumor], list[Problem]]:
    """Measure the tumors of a folder.

    Args:
        directory: Folder of cases.
        kind: What its tumors are.
        organs: Rows of the organs whose tumors count.
        progress: Told after every case.
        cancel: Stops between cases.

    Returns:
        The tumors by case, and what keeps cases or tumors from counting.

    Raises:
        InputError: If the folder cannot be read or holds no case.
        Cancelled: If `cancel` was set.
    """
    cases, problems = find_healthy(directory)
    has_record = (directory / _RECORD).is_file()
    found = [one for one in problems if not (has_record and one.case == _NNUNET)]
    tumors: list[Tumor] = []
    for number, case in enumerate(cases, start=1):
        if cancel is not None:
            cancel.check()
        try:
            tumors += _measure_case(case, kind, organs, found)
        except (InputError, OutOfMemoryError) as error:
            found.append(Problem(case.name, str(error)))
        except MemoryError:
            found.append(Problem(case.name, "It does not fit into memory. Close programs."))
        progress(number / len(cases), f"Measuring {kind} tumors")
    return tumors, found


def _measure_case(
    case: HealthyCase, kind: Kind, organs: tuple[Organ, ...], problems: list[Problem]
) -> list[Tumor]:
    """Measure the tumors of a case; say of those that are too small how many there are."""
    record = _read_record(case.scan.parent)
    if kind == "real" and record.get("synthetic"):
        msg = "Its record says that its tumors are synthetic; move it to the synthetic cases."
        raise InputError(msg)
    outlined = read_healthy(case, _Nobody())
    scan, labels = outlined.scan, outlined.labels
    measured = measure_lesions(labels, organs=organs, score_of=lambda *_: 0.0)
    found = list(zip(measured.lesions, measured.regions, strict=True))
    if "synthetic" in record:
        made = list(_list_made(record))
        found = [(lesion, region) for lesion, region in found if _is_made(region, labels, made)]
    large = [(lesion, region) for lesion, region in found if _is_large(region, labels)]
    if len(large) < len(found):
        text = (
            f"Of its {len(found)} tumors {len(found) - len(large)} are too small to be measured: "
            f"below {_LEAST_VOXELS} voxels or {_LEAST_MM3:g} mm3."
        )
        problems.append(Problem(case.name, text))
    return [_measure(kind, case.name, scan, labels, *one) for one in large]


def _measure(
    kind: Kind, case: str, scan: Scan, labels: LabelMap, lesion: Lesion, region: Region
) -> Tumor:
    """Measure and picture a tumor."""
    features = measure_features(cut_view(scan, labels, find_organ(lesion.organ), region))
    extent_mm = max(PICTURE_MM, 2.0 * features["diameter_mm"])
    tumor = np.zeros(scan.grid.shape, bool)
    tumor[region.box] = region.mask
    picture = cut_picture(scan, tumor, lesion.point_ras, extent_mm=extent_mm, n_pixels=_PIXELS)
    return Tumor(kind, case, lesion.organ, lesion.index, lesion.point_ras, features, picture)


def _read_record(folder: Path) -> dict[str, Any]:
    """What this software wrote about a case; empty if it did not."""
    try:
        record = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _list_made(record: dict[str, Any]) -> Iterator[Position]:
    """A voxel's center in each synthetic tumor, RAS mm."""
    tumors = record.get("tumors", [record] if record["synthetic"] else [])
    for tumor in tumors:
        r, a, s = (float(x) for x in tumor["lesion"]["point_ras"])
        yield r, a, s


def _is_made(region: Region, labels: LabelMap, made: list[Position]) -> bool:
    """Whether one of some points lies in a tumor."""
    start = [side.start for side in region.box]
    for point in made:
        at = tuple(int(x) for x in np.rint(labels.grid.to_ijk(point)) - start)
        if all(0 <= x < n for x, n in zip(at, region.mask.shape, strict=True)) and region.mask[at]:
            return True
    return False


def _is_large(region: Region, labels: LabelMap) -> bool:
    n = int(np.count_nonzero(region.mask))
    return n >= _LEAST_VOXELS and n * labels.grid.voxel_ml * 1000.0 >= _LEAST_MM3
