"""SegResNets that MONAI's Auto3DSeg trained: one checkpoint that holds its configuration.

Source:
    `algorithm_templates/segresnet/scripts/segmenter.py` of Project-MONAI/research-contributions
    (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...networks import adapt_tensors
from ...progress import CancelToken, Progress
from ..reading.checkpoints import read_checkpoint
from .documents import find_checkpoints
from .draft import Draft, Wishes, as_tensors, make_card
from .fields import Record, as_text
from .monai_config import Config
from .monai_networks import read_network

__all__ = ["read_auto3dseg"]

_OVERLAP = 0.625
_BOUNDS = [-250.0, 250.0]


def read_auto3dseg(place: Path, wishes: Wishes, progress: Progress, cancel: CancelToken) -> Draft:
    """Read a checkpoint of Auto3DSeg.

    Args:
        place: The checkpoint, or a folder that holds it.
        wishes: The user's words.
        progress: Told when it begins.
        cancel: Looked at before the file is read.

    Returns:
        The draft.

    Raises:
        InputError: If it asks for what is not known here; says what.
        WeightsError: If the file cannot be read.
    """
    path = find_checkpoints(place)[0] if place.is_dir() else place
    cancel.check()
    progress(0.0, f"Reading {path.name}")
    content = Record(read_checkpoint(path), path.name)
    config = content.record("config")
    _check_plain(config)
    spec = Config(config.values, config.where).resolve(config.record("network").values, "network")
    network, n_outputs = read_network(spec)
    is_sigmoid = config.read("sigmoid", bool, False)
    tensors = as_tensors(content, "state_dict")
    card = make_card(
        wishes,
        kind="auto3dseg",
        title=f"Auto3DSeg {path.stem}",
        names=_read_names(config, n_outputs, is_sigmoid=is_sigmoid),
        activation="sigmoid" if is_sigmoid else "softmax",
        network=network,
        input=_read_input(config),
        inference={
            "patch": config.numbers("roi_size"),
            "overlap": _OVERLAP,
            "windows": "stepped",
            "blend": "gaussian_monai",
            "padding": 0.0,
            "skip_air": False,
            "restore": "logits",
        },
        source=_read_differences(config),
    )
    return Draft(card, adapt_tensors(network["name"], tensors, network["args"]), (path,))


def _check_plain(config: Record) -> None:
    """Raise if the training was made another one by code or by more images."""
    for key in ("custom_data_transforms", "extra_modalities", "sliding_inferrer"):
        if config.values.get(key):
            msg = f"{config.where} has '{key}', which is not known here."
            raise InputError(msg)
    if config.values.get("input_channels", 1) != 1:
        msg = f"The model wants {config.values['input_channels']} images of each patient; here one."
        raise InputError(msg)


def _read_input(config: Record) -> dict[str, Any]:
    if not config.read("resample", bool, False):
        msg = (
            "The model was trained on scans as they were, without a voxel size of its own; one is "
            "needed here (resample: true)."
        )
        raise InputError(msg)
    mode = config.read("normalize_mode", str)
    if mode not in ("range", "ct"):
        msg = f"The model normalizes by '{as_text(mode)}'; known is 'range', as of CT."
        raise InputError(msg)
    bounds = config.numbers("intensity_bounds", 2) if "intensity_bounds" in config else _BOUNDS
    return {
        "orientation": "RAS" if config.read("orientation_ras", bool, False) else "stored",
        "spacing_mm": config.numbers("resample_resolution"),
        "clip_hu": bounds,
        "normalize": "sigmoid",
        "resample_order": 1,
        "resample": "monai",
    }


def _read_names(config: Record, n_outputs: int, *, is_sigmoid: bool) -> list[str]:
    """What the channels are called; Auto3DSeg leaves out the background."""
    names = config.values.get("class_names") or []
    first = [] if is_sigmoid else ["background"]
    if len(names) != n_outputs - len(first):
        names = [f"class {n}" for n in range(len(first), n_outputs)]
    said = [n.get("name", "") if isinstance(n, Mapping) else n for n in names]
    return [*first, *map(str, said)]


def _read_differences(config: Record) -> dict[str, str]:
    """What is done otherwise here."""
    phrases = ["scans within a quarter of the voxel size are resampled here, there they are not"]
    if config.read("crop_foreground", bool, True):
        phrases.append("it crops the scan to what is above 0 HU and a margin, here all is seen")
    return {"differences": "; ".join(phrases)}
