"""Phantom cohorts for the scaling study of the documentation, and the study itself.

    .venv/bin/python Testing/Benchmarks/scaling_phantoms.py FOLDER [--workers N]

Phantoms are scanned on a coarse grid and cut around the liver, so that a tiny network learns in
half a minute of one core: some to learn from, those held out, and those held out from another
scanner (other contrast phase, thicker slices, more noise). The study goes on where it was broken
off.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from atlastumor.cli import main
from atlastumor.collections import (
    Annotation,
    Collection,
    CollectionCase,
    LabelFile,
    take_fingerprint,
    write_cohort,
)
from atlastumor.components import find_box, has_label
from atlastumor.organs import Organ, find_organ
from atlastumor.phantom import HELD_OUT_SEED, Phantom, PhantomOptions, TumorOptions, make_phantom
from atlastumor.results.phantom import write_phantom
from atlastumor.scans import read_scan
from atlastumor.volume import Grid, LabelMap, Scan

ORGAN = "liver"
MARGIN_MM = 25.0
CONFIG = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Group:
    """Phantoms of one kind.

    Args:
        first: Seed of the first; the others follow.
        n: How many.
        ill: Chance of a tumor.
        phase: Contrast phase.
        slice_mm: Thickness of slices.
        noise_hu: Standard deviation of the grain.
    """

    first: int
    n: int
    ill: float
    phase: str
    slice_mm: float
    noise_hu: float


GROUPS = {
    "learn": Group(700_000, 64, 0.5, "portal", 5.0, 12.0),
    "same scanner": Group(HELD_OUT_SEED + 700_000, 32, 0.75, "portal", 5.0, 12.0),
    "other scanner": Group(HELD_OUT_SEED + 800_000, 24, 0.75, "arterial", 7.0, 25.0),
}


def cut_out(phantom: Phantom, organ: Organ) -> Phantom:
    """Keep what lies around an organ."""
    labels, grid = phantom.labels, phantom.scan.grid
    box = find_box(has_label(labels.array, (*organ.labels, organ.tumor_label)))
    assert box is not None  # every field of view shows it
    around = tuple(
        slice(max(side.start - round(MARGIN_MM / mm), 0), side.stop + round(MARGIN_MM / mm))
        for side, mm in zip(box, grid.spacing_mm, strict=True)
    )
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [side.start for side in around]
    hu = np.ascontiguousarray(phantom.scan.array[around])
    cut = Grid(hu.shape, affine)
    own = LabelMap(np.ascontiguousarray(labels.array[around]), cut, labels.names)
    told = {**phantom.description, "shape": list(cut.shape), "cut_around": organ.key}
    return replace(phantom, scan=Scan(hu, cut), labels=own, description=told)


def make_case(seed: int, group: Group, folder: Path) -> CollectionCase:
    """Make a phantom, if it is not there yet, and say what is known of it: all of one organ."""
    organ = find_organ(ORGAN)
    if not (folder / "result.json").is_file():
        tumors = TumorOptions(
            organs=(ORGAN,), per_organ_probability=group.ill, clear_probability=0.0
        )
        options = PhantomOptions(
            field_of_view="upper abdomen",
            phase=group.phase,
            slice_mm=group.slice_mm,
            in_plane_mm=4.0,
            noise_hu=group.noise_hu,
            tumors=tumors,
        )
        write_phantom(cut_out(make_phantom(seed, options=options), organ), folder)
    ours = {*organ.labels, organ.tumor_label}
    values = {label: (label,) if label in ours else () for label in range(1, 64)}
    labels = LabelFile(folder / "labels.nii.gz", values)
    scan, keys = folder / "ct.nii.gz", frozenset({ORGAN})
    fingerprint = take_fingerprint(read_scan(scan))
    return CollectionCase(folder.name, scan, (labels,), Annotation(keys, keys), fingerprint)


def make_cohorts(folder: Path) -> None:
    """Make the phantoms and the files that list them."""
    for name, group in GROUPS.items():
        if (folder / f"{name}.json").is_file():
            continue
        seeds = range(group.first, group.first + group.n)
        cases = [make_case(seed, group, folder / name / f"phantom-{seed}") for seed in seeds]
        write_cohort(folder / f"{name}.json", Collection(tuple(cases)))


def run() -> int:
    """Make what is missing, then run the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    options, more = parser.parse_known_args()
    make_cohorts(options.folder)
    config = options.folder / CONFIG.name
    config.write_text(CONFIG.read_text(encoding="utf-8"), encoding="utf-8")
    return main(["scaling", str(config), "-o", str(options.folder / "study"), *more])


if __name__ == "__main__":
    sys.exit(run())
