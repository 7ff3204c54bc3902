"""Stands in for the worker in tests: the same words, events and files, for scenes of one case.

It reads the options with the real command's own parser, so an option that the command does not know
fails here too. The sweep is the real one; only reading and reporting are short, and need neither
nibabel nor matplotlib, which Slicer lacks. `ATLASTUMOR_FAKE` chooses how it ends.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from atlastumor.batch.layouts import PROBABILITIES, SEGMENTATIONS
from atlastumor.cli import froc
from atlastumor.detection.case_sweep import SweepOptions
from atlastumor.detection.reference import find_reference_lesions
from atlastumor.detection.sweep import sweep_case
from atlastumor.detection.sweep_files import save_sweep
from atlastumor.organs import ORGANS

MODEL_ID, WEIGHTS_SHA256 = "atlastumor-phantom-v0", "0" * 64
_ENDING = ".nii.gz"


def main() -> int:
    """Read the words, then end as `ATLASTUMOR_FAKE` says."""
    parser = argparse.ArgumentParser()
    subparser = froc.add_parser(parser.add_subparsers(required=True))
    subparser.add_argument("--json-progress", action="store_true", required=True)
    options = parser.parse_args()
    mode = os.environ.get("ATLASTUMOR_FAKE", "result")
    emit(event="progress", fraction=0.1, stage="Sweeping cases", seconds_left=None)
    if mode == "hang":
        Path(os.environ["ATLASTUMOR_FAKE_PIDS"]).write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(600)
    if mode == "error":
        emit(event="error", kind="InputError", message="The fake cohort is empty.", exit_code=3)
        return 3
    folder = options.output / "sweeps"
    folder.mkdir(parents=True)
    sweeping = SweepOptions(floor=options.floor, min_volume_mm3=options.min_volume_mm3)
    problems = [
        problem
        for place in sorted(options.predictions.iterdir())
        for problem in sweep_place(place, options.references / place.name, sweeping, folder)
    ]
    write_report(options, problems)
    emit(event="result", directory=str(options.output), files=[], problems=problems)
    return 0


def emit(**event: object) -> None:
    """Say one event."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def sweep_place(
    prediction: Path, reference: Path, options: SweepOptions, folder: Path
) -> list[dict[str, str]]:
    """Sweep every organ of a case that has both sides; give its problems."""
    problems = []
    for organ in ORGANS:
        path = prediction / PROBABILITIES / f"{organ.key}_tumor{_ENDING}"
        if not path.exists():
            continue
        probability, spacing = read(path, np.float32)
        mask, _spacing = read(reference / SEGMENTATIONS / f"{organ.tumor_files[0]}{_ENDING}", bool)
        if mask.shape != probability.shape:
            message = f"{organ.key}: The prediction has other voxels than the reference."
            problems.append({"case": prediction.name, "message": message})
            continue
        lesions = find_reference_lesions(
            mask, spacing_mm=spacing, min_volume_mm3=options.min_volume_mm3
        )
        sweep = sweep_case(prediction.name, organ.key, probability, lesions, options=options)
        save_sweep(sweep, folder / f"{prediction.name}-{organ.key}.npz")
    return problems


def read(path: Path, dtype: type) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Read a volume, (I, J, K), and its spacing in mm."""
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image).T.astype(dtype), image.GetSpacing()


def write_report(options: argparse.Namespace, problems: list[dict[str, str]]) -> None:
    """Write report.json with what the panel reads of it."""
    record = {
        "data_set": options.data_set or options.references.name,
        "model_id": MODEL_ID,
        "weights_sha256": WEIGHTS_SHA256,
        "problems": problems,
    }
    (options.output / "report.json").write_text(json.dumps(record), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
