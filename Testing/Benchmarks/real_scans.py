"""Real scans with their organs, and the methods that need nothing further, for benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlastumor.components import has_label
from atlastumor.errors import AtlasTumorError
from atlastumor.evaluation.scans import list_references, read_reference
from atlastumor.inference.engine import Segmenter
from atlastumor.models.card import DEFAULT_MODEL
from atlastumor.organs import ORGANS, Organ
from atlastumor.scans import read_scan
from atlastumor.synthesis.base import AbstractMethod
from atlastumor.synthesis.methods import METHODS, find_method
from atlastumor.volume import LabelMap, Scan

SHAPES = {"cellular": "automaton"}
SCANS = (
    "ts_example_ct_3mm",
    "msd_liver_44",
    "acrin_flt_breast_001_abdpelvis",
    "ts_ct_upperabd_20sl",
    "cmb_crc_01068_chest",
)
OUTLINED = "totalsegmentator"
"""The collection whose references outline every organ."""


@dataclass(frozen=True)
class RealScan:
    """A scan, its organs, and who outlined them."""

    name: str
    scan: Scan
    labels: LabelMap
    origin: str


def read_scans(folder: Path) -> Iterator[RealScan]:
    """Read the scans of the shared folder that show organs, and read or find these."""
    segmenter = None
    outlined = {one.name: one for one in list_references(folder) if one.collection == OUTLINED}
    for name in SCANS:
        scan = read_scan(folder / f"{name}.nii.gz")
        if name in outlined:
            one = outlined[name]
            labels = read_reference(one.labels, scan, one.collection, one.organs)
            yield RealScan(name, scan, labels, "TotalSegmentator's outline")
            continue
        segmenter = segmenter or Segmenter(DEFAULT_MODEL)
        found = segmenter.segment(scan).labels
        array = found.array.copy()
        for organ in ORGANS:  # what the model takes for a tumor is left out: nobody confirmed it
            array[array == organ.tumor_label] = 0
        labels = LabelMap(array, scan.grid, found.names)
        yield RealScan(name, scan, labels, "the embedded model's outline")


def list_methods(chosen: Sequence[str] | None = None) -> list[tuple[AbstractMethod, str]]:
    """Methods that paint with what comes with this software, ready-made, and their shapes."""
    methods = []
    for name in chosen or METHODS:
        try:
            method = find_method(name)
        except AtlasTumorError:
            continue
        if not method.needs_weights:
            methods.append((method, SHAPES.get(name, "ellipsoid")))
    return methods


def measure_organ_ml(labels: LabelMap, organ: Organ) -> float:
    """How much of an organ is in view."""
    count = np.count_nonzero(has_label(labels.array, organ.labels))
    return float(count) * labels.grid.voxel_ml
