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
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np
from Parity.monai_bundles import BUNDLES, Bundle, prepare_bundle, run_bundle
from Parity.nnunet_families import FAMILIES, ORDER, Family, prepare
from Parity.nnunet_upstream import Upstream, load_predictor, predict, single_precision

from atlastumor.errors import AtlasTumorError
from atlastumor.inference.engine import Segmenter
from atlastumor.inference.orientation import find_orientation, orient
from atlastumor.inference.result import Segmentation
from atlastumor.models.card import ModelCard
from atlastumor.models.importing import import_model
from atlastumor.models.specs import OutputSpec
from atlastumor.organs import find_organ
from atlastumor.scans import read_scan

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ATLASTUMOR_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
# Which voxels of each scan are looked at: all of the plane, coarser, for time. Where a scan is cut
# through the body, nnU-Net's sums in half precision lose the outermost corners. The last scan is
# not axial.
SCANS = {
    "msd_liver_44": (slice(None, None, 3), slice(None, None, 3), slice(35, 75)),
    "acrin_flt_breast_001_abdpelvis": (slice(None, None, 3), slice(None, None, 3), slice(30, 60)),
    "acrin_flt_breast_013_coronal_slab": (slice(None, None, 3), slice(None, None, 3), slice(None)),
}
TRAINING = "msd_liver_44"
FEWEST_VOXELS = 100  # a label smaller than this says nothing by its Dice
LEAST_DICE = 0.999
MOST_APART = 0.01


@dataclass(frozen=True)
class Agreement:
    """How far two answers to one scan are apart.

    Args:
        dice: Least Dice of all labels.
        different: Voxels whose labels differ.
        apart: Largest difference of tumor probability at the scan's voxels, if known.
    """

    dice: float
    different: int
    apart: float | None = None

    def __str__(self) -> str:
        """As cells of a table."""
        apart = "-" if self.apart is None else f"{self.apart:.4f}"
        return f"{self.dice:.5f} | {self.different} | {apart}"


@dataclass(frozen=True)
class Row:
    """One model on one scan.

    Args:
        model: What kind.
        scan: Its name.
        n_voxels: Of the scan.
        plain: Agreement with the other program as it is.
        exact: With the windows of both added up in single precision.
        seconds: Theirs and ours.
    """

    model: str
    scan: str
    n_voxels: int
    plain: Agreement
    exact: Agreement
    seconds: tuple[float, float]

    @property
    def has_passed(self) -> bool:
        """Whether this is parity: to the voxel where there are labels alone."""
        if self.plain.apart is None:
            return self.plain.different == 0
        return self.plain.dice >= LEAST_DICE and self.plain.apart <= MOST_APART

    def __str__(self) -> str:
        """As a line of a table in Markdown."""
        theirs, ours = self.seconds
        return (
            f"| {self.model} | {self.scan} | {self.n_voxels} | {self.plain} | {self.exact} | "
            f"{theirs:.1f} | {ours:.1f} | {ours / theirs:.2f} | "
            f"{'yes' if self.has_passed else 'NO'} |"
        )


HEAD = """\
| model | scan | voxels | Dice | differ | dp | Dice, single | differ, single | dp, single \
| theirs, s | ours, s | ours / theirs | passed |
|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


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
    if not rows or not all(row.has_passed for row in rows):
        sys.exit("Not all of them agree.")


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="models whose name holds this")
    parser.add_argument("--whole", action="store_true", help="scans as they are")
    parser.add_argument("--steps", type=int, default=80, help="of training, for clear labels")
    parser.add_argument("--backend", default="torch", help="ours: auto, torch, openvino")
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
    single = replace(card, inference=replace(card.inference, sums="float32"))
    exactly = load_ours(single, options)
    predictor = load_predictor(family, model)
    values = ORDER if family.regions else [output.channel for output in card.outputs]
    for scan in scans:
        out = options.work / "theirs.nii.gz"
        segmentation, seconds = run_ours(segmenter, scan, mirror=family.mirrored)
        plain = predict(predictor, scan, out)
        with single_precision():
            exact = predict(predictor, scan, out)
        again, _ = run_ours(exactly, scan, mirror=family.mirrored)
        yield Row(
            f"nnU-Net v2: {family.name}", name_of(scan), segmentation.labels.array.size,
            agree(segmentation, plain, card, values), agree(again, exact, card, values),
            (plain.seconds, seconds),
        )  # fmt: skip


def agree(ours: Segmentation, theirs: Upstream, card: ModelCard, values: list[int]) -> Agreement:
    """Compare with nnU-Net: labels, and the probabilities of the tumor."""
    tumor = next(output for output in card.outputs if output.kind == "tumor")
    grid = ours.labels.grid
    fine = ours.probabilities[tumor.organ].to_grid(grid)
    turned = orient(fine, find_orientation(grid, card.input.orientation)).astype(np.float32)
    apart = float(np.abs(turned - theirs.probabilities[tumor.channel]).max())
    return compare(ours.labels.array, translate(theirs.labels, card, values), apart)


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
        agreement = compare(segmentation.labels.array, translate(theirs, card, values))
        yield Row(
            f"MONAI bundle: {bundle.name}", name_of(scan), segmentation.labels.array.size,
            agreement, agreement, (their_seconds, seconds),
        )  # fmt: skip


def name_of(scan: Path) -> str:
    return scan.name.removesuffix(".nii.gz")


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


def compare(ours: np.ndarray, theirs: np.ndarray, apart: float | None = None) -> Agreement:
    """Compare two label maps."""
    dices = [
        2 * np.count_nonzero((ours == label) & (theirs == label)) / total
        for label in np.unique(theirs)
        if label
        and (total := np.count_nonzero(ours == label) + np.count_nonzero(theirs == label))
        > FEWEST_VOXELS
    ]
    different = int(np.count_nonzero(ours != theirs))
    return Agreement(min(dices, default=float("nan")), different, apart)


if __name__ == "__main__":
    try:
        main()
    except AtlasTumorError as error:
        sys.exit(f"{type(error).__name__}: {error}")
