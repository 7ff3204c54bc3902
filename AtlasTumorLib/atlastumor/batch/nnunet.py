"""A raw data set as nnU-Net v2 reads it.

    DatasetNNN_Name/
        dataset.json               channel_names, labels, numTraining, file_ending
        imagesTr/CASE_0000.nii.gz  the scan: channel 0, named CT, by which nnU-Net scales it
        labelsTr/CASE.nii.gz       0 for background, then consecutive classes

Source:
    nnU-Net v2, documentation/dataset_format.md and its check of a data set's integrity.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..organs import Organ, label_names
from ..results.nifti import write_labels
from ..volume import LabelMap
from .volumes import read_labels

__all__ = [
    "add_case",
    "list_classes",
    "list_images",
    "name_dataset",
    "remove_case",
    "write_dataset",
]

_ENDING = ".nii.gz"
_CHANNEL = "_0000"
_HIGHEST_ID = 999
_IMAGES, _LABELS = "imagesTr", "labelsTr"


def name_dataset(number: int) -> str:
    """Name the data set's folder.

    Args:
        number: Its id, 1 to 999; 1 to 10 are the Medical Segmentation Decathlon's.

    Returns:
        Such as "Dataset900_AtlasTumorSynthetic".

    Raises:
        InputError: If that is no id.
    """
    if not 1 <= number <= _HIGHEST_ID:
        msg = f"The data set's id is {number}; nnU-Net takes 1 to {_HIGHEST_ID}."
        raise InputError(msg)
    return f"Dataset{number:03d}_AtlasTumorSynthetic"


def list_classes(organs: Iterable[Organ]) -> dict[str, int]:
    """Number the classes as nnU-Net wants them: consecutive, from background on.

    Args:
        organs: Rows of the organs that count; all else is background.

    Returns:
        Numbers by AbdomenAtlas mask name, organs before tumors.
    """
    return {"background": 0} | {
        name: n for n, name in enumerate(label_names(organs).values(), start=1)
    }


def add_case(
    folder: Path,
    name: str,
    *,
    scan: Path,
    labels: Path,
    organs: Iterable[Organ],
    record: dict[str, Any],
) -> None:
    """Add a case unless it is there; the label map comes first, so that no image is without.

    Args:
        folder: Of the data set; made if need be.
        name: Of the case.
        scan: The CT, `.nii.gz`; the image is the same file on disk where the disk can do that.
        labels: Its label map in AbdomenAtlas 2.0 numbers.
        organs: As for `list_classes`.
        record: Provenance, put into the label map's header.

    Raises:
        OSError: If it cannot be written.
    """
    image, target = _find_places(folder, name)
    for path in (image, target):
        path.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_file():
        array, grid = read_labels(labels)
        numbers = label_names(organs)
        table = np.zeros(256, np.uint8)
        table[list(numbers)] = np.arange(1, len(numbers) + 1)
        names = dict(enumerate(numbers.values(), start=1))
        part = target.with_name(f".{name}.part")
        write_labels(part, LabelMap(table[array], grid, names), record=record)
        part.replace(target)
    if not image.is_file():
        part = image.with_name(f".{name}.part")
        part.unlink(missing_ok=True)
        try:
            os.link(scan, part)
        except OSError:  # another file system, or one without links
            shutil.copyfile(scan, part)
        part.replace(image)


def remove_case(folder: Path, name: str) -> None:
    """Take a case away, if it is there; the image goes first, so that none is without labels.

    Args:
        folder: Of the data set.
        name: Of the case.

    Raises:
        OSError: If it cannot be removed.
    """
    for path in _find_places(folder, name):
        path.unlink(missing_ok=True)


def _find_places(folder: Path, name: str) -> tuple[Path, Path]:
    """Where the image of a case lies, and its label map."""
    image = folder / _IMAGES / f"{name}{_CHANNEL}{_ENDING}"
    return image, folder / _LABELS / f"{name}{_ENDING}"


def list_images(folder: Path) -> list[str]:
    """List the cases that are there.

    Args:
        folder: Of the data set; need not exist.

    Returns:
        Names of those that have an image, sorted.
    """
    ending = f"{_CHANNEL}{_ENDING}"
    return sorted(p.name.removesuffix(ending) for p in (folder / _IMAGES).glob(f"[!.]*{ending}"))


def write_dataset(folder: Path, organs: Iterable[Organ]) -> Path:
    """Write `dataset.json` for the cases that are there.

    Args:
        folder: Of the data set.
        organs: As for `list_classes`.

    Returns:
        The file.

    Raises:
        OSError: If it cannot be written.
    """
    content = {
        "name": folder.name.partition("_")[2],
        "description": "SYNTHETIC tumors in CT, made by AtlasTumor. Not for clinical use.",
        "channel_names": {"0": "CT"},
        "labels": list_classes(organs),
        "numTraining": len(list_images(folder)),
        "file_ending": _ENDING,
    }
    path, part = folder / "dataset.json", folder / ".dataset.part"
    part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
    return path
