"""Trained models of nnU-Net v2: folders with plans.json, dataset.json and folds, and checkpoints.

A checkpoint holds plans and data set too, so that a single file is enough. Several folds become an
ensemble, as nnU-Net averages their logits. What the trainer was called does not matter, unless it
built another network than the plan says; if that is not known here, the weights are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...networks import adapt_tensors
from ...progress import CancelToken, Progress
from ..reading.checkpoints import read_checkpoint
from .documents import find_checkpoints, list_files, read_json
from .draft import Draft, Wishes, as_tensors, join_members, make_card
from .fields import Record, as_numbers, as_text, list_some
from .nnunet_plans import read_plan
from .stunet import read_stunet

__all__ = ["find_trained", "read_nnunet"]

_CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")
_REBUILT: Mapping[str, Mapping[str, Any]] = {
    "nnUNetTrainerBN": {
        "norm_op": "torch.nn.modules.batchnorm.BatchNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    },
}
"""Trainers that build another network than the plan says."""
_FOLD = re.compile(r"fold_(\d+|all)")


def find_trained(place: Path) -> list[Path]:
    """Find the trained models in a folder, however deep.

    Args:
        place: As nnU-Net writes or exports it, or any folder above.

    Returns:
        Folders that hold plans.json, dataset.json and a fold, by name.
    """
    found = (path.parent for path in list_files(place, {"plans.json"}))
    return [f for f in found if (f / "dataset.json").is_file() and any(f.glob("fold_*"))]


def read_nnunet(place: Path, wishes: Wishes, progress: Progress, cancel: CancelToken) -> Draft:
    """Read a trained model.

    Args:
        place: A folder that holds one, or a checkpoint, alone in a folder or not.
        wishes: The user's words.
        progress: Told after every fold.
        cancel: Looked at before every fold.

    Returns:
        The draft.

    Raises:
        InputError: If it is of a kind that cannot be used here; says which.
        WeightsError: If a checkpoint cannot be read, or holds no weights.
    """
    trained = find_trained(place) if place.is_dir() else []
    folder = _choose_folder(trained, wishes.configuration) if trained else None
    if folder is not None:
        files = _find_checkpoints(folder)
    else:
        files = (find_checkpoints(place)[0] if place.is_dir() else place,)
    contents = []
    for number, path in enumerate(files):
        cancel.check()
        progress(number / len(files), f"Reading {path.parent.name}")
        contents.append(Record(_as_table(read_checkpoint(path), path), path.name))
    first = contents[0]
    init = first.record("init_args")
    if folder is None:
        plans, dataset = init.record("plans"), init.record("dataset_json")
    else:
        plans = Record(read_json(folder / "plans.json"), "plans.json")
        dataset = Record(read_json(folder / "dataset.json"), "dataset.json")
    configuration = init.read("configuration", str)
    if wishes.configuration not in (None, configuration):
        msg = (
            f"{first.where} is of the configuration '{as_text(configuration)}'; "
            f"'{as_text(wishes.configuration)}' was asked for."
        )
        raise InputError(msg)
    return _make_draft(plans, dataset, configuration, contents, wishes, files)


def _as_table(value: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        msg = f"{path.name} holds a {type(value).__name__} where a table is due."
        raise InputError(msg)
    return value


def _choose_folder(folders: list[Path], configuration: str | None) -> Path:
    """The one that is meant: the only one, or the only one that can be used."""
    named = {folder: folder.name.rpartition("__")[2] for folder in folders}
    if configuration is not None:
        chosen = [folder for folder, name in named.items() if name == configuration]
    else:
        usable = [folder for folder, name in named.items() if not _is_unusable(name)]
        chosen = usable or folders
    if len(chosen) == 1:
        return chosen[0]
    there = list_some(f"{folder.parent.name}/{folder.name}" for folder in folders)
    msg = (
        f"{'Several' if chosen else 'None'} of the trained models can be meant: {there}. Name one "
        "by its configuration (such as 3d_fullres), or import its own folder."
    )
    raise InputError(msg)


def _is_unusable(configuration: str) -> bool:
    return configuration == "2d" or "cascade" in configuration


def _find_checkpoints(folder: Path) -> tuple[Path, ...]:
    """The checkpoint of every fold; those of all data only where there are no folds."""
    folds = sorted(path for path in folder.glob("fold_*") if _FOLD.fullmatch(path.name))
    numbered = [fold for fold in folds if fold.name != "fold_all"]
    for name in _CHECKPOINTS:
        for group in (numbered, folds):
            found = tuple(fold / name for fold in group if (fold / name).is_file())
            if found:
                return found
    msg = f"{folder.name} has no {' or '.join(_CHECKPOINTS)} in any fold."
    raise InputError(msg)


def _make_draft(
    plans: Record,
    dataset: Record,
    configuration: str,
    contents: list[Record],
    wishes: Wishes,
    files: tuple[Path, ...],
) -> Draft:
    _check_images(dataset)
    plan = read_plan(plans, configuration)
    names, activation = _read_labels(dataset)
    trainer = contents[0].read("trainer_name", str, "unknown")
    name, args = plan.network["name"], {**plan.network["args"], **_REBUILT.get(trainer, {})}
    name, args = read_stunet(trainer, args["strides"][1:]) or (name, args)
    members = []
    for content in contents:
        tensors = plan.axes.turn_tensors(as_tensors(content, "network_weights"))
        members.append(adapt_tensors(name, tensors, args))
    network, tensors = join_members({"name": name, "args": args}, members)
    mirrored = contents[0].values.get("inference_allowed_mirroring_axes") or ()
    axes = as_numbers(mirrored, "'inference_allowed_mirroring_axes'", len(mirrored))
    card = make_card(
        wishes,
        kind="nnunet",
        title=f"{plans.read('dataset_name', str, 'nnU-Net')} {configuration}",
        names=names,
        activation=activation,
        network=network,
        input=plan.input,
        inference={**plan.inference, "mirror_axes": plan.axes.turn_axes(map(int, axes))},
        source={"trainer": trainer[:200]},
    )
    return Draft(card, tensors, files)


def _check_images(dataset: Record) -> None:
    for key in ("channel_names", "modality"):
        if key in dataset and len(dataset.record(key).values) != 1:
            n = len(dataset.record(key).values)
            msg = f"The model wants {n} images of each patient; here there is one CT."
            raise InputError(msg)


def _read_labels(dataset: Record) -> tuple[list[str], str]:
    """A name for each channel in channel order, and the activation."""
    labels = {
        name: [int(n) for n in as_numbers(_as_list(value), f"Label '{name}'", len(_as_list(value)))]
        for name, value in dataset.record("labels").values.items()
        if name != "ignore"
    }
    if any(len(values) > 1 for values in labels.values()):
        return [name for name, values in labels.items() if set(values) != {0}], "regions"
    numbered = {values[0]: name for name, values in labels.items() if values}
    if sorted(numbered) != list(range(len(labels))):
        msg = f"The labels of {dataset.where} are not numbered from 0 on: {as_text(labels)}."
        raise InputError(msg)
    return [numbered[number] for number in range(len(labels))], "softmax"


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
