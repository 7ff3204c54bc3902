"""Stands in for the worker in tests: the same words, events and files, without a network.

It reads the options with the real command's own parser, so an option that the command does not know
fails here too, and it refuses a results folder that exists. Instead of looking at the scan it puts
blocks where organs and tumors shall be. `ATLASTUMOR_FAKE` in the environment chooses how it ends.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from atlastumor.cli import segment
from atlastumor.detection.operating_point import load_operating_points
from atlastumor.lesions import Lesion, measure_lesions
from atlastumor.organs import ORGANS, label_names, select_organs
from atlastumor.volume import Grid, LabelMap

SCORE = 0.75
_COLUMNS = ("organ", "lesion", "volume_ml", "diameter_mm", "score", "r", "a", "s", "side")
_N_LESIONS = (2, 1, 1)
"""Lesions of the first, second and third organ asked for; the others are not in view."""


def main() -> int:
    """Read the words, then end as `ATLASTUMOR_FAKE` says."""
    if sys.argv[1] == "batch":
        import FakeBatch  # noqa: PLC0415 - it imports this file

        return FakeBatch.main(sys.argv[2:])
    parser = argparse.ArgumentParser()
    subparser = segment.add_parser(parser.add_subparsers(required=True))
    subparser.add_argument("--json-progress", action="store_true", required=True)
    options = parser.parse_args()
    mode = os.environ.get("ATLASTUMOR_FAKE", "result")
    emit(event="progress", fraction=0.1, stage="Finding tumors", seconds_left=None)
    if mode == "hang":
        hang()
    if mode == "crash":
        sys.stderr.write("Segmentation fault in the fake worker\n")
        return 139
    if mode == "silent":
        return 0
    if mode == "error":
        emit(event="error", kind="InputError", message="The fake scan is too thin.", exit_code=3)
        return 3
    sys.stdout.write("a library says hello\n")
    emit(event="progress", fraction=0.9, stage="Finding tumors", seconds_left=1.5)
    directory = options.output
    directory.mkdir()
    write_results(options, directory, mode)
    files = [str(path) for path in sorted(directory.iterdir())]
    emit(event="result", directory=str(directory), files=files)
    return 0


def emit(**event: object) -> None:
    """Say one event."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def hang() -> None:
    """Start a child of its own, tell both numbers, and never end."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    numbers = f"{os.getpid()} {child.pid}"
    Path(os.environ["ATLASTUMOR_FAKE_PIDS"]).write_text(numbers, encoding="utf-8")
    time.sleep(600)


def write_results(options: argparse.Namespace, directory: Path, mode: str) -> tuple[Lesion, ...]:
    """Write labels, table and record for the scan; gives the lesions."""
    image = sitk.ReadImage(str(options.input))
    organs = select_organs(options.organs)
    labels = draw(image.GetSize(), organs if mode != "empty" else ())
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    grid = Grid(labels.shape, np.diag([-1, -1, 1, 1]) @ affine)
    label_map = LabelMap(labels, grid, label_names())
    lesions = measure_lesions(label_map, organs=organs, score_of=lambda *_: SCORE).lesions
    output = sitk.GetImageFromArray(np.ascontiguousarray(labels.T))
    output.CopyInformation(image)
    if mode == "moved":
        output.SetOrigin([x + 5.0 for x in image.GetOrigin()])
    sitk.WriteImage(output, str(directory / "labels.nii.gz"))
    write_table(lesions, directory / "lesions.csv")
    write_record(options, lesions, directory / "result.json")
    return lesions


def draw(shape: tuple[int, int, int], organs: tuple) -> np.ndarray:
    """Draw organs as slabs across i, each with bars of tumor along k, (I, J, K) uint8."""
    labels = np.zeros(shape, np.uint8)
    width = shape[0] // len(_N_LESIONS)
    for number, (organ, n_lesions) in enumerate(zip(organs, _N_LESIONS, strict=False)):
        slab = labels[number * width : (number + 1) * width]
        slab[1:-1, 1:-1, 1:-1] = organ.label
        for lesion in range(n_lesions):
            j = 2 + 4 * lesion
            slab[2, j : j + 2, 2 : 5 - lesion] = organ.tumor_label
    return labels


def write_table(lesions: tuple[Lesion, ...], path: Path) -> None:
    """Write lesions.csv."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for lesion in lesions:
            measures = (lesion.volume_ml, lesion.diameter_mm, lesion.score, *lesion.point_ras)
            writer.writerow((lesion.organ, lesion.index, *measures, lesion.side or ""))


def write_record(options: argparse.Namespace, lesions: tuple[Lesion, ...], path: Path) -> None:
    """Write result.json."""
    findings = []
    points = load_operating_points(options.operating_point) if options.operating_point else ()
    thresholds = {point.organ: point.threshold for point in points} | dict(options.threshold)
    for organ in select_organs(options.organs):
        n_lesions = sum(lesion.organ == organ.key for lesion in lesions)
        threshold = thresholds.get(organ.key, 0.5)
        message = (
            f"{n_lesions} found."
            if n_lesions
            else f"No tumor above threshold {threshold:.2f} (highest score 0.12)."
        )
        findings.append({"organ": organ.key, "message": message})
    provenance = {
        "software": "AtlasTumor",
        "version": "0",
        "model_id": options.model,
        "model_version": "0",
        "organs": [organ.key for organ in ORGANS],
    }
    record = {"findings": findings, "provenance": provenance}
    path.write_text(json.dumps(record), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
