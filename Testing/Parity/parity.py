"""`make parity`: models of other programs, imported, beside those programs on the same scans.

Models are made by the other program's own classes (nnunetv2, monai.bundle), run by its own
predictor, imported by `import_model` and run by `Segmenter`, all on the CPU in fp32.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from Parity.monai_bundles import BUNDLES, Bundle, prepare_bundle, run_bundle
from Parity.nnunet_families import FAMILIES, ORDER, Family, prepare
from Parity.nnunet_upstream import load_predictor, predict

from atlastumor.errors import AtlasTumorError
from atlastumor.inference.engine import Segmenter
from atlastumor.inference.orientation import find_orientation, orient
from atlastumor.inference.probability import ProbabilityMap
from atlastumor.inference.result import Segmentation
from atlastumor.models.card import ModelCard
from atlastumor.models.importing import import_model
from atlastumor.models.specs import OutputSpec
from atlastumor.organs import find_organ
from atlastumor.scans import read_scan
from atlastumor.volume import Grid

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ATLASTUMOR_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
# Scans and the box of each that is looked at; the last is not axial.
SCANS = {
    "msd_liver_44": (slice(128, 384), slice(128, 384), slice(30, 90)),
    "acrin_flt_breast_001_abdpelvis": (slice(100, 300), slice(60, 260), slice(40, 80)),
    "acrin_flt_breast_013_coronal_slab": (slice(170, 330), slice(150, 310), slice(0, 40)),
}
TRAINING = "msd_liver_44"
FEWEST_VOXELS = 100  # a label smaller than this says nothing by its Dice
LEAST_DICE = 0.999
MOST_APART = 0.01


@dataclass(frozen=True)
class Row:
    """One model on one scan."""

    model: str
    scan: str
    dice: float
    different: int
    voxels: int
    apart: float
    fine_apart: float
    theirs_s: float
    ours_s: float
    passed: bool

    def __str__(self) -> str:
        """As a line of a table in Markdown."""
        apart = [f"{a:.4f}" if np.isfinite(a) else "-" for a in (self.apart, self.fine_apart)]
        return (
            f"| {self.model} | {self.scan} | {self.dice:.5f} | {self.different} of {self.voxels} | "
            f"{apart[0]} | {apart[1]} | {self.theirs_s:.1f} | {self.ours_s:.1f} | "
            f"{self.ours_s / self.theirs_s:.2f} | {'yes' if self.passed else 'NO'} |"
        )


HEAD = """\
| model | scan | least Dice | voxels that differ | max dp, network's grid | max dp, scan's grid \
| theirs, s | ours, s | ratio | passed |
|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    options = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="  %(message)s")
    warnings.simplefilter("ignore")  # those of the other programs
    scans = [cut(name, options.work, whole=options.whole) for name in SCANS]
    rows = []
    for row in measure_all(scans, options):
        rows.append(row)
        say(row)
    say("\n".join(["", HEAD, *map(str, rows)]))
    if not rows or not all(row.passed for row in rows):
        sys.exit("Not all of them agree.")


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="models whose name holds this")
    parser.add_argument("--whole", action="store_true", help="whole scans instead of parts")
    parser.add_argument("--steps", type=int, default=150, help="of training, for clear labels")
    parser.add_argument("--backend", default="auto", help="ours: auto, torch, openvino")
    parser.add_argument("--work", type=Path, default=REPOSITORY / "build" / "parity")
    options = parser.parse_args()
    missing = [name for name in SCANS if not (DATA / f"{name}.nii.gz").is_file()]
    if missing:
        parser.error(f"{DATA} lacks {', '.join(missing)}; name a folder in ATLASTUMOR_TEST_DATA")
    options.work = options.work.resolve()
    return options


def cut(name: str, work: Path, *, whole: bool) -> Path:
    """Write the part of a scan that is looked at."""
    if whole:
        return DATA / f"{name}.nii.gz"
    target = work / "scans" / f"{name}.nii.gz"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.load(DATA / f"{name}.nii.gz").slicer[SCANS[name]], target)
    return target


def measure_all(scans: list[Path], options: argparse.Namespace) -> Iterator[Row]:
    """Every model on every scan."""
    training = next(scan for scan in scans if scan.name.startswith(TRAINING))
    for family in FAMILIES:
        if options.only in family.name:
            yield from measure_nnunet(family, training, scans, options)
    for bundle in BUNDLES:
        if options.only in bundle.name:
            yield from measure_bundle(bundle, training, scans, options)


