"""A small scan with two organs and three tumors, and what an engine would say of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from atlastumor.lesions import Lesion, measure_lesions
from atlastumor.organs import KEYS, ORGANS, find_organ, label_names
from atlastumor.provenance import Provenance
from atlastumor.volume import Grid, LabelMap, Scan, Source

SHAPE = (24, 20, 10)
# Spacing 2 x 1.5 x 4 mm, axes running left, posterior and superior, a little oblique about S.
AFFINE = np.array(
    [
        [-1.9696, 0.2605, 0.0, 30.125],
        [-0.3473, -1.4772, 0.0, 12.5],
        [0.0, 0.0, 4.0, -100.0],
        [0.0, 0.0, 0.0, 1.0],
    ],
    np.float32,
).astype(np.float64)


@dataclass(frozen=True)
class FakeFinding:
    organ: str
    coverage: str
    organ_ml: float
    n_lesions: int
    tumor_ml: float
    highest_score: float
    threshold: float | None
    message: str


@dataclass(frozen=True, eq=False)
class FakeProbability:
    """A ramp along k."""

    step: float = 0.1

    def slabs(self, grid: Grid) -> Iterator[tuple[int, int, np.ndarray]]:
        i, j, n = grid.shape
        for k in range(0, n, 4):
            stop = min(k + 4, n)
            ramp = np.arange(k, stop, dtype=np.float16) * np.float16(self.step)
            yield k, stop, np.broadcast_to(np.minimum(ramp, 1), (i, j, stop - k))


@dataclass(frozen=True, eq=False)
class FakeSegmentation:
    labels: LabelMap
    lesions: tuple[Lesion, ...]
    findings: tuple[FakeFinding, ...]
    provenance: Provenance
    probabilities: Mapping[str, FakeProbability] = field(default_factory=dict)
    disagreement: Mapping[str, FakeProbability] = field(default_factory=dict)


def make_scan(source: Source | None = None, grid: Grid | None = None) -> Scan:
    grid = grid or Grid(SHAPE, AFFINE)
    rng = np.random.default_rng(1)
    array = rng.integers(-50, 150, grid.shape).astype(np.int16)
    array[:2] = array[-2:] = -1000
    return Scan(array, grid, source or Source("nifti", "ab" * 32))


def make_labels(grid: Grid) -> LabelMap:
    """A liver with two tumors and both kidneys, the left with one tumor."""
    liver, kidney = find_organ("liver"), find_organ("kidney")
    left, right = kidney.sides
    array = np.zeros(grid.shape, np.uint8)
    array[3:14, 3:16, 2:8] = liver.label
    array[5:8, 5:9, 3:6] = liver.tumor_label
    array[10:12, 10:12, 4] = liver.tumor_label
    array[15:18, 4:9, 1:5] = right.label
    array[15:18, 12:17, 1:5] = left.label
    array[16, 13:15, 2] = kidney.tumor_label
    return LabelMap(array, grid, label_names())


def make_specks(grid: Grid) -> LabelMap:
    """A liver with one larger tumor and 240 specks, and a kidney with one speck."""
    liver, kidney = find_organ("liver"), find_organ("kidney")
    array = np.zeros(grid.shape, np.uint8)
    array[:, :, 1:9] = liver.label
    array[1:21:2, 1:19:2, 1:9:2] = liver.tumor_label
    array[1:21:2, 13:19:2, 1:9:2] = liver.label
    array[1:21:2, 13:16, 1:9] = liver.label
    array[10:14, 14:18, 3:6] = liver.tumor_label
    array[22:, :4, 1:4] = kidney.sides[0].label
    array[22, 2, 2] = kidney.tumor_label
    return LabelMap(array, grid, label_names())


def make_provenance(grid: Grid, **changes: object) -> Provenance:
    record = Provenance(
        model_id="some-model",
        model_version="1.0",
        weights_sha256="cd" * 32,
        device="CPU, 2 cores",
        backend="torch",
        precision="fp32",
        thresholds={"liver": 0.5},
        organs=KEYS,
        input_kind="nifti",
        input_sha256="ab" * 32,
        grid_shape=grid.shape,
        spacing_mm=grid.spacing_mm,
        stage_seconds={"Finding tumors": 3.25},
        notes=("The scan says <b>bold</b> & more.",),
        peak_host_bytes=10**9,
        created="2026-01-02T03:04:05+00:00",
    )
    return replace(record, **changes)


def make_segmentation(scan: Scan, labels: LabelMap | None = None) -> FakeSegmentation:
    labels = labels or make_labels(scan.grid)
    scores = itertools.chain((0.91, 0.62, 0.55), itertools.repeat(0.5))
    lesions = measure_lesions(labels, organs=ORGANS, score_of=lambda *_: next(scores)).lesions
    findings = []
    for organ in ORGANS:
        own = [lesion for lesion in lesions if lesion.organ == organ.key]
        seen = bool(np.isin(labels.array, organ.labels).any())
        findings.append(
            FakeFinding(
                organ=organ.key,
                coverage="partial" if seen else "none",
                organ_ml=10.0 if seen else 0.0,
                n_lesions=len(own),
                tumor_ml=sum(lesion.volume_ml for lesion in own),
                highest_score=0.91 if seen else float("nan"),
                threshold=0.5,
                message=f"{len(own)} found." if seen else "Not in view.",
            )
        )
    return FakeSegmentation(labels, lesions, tuple(findings), make_provenance(scan.grid))
