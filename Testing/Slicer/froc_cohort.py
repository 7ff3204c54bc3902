"""A cohort of four small cases whose curve can be worked out by hand.

    case    organ     lesions (probability)   false positives
    alpha   liver     0.9, 0.4                0.6
    beta    liver     0.7                     0.3
    gamma   liver     none                    0.5, 0.2
    alpha   pancreas  0.8                     none
    delta   liver     its reference has another shape: a problem

Liver, falling: 0.9 finds 1 of 3; 0.7 finds 2; 0.6, 0.5 add a false positive each; 0.4 finds all 3;
0.3, 0.2 add false positives.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

SHAPE = (24, 20, 12)
AFFINE = np.array([[-1.2, 0, 0.9, 10], [0, -1.0, 0, -20], [0.9, 0, 1.2, 30], [0, 0, 0, 1.0]])
"""Oblique, flipped and anisotropic: 1.5 x 1 x 1.5 mm, 2.25 mm3 a voxel."""
BLOCK = (4, 4, 2)
"""Every lesion and candidate: 32 voxels, 72 mm3."""
CORNERS = {0.9: (2, 2, 2), 0.4: (10, 2, 2), 0.6: (2, 12, 2), 0.7: (5, 5, 5), 0.3: (15, 12, 8)}
CORNERS |= {0.5: (2, 2, 2), 0.2: (15, 12, 8), 0.8: (12, 8, 6)}
LIVER = {
    "alpha": ((0.9, 0.4), (0.6,)),
    "beta": ((0.7,), (0.3,)),
    "gamma": ((), (0.5, 0.2)),
    "delta": ((0.7,), ()),
}
PANCREAS = {"alpha": ((0.8,), ())}
MODEL_ID, WEIGHTS_SHA256 = "atlastumor-phantom-v0", "0" * 64


@dataclass(frozen=True)
class CohortFolders:
    predictions: Path
    references: Path


def write_cohort(folder: Path) -> CohortFolders:
    """Write predictions and references, with a CT beside each reference."""
    folders = CohortFolders(folder / "predictions", folder / "references")
    for key, file, cases in (
        ("liver", "liver_lesion", LIVER),
        ("pancreas", "pancreatic_lesion", PANCREAS),
    ):
        for name, (lesions, others) in cases.items():
            probability, mask = draw(lesions, others)
            if name == "delta":
                mask = mask[:-1]
            write(folders.predictions / name / "probabilities" / f"{key}_tumor", probability)
            write(folders.references / name / "segmentations" / file, mask)
    for name in LIVER:
        ct = np.random.default_rng(1).integers(0, 100, SHAPE).astype(np.int16)
        write(folders.references / name / "ct", ct)
        record = {"provenance": {"model_id": MODEL_ID, "weights_sha256": WEIGHTS_SHA256}}
        path = folders.predictions / name / "result.json"
        path.write_text(json.dumps(record), encoding="utf-8")
    return folders


def draw(lesions: tuple[float, ...], others: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Draw blocks of probability, (I, J, K), and the mask of those that are lesions."""
    probability, mask = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.uint8)
    for value in (*lesions, *others):
        box = block(value)
        probability[box] = value
        mask[box] = value in lesions
    return probability, mask


def block(value: float) -> tuple[slice, ...]:
    """Where the block of a probability lies."""
    return tuple(slice(c, c + n) for c, n in zip(CORNERS[value], BLOCK, strict=True))


def write(stem: Path, array: np.ndarray) -> None:
    """Write a volume as .nii.gz."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, AFFINE), f"{stem}.nii.gz")
