"""Make three small data sets of phantoms, laid out as public ones are.

One scan is in two of them: in the second it is mirrored and stored as float. Another is damaged.

Run: python 09_make_data_sets.py data
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nibabel
import numpy as np

from atlastumor.organs import find_organ
from atlastumor.phantom import PhantomOptions, make_phantom

COARSE = PhantomOptions(in_plane_mm=4.0, slice_mm=6.0)
LIVER, KIDNEY = find_organ("liver"), find_organ("kidney")


def save(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    """Write a volume, in whatever folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, affine), path)


def translate(labels: np.ndarray, numbers: dict[int, int]) -> np.ndarray:
    """Give labels other numbers; those without one become background."""
    table = np.zeros(256, np.uint8)
    table[list(numbers)] = list(numbers.values())
    return table[labels]


def main(folder: Path) -> None:
    """Make all three."""
    phantoms = {seed: make_phantom(seed, options=COARSE) for seed in (1, 2, 3, 4)}

    decathlon = folder / "Task03_Liver"
    for seed in (1, 2):
        scan, labels = phantoms[seed].scan, phantoms[seed].labels.array
        liver = translate(labels, {LIVER.label: 1, LIVER.tumor_label: 2})
        save(decathlon / f"imagesTr/liver_{seed}.nii.gz", scan.array, scan.grid.affine)
        save(decathlon / f"labelsTr/liver_{seed}.nii.gz", liver, scan.grid.affine)
    names = {"0": "background", "1": "liver", "2": "cancer"}
    document = {"name": "Liver", "modality": {"0": "CT"}, "labels": names}
    (decathlon / "dataset.json").write_text(json.dumps(document), encoding="utf-8")

    for number, seed in enumerate((2, 3)):
        case = folder / "kits" / f"case_{number:05d}"
        scan, labels = phantoms[seed].scan, phantoms[seed].labels.array
        both = dict.fromkeys(KIDNEY.labels, 1) | {KIDNEY.tumor_label: 2}
        turned = scan.grid.affine @ np.diag([-1.0, 1.0, 1.0, 1.0])
        turned[:3, 3] = scan.grid.to_ras((scan.grid.shape[0] - 1, 0, 0))
        save(case / "imaging.nii.gz", scan.array[::-1].astype(np.float32), turned)
        save(case / "segmentation.nii.gz", translate(labels, both)[::-1], turned)
    damaged = folder / "kits/case_00001/imaging.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:10000])

    scan, labels = phantoms[4].scan, phantoms[4].labels.array
    liver = translate(labels, {label: label for label in (*LIVER.labels, LIVER.tumor_label)})
    save(folder / "mine/anna.nii.gz", scan.array, scan.grid.affine)
    save(folder / "mine/anna_labels.nii.gz", liver, scan.grid.affine)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