def measure_nnunet(
    family: Family, training: Path, scans: list[Path], options: argparse.Namespace
) -> Iterator[Row]:
    """An nnU-Net on every scan."""
    model = prepare(family, training, options.work / "nnunet", steps=options.steps)
    card = bring_in(model, family.folder, options)
    segmenter = load_ours(card, options)
    predictor = load_predictor(family, model)
    values = ORDER if family.regions else [output.channel for output in card.outputs]
    for scan in scans:
        theirs = predict(predictor, scan, options.work / "theirs.nii.gz")
        segmentation, seconds = run_ours(segmenter, scan, mirror=family.mirrored)
        translated = translate(theirs.labels, card, values)
        tumor = next(output for output in card.outputs if output.kind == "tumor")
        map_ = segmentation.probabilities[tumor.organ]
        coarse = difference(map_.array, theirs.coarse[tumor.channel])
        fine = on_scan(map_, segmentation.labels.grid, card)
        yield make_row(
            f"nnU-Net v2: {family.name}", scan, segmentation.labels.array, translated,
            (coarse, difference(fine, theirs.fine[tumor.channel])), (theirs.seconds, seconds),
        )  # fmt: skip


def measure_bundle(
    bundle: Bundle, training: Path, scans: list[Path], options: argparse.Namespace
) -> Iterator[Row]:
    """A MONAI bundle on every scan."""
    root = prepare_bundle(bundle, training, options.work / "bundles", steps=options.steps)
    card = bring_in(root, bundle.folder, options)
    segmenter = load_ours(card, options)
    values = [output.channel for output in card.outputs]
    for scan in scans:
        theirs, their_seconds = run_bundle(root, scan, options.work / "runs" / scan.name)
        segmentation, seconds = run_ours(segmenter, scan, mirror=False)
        translated = translate(theirs, card, values)
        yield make_row(
            f"MONAI bundle: {bundle.name}", scan, segmentation.labels.array, translated,
            (np.nan, np.nan), (their_seconds, seconds),
        )  # fmt: skip


def bring_in(model: Path, name: str, options: argparse.Namespace) -> ModelCard:
    """Import a model, again every time."""
    folder = options.work / "imported" / f"{name}-{time.time_ns()}"
    return import_model(model, folder, id=f"parity-{name.lower()}")


def load_ours(card: ModelCard, options: argparse.Namespace) -> Segmenter:
    return Segmenter(card, device="cpu", backend=options.backend, precision="fp32")


def run_ours(segmenter: Segmenter, scan: Path, *, mirror: bool) -> tuple[Segmentation, float]:
    """Read and segment; the segmentation and seconds."""
    started = time.perf_counter()
    segmentation = segmenter.segment(read_scan(scan), mirror=mirror, probabilities=True)
    return segmentation, time.perf_counter() - started


def translate(labels: np.ndarray, card: ModelCard, values: list[int]) -> np.ndarray:
    """Another program's label map in our numbers; `values` are its own, by channel."""
    table = np.zeros(256, np.uint8)
    for output, value in zip(card.outputs, values, strict=True):
        table[value] = label_of(output)
    return table[labels.astype(np.uint8)]


def label_of(output: OutputSpec) -> int:
    if output.organ is None:
        return 0
    organ = find_organ(output.organ)
    return organ.tumor_label if output.kind == "tumor" else organ.label


def on_scan(map_: ProbabilityMap, grid: Grid, card: ModelCard) -> np.ndarray:
    """Our probabilities on the scan's grid, its axes as the other program has them."""
    return orient(map_.to_grid(grid), find_orientation(grid, card.input.orientation))


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest one; not a number if they are not of one shape."""
    if ours.shape != theirs.shape:
        return float("nan")
    return float(np.abs(ours.astype(np.float32) - theirs).max())


def make_row(
    model: str,
    scan: Path,
    ours: np.ndarray,
    theirs: np.ndarray,
    apart: tuple[float, float],
    seconds: tuple[float, float],
) -> Row:
    """Compare two label maps."""
    dices = [
        2 * np.count_nonzero((ours == label) & (theirs == label)) / total
        for label in np.unique(theirs)
        if label
        and (total := np.count_nonzero(ours == label) + np.count_nonzero(theirs == label))
        > FEWEST_VOXELS
    ]
    different = int(np.count_nonzero(ours != theirs))
    dice = min(dices, default=float("nan"))
    is_bundle = model.startswith("MONAI")
    passed = different == 0 if is_bundle else dice >= LEAST_DICE and apart[0] <= MOST_APART
    name = scan.name.removesuffix(".nii.gz")
    return Row(model, name, dice, different, ours.size, *apart, *seconds, passed)


if __name__ == "__main__":
    try:
        main()
    except AtlasTumorError as error:
        sys.exit(f"{type(error).__name__}: {error}")
