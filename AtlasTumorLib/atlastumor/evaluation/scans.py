"""The model on real scans that lie beside a reference label map."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from nibabel.nifti1 import Nifti1Image

from ..inference.recipes import make_segmenter
from ..organs import ORGANS, Organ
from ..progress import Progress, ignore_progress
from ..scans import read_scan
from ..volume import Grid, LabelMap, Scan
from .case import CaseScore, score_case

__all__ = ["ReferencePath", "list_references", "read_reference", "score_scans"]

_COLLECTION_OF_SUFFIX = {"_TSseg": "totalsegmentator", "_mask": "msd"}
_ENDING = ".nii.gz"


@dataclass(frozen=True)
class ReferencePath:
    """A scan and the label map beside it.

    Args:
        name: Of the case.
        scan: The scan's file.
        labels: The label map's.
        collection: Key of `Organ.aliases` for its numbers.
    """

    name: str
    scan: Path
    labels: Path
    collection: str

    @property
    def organs(self) -> list[Organ]:
        """What the label map outlines."""
        known = [organ for organ in ORGANS if self.collection in organ.aliases]
        if self.collection == "msd":  # each task has one organ, and numbers of its own
            known = [organ for organ in known if organ.key in self.name]
        return [organ for organ in known if organ.aliases[self.collection].organ]


def list_references(folder: Path) -> list[ReferencePath]:
    """Find the scans of a folder that have a label map beside them, sorted by name.

    Args:
        folder: With `NAME.nii.gz` beside `NAME_TSseg.nii.gz` or `NAME_mask.nii.gz`.
    """
    found = []
    for suffix, collection in _COLLECTION_OF_SUFFIX.items():
        for path in folder.glob(f"*{suffix}{_ENDING}"):
            name = path.name.removesuffix(suffix + _ENDING)
            found.append(ReferencePath(name, folder / f"{name}{_ENDING}", path, collection))
    return sorted(found, key=lambda one: one.name)


def score_scans(
    model: str, folder: Path, *, precision: str = "auto", progress: Progress = ignore_progress
) -> list[CaseScore]:
    """Segment every scan of a folder that has a reference, and measure it.

    `NAME_TSseg.nii.gz` holds TotalSegmentator's numbers (itself a prediction, not the truth; no
    tumors), `NAME_mask.nii.gz` those of the Decathlon task whose organ the name mentions. A tumor
    that no reference outlines counts as false: these patients are not known to have others.

    Args:
        model: Model id.
        folder: With `NAME.nii.gz` beside each reference.
        precision: In which the network runs.
        progress: Told after every scan.

    Returns:
        One score per reference.
    """
    segmenter = make_segmenter(model, precision=precision)
    references = list_references(folder)
    scores: list[CaseScore] = []
    for number, one in enumerate(references, start=1):
        scan = read_scan(one.scan)
        reference = read_reference(one.labels, scan, one.collection, one.organs)
        started = time.monotonic()
        labels = segmenter.segment(scan).labels
        seconds = time.monotonic() - started
        scores.append(score_case(one.name, labels, reference, organs=one.organs, seconds=seconds))
        progress(number / len(references), f"Scan {number} of {len(references)}")
    return scores


def read_reference(path: Path, scan: Scan, collection: str, organs: Iterable[Organ]) -> LabelMap:
    """Read a label map of another collection in our numbers and on the scan's grid.

    Args:
        path: NIfTI label map, in its own orientation.
        scan: The scan it belongs to.
        collection: Key of `Organ.aliases`.
        organs: Rows to translate; everything else becomes background.

    Returns:
        Nearest-neighbor resampled to the scan's grid.
    """
    image = Nifti1Image.from_filename(path)
    values = np.asanyarray(image.dataobj).astype(np.uint8)
    table = np.zeros(256, np.uint8)
    for organ in organs:
        alias = organ.aliases[collection]
        table[list(alias.organ)] = organ.labels[: len(alias.organ)]
        table[list(alias.tumor)] = organ.tumor_label
    grid = Grid(values.shape, image.affine)
    return LabelMap(_to_grid(table[values], grid, scan.grid), scan.grid, {})


def _to_grid(values: npt.NDArray[np.uint8], grid: Grid, target: Grid) -> npt.NDArray[np.uint8]:
    """Look up the nearest voxel of `values` for every voxel of `target`; 0 outside."""
    if grid.matches(target):
        return values
    out = np.zeros(target.shape, np.uint8)
    ij = np.stack(np.meshgrid(*map(np.arange, target.shape[:2]), indexing="ij"), axis=-1)
    for k in range(target.shape[2]):
        ijk = np.concatenate([ij, np.full((*ij.shape[:2], 1), k)], axis=-1)
        source = np.rint(grid.to_ijk(target.to_ras(ijk))).astype(int)
        inside = ((source >= 0) & (source < np.array(grid.shape))).all(axis=-1)
        out[..., k][inside] = values[tuple(source[inside].T)]
    return out
