"""Tiny made-up data sets in every layout, all of one body with a tumor in each of three organs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt

from atlastumor.collections import Annotation, CollectionCase, load_case
from atlastumor.organs import label_names
from Backend.synthesis.made_case import Case, make_case

SPACING_MM = (5.0, 5.0, 6.0)
LIVER, PANCREAS, LEFT, RIGHT, COLON, ESOPHAGUS = 5, 6, 3, 4, 14, 16
LIVER_TUMOR, PANCREAS_TUMOR, KIDNEY_TUMOR, COLON_TUMOR = 27, 28, 29, 30

Labels = npt.NDArray[np.uint8]


@cache
def body(seed: int = 0) -> Case:
    return make_case(SPACING_MM, seed=seed)


def ours(*, seed: int = 0, tumors: bool = True) -> Labels:
    """Labels of the body, with a lump of tumor within the liver, the pancreas and a kidney."""
    labels = np.array(body(seed).labels.array)
    grown = {LIVER: LIVER_TUMOR, PANCREAS: PANCREAS_TUMOR, RIGHT: KIDNEY_TUMOR, COLON: COLON_TUMOR}
    for organ, tumor in grown.items():
        inside = np.argwhere(labels == organ)
        if tumors:
            labels[tuple(inside[len(inside) // 3 : len(inside) // 2].T)] = tumor
    return labels


def translate(labels: Labels, numbers: dict[int, int]) -> Labels:
    """Our labels in other numbers; those without are background."""
    table = np.zeros(256, np.uint8)
    for own, theirs in numbers.items():
        table[own] = theirs
    return table[labels]


def save(path: Path, array: npt.NDArray[np.generic], *, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, body(seed).scan.grid.affine), path)
    return path


def save_scan(path: Path, *, seed: int = 0) -> Path:
    return save(path, np.asarray(body(seed).scan.array), seed=seed)


def save_json(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def save_masks(folder: Path, labels: Labels, names: list[str]) -> None:
    """A mask of each name, all zero where the labels have nothing of it; organs with tumors."""
    numbers = {name: value for value, name in label_names().items()}
    for name in names:
        save(folder / f"{name}.nii.gz", (labels == numbers.get(name, 0)).astype(np.uint8))


def loaded(case: CollectionCase) -> Labels:
    return load_case(case)[1].array


def keep(*labels: int, tumors: bool = True) -> np.ndarray:
    """Our labels of the body, but only these."""
    return np.where(np.isin(ours(tumors=tumors), labels), ours(tumors=tumors), 0)


def annotation(organs: str = "", tumors: str = "") -> Annotation:
    return Annotation(frozenset(organs.split()), frozenset(tumors.split()))


MSD_PANCREAS = {
    "name": "Pancreas",
    "modality": {"0": "CT"},
    "labels": {"0": "background", "1": "pancreas", "2": "cancer"},
    "numTraining": 2,
    "training": [],
}
NNUNET_KITS = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "kidney": [1, 2, 3], "masses": [2, 3], "tumor": 2, "ignore": 4},
    "regions_class_order": [1, 3, 2],
    "numTraining": 1,
    "file_ending": ".nii.gz",
}
FLARE = {LIVER: 1, RIGHT: 2, PANCREAS: 4, ESOPHAGUS: 10, LEFT: 13}
AMOS = {RIGHT: 2, LEFT: 3, ESOPHAGUS: 5, LIVER: 6, PANCREAS: 10}


def write_msd(root: Path, *, task: str = "Task07_Pancreas", seed: int = 0) -> Path:
    folder = root / task
    save_json(folder / "dataset.json", MSD_PANCREAS)
    for name in ("pancreas_001", "pancreas_004"):
        save_scan(folder / "imagesTr" / f"{name}.nii.gz", seed=seed)
        theirs = translate(ours(seed=seed), {PANCREAS: 1, PANCREAS_TUMOR: 2})
        save(folder / "labelsTr" / f"{name}.nii.gz", theirs)
        (folder / "labelsTr" / f"._{name}.nii.gz").write_bytes(b"\0Mac OS X")
    return folder


def write_nnunet(root: Path) -> Path:
    folder = root / "Dataset220_KiTS2023"
    save_json(folder / "dataset.json", NNUNET_KITS)
    save_scan(folder / "imagesTr/case_0001_0000.nii.gz")
    theirs = translate(ours(), {LEFT: 1, RIGHT: 1, KIDNEY_TUMOR: 3})
    theirs[0, 0, 0] = 4
    save(folder / "labelsTr/case_0001.nii.gz", theirs)
    return folder


def write_kits(root: Path, *, seed: int = 0) -> Path:
    for name, label in (("case_00000", "segmentation"), ("case_00001", "aggregated_MAJ_seg")):
        save_scan(root / name / "imaging.nii.gz", seed=seed)
        theirs = translate(ours(seed=seed), {LEFT: 1, RIGHT: 1, KIDNEY_TUMOR: 2})
        theirs[theirs == 2] = 2 + (np.arange((theirs == 2).sum()) % 2)  # tumor and cyst
        save(root / name / f"{label}.nii.gz", theirs)
    return root


def write_lits(root: Path) -> Path:
    theirs = translate(ours(), {LIVER: 1, LIVER_TUMOR: 2})
    for batch, number in (("Training Batch 1", 3), ("Training Batch 2", 28)):
        save_scan(root / batch / f"volume-{number}.nii")
        save(root / batch / f"segmentation-{number}.nii", theirs.astype(np.float32))
    return root


def write_flare(root: Path, year: str) -> Path:
    images, labels, name = {
        "flare21": ("TrainingImg", "TrainingMask", "train_000"),
        "flare22": ("images", "labels", "FLARE22_Tr_0001"),
        "flare23": ("imagesTr2200", "labelsTr2200", "FLARE23_0001"),
    }[year]
    numbers = {
        "flare21": {LIVER: 1, LEFT: 2, RIGHT: 2, PANCREAS: 4},
        "flare22": FLARE,
        "flare23": {LIVER: 1, LIVER_TUMOR: 14, KIDNEY_TUMOR: 14},
    }[year]
    save_scan(root / images / f"{name}_0000.nii.gz")
    save(root / labels / f"{name}.nii.gz", translate(ours(tumors=year == "flare23"), numbers))
    return root


def write_amos(root: Path) -> Path:
    save_json(root / "dataset.json", {"modality": {"0": "CT"}, "labels": {"6": "liver"}})
    for part, name in (("Tr", "amos_0001"), ("Va", "amos_0008"), ("Tr", "amos_0507")):
        theirs = translate(ours(tumors=False), AMOS)
        theirs[0, 0, 0] = 15
        save_scan(root / f"images{part}" / f"{name}.nii.gz")
        save(root / f"labels{part}" / f"{name}.nii.gz", theirs)
    return root


def write_uls(root: Path) -> Path:
    sources = {
        "processed_data/fully_annotated/kits21": "kidney21_case_00000_lesion_01_sample_0",
        "processed_data/fully_annotated/LIDC-IDRI": "lidcidri_100_lesion_01_sample_0",
        "novel_data/ULS23_Radboudumc_Pancreas": "diag_pancreas_0004_lesion_01",
    }
    for source, name in sources.items():
        tumor = KIDNEY_TUMOR if "kits" in source else PANCREAS_TUMOR
        save_scan(root / source / "images" / f"{name}.nii.gz")
        save(root / source / "labels" / f"{name}.nii.gz", (ours() == tumor).astype(np.uint8))
    save_scan(root / "processed_data/partially_annotated/DeepLesion/images/one.nii.gz")
    return root


ATLAS_ONE = ["liver", "kidney_left", "kidney_right", "pancreas", "spleen", "aorta"]
ATLAS_TWO = [*ATLAS_ONE, "colon", "liver_lesion", "kidney_lesion", "pancreatic_lesion"]


def write_atlas(root: Path, names: list[str], *, case: str = "BDMAP_00000001") -> Path:
    """As AbdomenAtlas 1.x."""
    save_scan(root / case / "ct.nii.gz")
    save_masks(root / case / "segmentations", ours(), names)
    save(root / case / "combined_labels.nii.gz", np.full(ours().shape, 9, np.uint8))
    return root


def write_split_atlas(root: Path, scans: str, labels: str, case: str) -> Path:
    """As AbdomenAtlas 2.0 and PanTS."""
    save_scan(root / scans / case / "ct.nii.gz")
    save_masks(root / labels / case / "segmentations", ours(tumors=False), ATLAS_TWO)
    return root
