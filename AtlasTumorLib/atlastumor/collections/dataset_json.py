"""Data sets that say in a `dataset.json` what they hold: the Decathlon (MSD) and nnU-Net raw.

    TaskNN_Name/  or  DatasetNNN_Name/
        dataset.json               labels; modality or channel_names; nnU-Net: file_ending, dataset
        imagesTr/CASE.nii.gz       of nnU-Net CASE_0000.nii.gz
        labelsTr/CASE.nii.gz

Names of labels decide, and a class that the file names is annotated in every case.

Source:
    Antonelli et al., Nature Communications 2022 (MSD); nnU-Net v2, documentation/dataset_format.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..scans.input_files import name_of
from .cases import Collection
from .documents import read_document
from .numbers import Numbering, number_by_name
from .pairs import CHANNEL, list_files, pair_files

__all__ = ["is_msd", "is_nnunet", "read_dataset_json"]

_FILE = "dataset.json"
_CHANNELS = "channel_names"
_HIGHEST = 255
_READ_ENDINGS = (".nii.gz", ".nii")


def is_msd(root: Path) -> bool:
    """Tell whether a folder holds a task of the Decathlon, or one in its manner."""
    return (root / _FILE).is_file()


def is_nnunet(root: Path) -> bool:
    """Tell whether a folder holds raw data of nnU-Net v2."""
    return is_msd(root) and _CHANNELS in _read_document(root / _FILE)


def read_dataset_json(root: Path) -> Collection:
    """Read which cases such a data set has, and what they mean.

    Args:
        root: The folder with `dataset.json`.

    Returns:
        Its training cases; those for testing have no labels.

    Raises:
        InputError: If the file cannot be understood, the data are no single CT, or nothing of ours
            is annotated.
    """
    document = _read_document(root / _FILE)
    _check_channels(document)
    numbering = _number(document, root)
    ending = document.get("file_ending", _READ_ENDINGS[0])
    if ending not in _READ_ENDINGS:
        msg = f"The data set is of '{ending}' files; label maps are read from .nii.gz and .nii."
        raise InputError(msg)
    if isinstance(document.get("dataset"), dict):
        scans, labels = _list_named(document["dataset"], root)
    else:
        scans, labels = list_files(root / "imagesTr"), list_files(root / "labelsTr")
    if _CHANNELS in document:
        scans = {name.removesuffix(CHANNEL): paths for name, paths in scans.items()}
    return pair_files(scans, labels, lambda _: numbering)


def _read_document(path: Path) -> Mapping[str, Any]:
    document = read_document(path, give="the data set as it was unpacked")
    if not isinstance(document, dict) or not isinstance(document.get("labels"), dict):
        msg = f"{name_of(path)} names no labels, as nnU-Net and the Decathlon do."
        raise InputError(msg)
    return document


def _check_channels(document: Mapping[str, Any]) -> None:
    channels = document.get(_CHANNELS, document.get("modality"))
    if isinstance(channels, dict) and len(channels) != 1:
        names = ", ".join(str(name) for name in channels.values())
        msg = f"The scans have {len(channels)} channels ({names}); a single CT is needed."
        raise InputError(msg)


def _number(document: Mapping[str, Any], root: Path) -> Numbering:
    """Turn `labels` into meanings; value to name in the Decathlon, name to values in nnU-Net."""
    names: dict[int, list[str]] = {}
    for name, value in _list_labels(document["labels"]):
        if value:
            names.setdefault(value, []).append(name)
    numbering = number_by_name(names, root.resolve().name)
    if not (numbering.annotated.organs or numbering.annotated.tumors):
        listed = ", ".join(f"'{name}'" for own in names.values() for name in own)
        msg = f"None of the data set's labels is an organ of ours or its tumor: {listed[:300]}."
        raise InputError(msg)
    return numbering


def _list_labels(labels: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for key, value in labels.items():
        if isinstance(value, str) and key.isdecimal():
            pairs = [(value, int(key))]
        else:
            pairs = [(key, number) for number in (value if isinstance(value, list) else [value])]
        for name, number in pairs:
            if type(number) is not int or not 0 <= number <= _HIGHEST:
                msg = (
                    f"The labels in {_FILE} are no names and numbers from 0 to {_HIGHEST}: "
                    f"{str(labels)[:200]}."
                )
                raise InputError(msg)
            yield name, number


def _list_named(
    dataset: Mapping[str, Any], root: Path
) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    """Files that nnU-Net's `dataset` names one by one; an absolute path stays as it is."""
    try:
        scans = {
            name: [root / str(path) for path in one["images"]] for name, one in dataset.items()
        }
        labels = {name: [root / str(one["label"])] for name, one in dataset.items()}
    except (TypeError, KeyError) as error:
        msg = f"'dataset' in {_FILE} does not name the images and the label of every case."
        raise InputError(msg) from error
    return scans, labels
