"""Trained models of nnU-Net v1: folders with plans.pkl and folds.

v1 names no labels; where its data set's description does not lie beside it, the user says what
they are. It averages probabilities, of windows and of folds, where this software averages logits,
and clips after it resamples: the same in essence, not to the last digit.

Source:
    `network_trainer.py`, `nnUNetTrainerV2.py`, `preprocessing.py` and `experiment_planner_baseline_
    3DUNet_v21.py` of nnU-Net's branch nnunetv1 (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...networks import adapt_tensors
from ...progress import CancelToken, Progress
from ..reading.checkpoints import read_tensors
from ..reading.pickles import read_plain_pickle
from .axes import Axes, find_axes
from .documents import list_files, read_json
from .draft import Draft, Wishes, join_members, make_card
from .fields import Record, as_numbers, as_text, list_some, read_count
from .stunet import read_stunet

__all__ = ["find_trained_v1", "read_nnunet_v1"]

_CHECKPOINTS = ("model_final_checkpoint.model", "model_best.model")
# Trainers with other activations or norms than v1's, whose tensors have the very same names.
_REBUILT = re.compile(r"_(l?relu|gelu|mish|gn)(_|$)", re.IGNORECASE)
_UNMIRRORED = ("nomirror", "nodataaugmentation", "noda_")
_CONFIGURATIONS = ("2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres")
_MOST_FEATURES = 320
_MOST_STAGES = 10
_DIFFERENCES = (
    "nnU-Net v1 averages the probabilities of windows, mirrored passes and folds, here their "
    "logits are averaged; it clips densities after resampling, here before"
)


def find_trained_v1(place: Path) -> list[Path]:
    """Find the trained models in a folder, however deep.

    Args:
        place: As nnU-Net v1 writes or exports it, or any folder above.

    Returns:
        Folders that hold plans.pkl and a fold, by name.
    """
    found = (path.parent for path in list_files(place, {"plans.pkl"}))
    return [folder for folder in found if any(folder.glob("fold_*")) or (folder / "all").is_dir()]


def read_nnunet_v1(place: Path, wishes: Wishes, progress: Progress, cancel: CancelToken) -> Draft:
    """Read a trained model.

    Args:
        place: A folder that holds one.
        wishes: The user's words.
        progress: Told after every fold.
        cancel: Looked at before every fold.

    Returns:
        The draft.

    Raises:
        InputError: If it is of a kind that cannot be used here, or its labels are not told.
        WeightsError: If a file cannot be read, or holds more than data.
    """
    folder = _choose_folder(find_trained_v1(place), place, wishes.configuration)
    plans = Record(_as_table(read_plain_pickle(folder / "plans.pkl")), "plans.pkl")
    configuration = _configuration_of(folder)
    stage = _find_stage(plans, configuration)
    forward = as_numbers(plans.values.get("transpose_forward", (0, 1, 2)), "transpose_forward", 3)
    axes = find_axes(forward)
    name, args = _read_network(plans, stage, axes, trainer=folder.name)
    files = _find_checkpoints(folder)
    members = []
    for number, path in enumerate(files):
        cancel.check()
        progress(number / len(files), f"Reading {path.parent.name}")
        members.append(adapt_tensors(name, axes.turn_tensors(read_tensors(path)), args))
    network, tensors = join_members({"name": name, "args": args}, members)
    card = make_card(
        wishes,
        kind="nnunet_v1",
        title=f"{_task_of(folder)} {configuration}".strip(),
        names=_read_names(folder, place, plans, wishes),
        activation="softmax",
        network=network,
        input=_read_input(plans, stage, axes),
        inference=_read_inference(stage, axes, trainer=folder.name),
        source={"trainer": folder.name[:200], "differences": _DIFFERENCES},
    )
    _read_postprocessing(folder, card, told=wishes.card)
    return Draft(card, tensors, files)


def _as_table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        msg = f"plans.pkl holds a {type(value).__name__} where a table is due."
        raise InputError(msg)
    return value


def _configuration_of(folder: Path) -> str:
    return next((name for name in reversed(folder.parts) if name in _CONFIGURATIONS), "")


def _task_of(folder: Path) -> str:
    return next((n for n in reversed(folder.parts) if n.startswith("Task")), folder.name)


def _choose_folder(folders: list[Path], place: Path, configuration: str | None) -> Path:
    """The one that is meant: the only one, or the only one that can be used."""
    named = {folder: _configuration_of(folder) for folder in folders}
    if configuration is not None:
        chosen = [folder for folder, name in named.items() if name == configuration]
    else:
        chosen = [f for f, n in named.items() if n != "2d" and "cascade" not in n] or folders
    if len(chosen) == 1:
        return chosen[0]
    there = list_some("/".join(folder.relative_to(place).parts) for folder in folders)
    msg = (
        f"{'Several' if chosen else 'None'} of the trained models can be meant: {there}. Name one "
        "by its configuration (such as 3d_fullres), or import its own folder."
    )
    raise InputError(msg)


def _find_stage(plans: Record, configuration: str) -> Record:
    """The plan of a configuration: of two stages, 3d_lowres is the first."""
    stages: Mapping[Any, Any] = plans.record("plans_per_stage").values
    if len(stages) > 1 and not configuration:
        msg = (
            "plans.pkl is of a coarse and a fine network, and no folder above says which of them "
            "this is. Put the model into a folder called 3d_lowres or 3d_fullres."
        )
        raise InputError(msg)
    number = 0 if configuration == "3d_lowres" else max(stages, default=0)
    stage = Record(_as_table(stages.get(number)), f"stage {number} of plans.pkl")
    if len(stage.values.get("patch_size", ())) != 3:
        msg = (
            "The model is 2-D: it looks at single slices. A 3-D configuration is needed, such as "
            "3d_fullres."
        )
        raise InputError(msg)
    if "cascade" in configuration:
        msg = (
            "The model is the second half of a cascade: it needs the labels of 3d_lowres as input. "
            "Import a model that looks at the scan alone, such as 3d_fullres or 3d_lowres."
        )
        raise InputError(msg)
    return stage


def _read_network(
    plans: Record, stage: Record, axes: Axes, *, trainer: str
) -> tuple[str, dict[str, Any]]:
    """Name and arguments of the network that a trainer builds of a plan."""
    if _REBUILT.search(trainer):
        msg = (
            f"The trainer '{as_text(trainer)}' built its network with other activations or "
            "normalization than the plan says; those are not known here."
        )
        raise InputError(msg)
    pools, kernels = (
        [axes.turn(as_numbers(row, f"A row of '{key}'", 3)) for row in stage.values.get(key) or ()]
        for key in ("pool_op_kernel_sizes", "conv_kernel_sizes")
    )
    if stunet := read_stunet(trainer, pools):
        return stunet
    base, per_stage = (
        read_count(plans.values.get(key, usual), f"'{key}' of {plans.where}", _MOST_FEATURES)
        for key, usual in (("base_num_features", 32), ("conv_per_stage", 2))
    )
    n = read_count(len(kernels), "The number of kernels", _MOST_STAGES)
    args: dict[str, Any] = {
        "features_per_stage": [min(base * 2**level, _MOST_FEATURES) for level in range(n)],
        "kernel_sizes": kernels,
        "strides": [[1, 1, 1], *pools][-n:],
    }
    if "num_blocks_encoder" in stage:  # residual encoders list a pooling for their first stage too
        args["n_blocks_per_stage"] = _whole(stage, "num_blocks_encoder", n)
        args["n_conv_per_stage_decoder"] = _whole(stage, "num_blocks_decoder", n - 1)
        return "resenc_unet_v1", args
    args["n_conv_per_stage"] = [per_stage] * n
    args["n_conv_per_stage_decoder"] = [per_stage] * (n - 1)
    return "generic_unet", args


def _whole(stage: Record, key: str, n: int) -> list[int]:
    return [int(number) for number in stage.numbers(key, n)]


def _read_input(plans: Record, stage: Record, axes: Axes) -> dict[str, Any]:
    return {
        "orientation": "stored",
        "spacing_mm": axes.turn(stage.numbers("current_spacing")),
        **_read_normalization(plans),
        "resample_order": 3,
        "crop_zeros": True,
    }


def _read_inference(stage: Record, axes: Axes, *, trainer: str) -> dict[str, Any]:
    return {
        "patch": axes.turn(stage.numbers("patch_size")),
        "overlap": 0.5,
        "padding": 0.0,
        "skip_air": False,
        "mirror_axes": [] if any(w in trainer.lower() for w in _UNMIRRORED) else [0, 1, 2],
    }


def _read_normalization(plans: Record) -> dict[str, Any]:
    schemes = plans.record("normalization_schemes").values
    if len(schemes) != 1 or plans.number("num_modalities") != 1:
        msg = f"The model wants {len(schemes)} images of each patient; here there is one CT."
        raise InputError(msg)
    is_masked = any(plans.record("use_mask_for_norm").values.values())
    scheme = next(iter(schemes.values()))
    if is_masked or scheme not in ("CT", "nonCT"):
        msg = (
            f"The model's normalization '{as_text(scheme)}'{' inside a mask' * is_masked} is not "
            "one of CT and nonCT of the whole image."
        )
        raise InputError(msg)
    if scheme == "nonCT":
        return {"clip_hu": None, "normalize": "zscore_image"}
    facts = plans.record("dataset_properties").read("intensityproperties", Mapping)  # type: ignore[type-abstract]
    first = Record(_as_table(facts.get(0)), "'intensityproperties' of plans.pkl")
    return {
        "clip_hu": [first.number("percentile_00_5"), first.number("percentile_99_5")],
        "normalize": "zscore",
        "mean": first.number("mean"),
        "std": first.number("sd"),
    }


def _find_checkpoints(folder: Path) -> tuple[Path, ...]:
    """The checkpoint of every fold; those of all data only where there are no folds."""
    for name in (*_CHECKPOINTS, "*.model"):
        for pattern in (f"fold_*/{name}", f"all/{name}"):
            found = tuple(sorted(folder.glob(pattern)))
            if found and len({path.parent for path in found}) == len(found):
                return found
    msg = f"{folder.name} has no {' or '.join(_CHECKPOINTS)} in any fold."
    raise InputError(msg)


def _read_names(folder: Path, place: Path, plans: Record, wishes: Wishes) -> Sequence[str]:
    """Names of the labels, where the data set's description is there; a card knows them all."""
    told = (wishes.card or {}).get("outputs")
    if isinstance(told, Sequence):
        return [""] * len(told)
    n = read_count(plans.values.get("num_classes"), "'num_classes' of plans.pkl", 255) + 1
    for above in (folder, *folder.parents):
        if (above / "dataset.json").is_file():
            labels = Record(read_json(above / "dataset.json"), "dataset.json").record("labels")
            names = {str(key): str(name) for key, name in labels.values.items()}
            if sorted(names) == sorted(map(str, range(n))):
                return [names[str(number)] for number in range(n)]
        if above == place:
            break
    return ["background", *(f"class {number}" for number in range(1, n))]


def _read_postprocessing(
    folder: Path, card: dict[str, Any], *, told: Mapping[str, Any] | None
) -> None:
    """Keep the largest part of organs of which v1 found that this is better."""
    path = folder / "postprocessing.json"
    if not path.is_file() or "postprocess" in (told or {}):
        return
    classes = read_json(path).get("for_which_classes") or []
    organs = {o["channel"]: o["organ"] for o in card["outputs"] if o["kind"] == "organ"}
    kept = [organs[c] for c in classes if isinstance(c, int) and c in organs]
    card["postprocess"] = {"largest_component": sorted(set(kept))}
    rest = [c for c in classes if not isinstance(c, int) or c not in organs]
    if rest:
        card["source"]["postprocessing"] = f"not applied: the largest part of the labels {rest}"[
            :2000
        ]
