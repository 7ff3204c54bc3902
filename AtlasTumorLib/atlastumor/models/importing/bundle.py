"""MONAI bundles: configurations read as data, the network, windows and transforms they describe.

A configuration is half a program: text that begins with "$" is Python. None of it is run. What is
plain, or a plain reference ("@name"), is understood; whatever else is needed is refused.

Source:
    MONAI's documentation of its bundle format; `monai.bundle` and `monai.inferers` 1.6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...networks import adapt_tensors
from ...networks.dints import read_search_code
from ...progress import CancelToken, Progress
from ..reading.checkpoints import read_checkpoint, read_tensors
from .documents import list_files, read_json, read_yaml
from .draft import Draft, Wishes, make_card
from .fields import Record, as_numbers, as_text, list_some, read_count
from .monai_config import Config
from .monai_networks import read_network
from .monai_transforms import read_postprocessing, read_preprocessing

__all__ = ["find_bundles", "read_bundle"]

_CONFIGS = ("inference.json", "inference.yaml", "inference.yml")
_MOVED = re.compile(r"\$\s*@(\w+)\.to\(.*\)")
_INFERERS = ("SlidingWindowInferer", "SlidingWindowInfererAdapt")
_BLENDS = {"constant": "constant", "gaussian": "gaussian_monai"}
_WINDOW_KEYS = {"_target_", "roi_size", "overlap", "mode", "sigma_scale", "padding_mode", "cval"}
_SIGMA = 0.125
_DINTS_FILTERS = 32  # at a channel_mul of 1


def find_bundles(place: Path) -> list[Path]:
    """Find the bundles in a folder, however deep.

    Args:
        place: A folder.

    Returns:
        Folders that hold `configs/inference.json` or `.yaml`, by name.
    """
    configs = (path for path in list_files(place, _CONFIGS) if path.parent.name == "configs")
    return sorted({path.parent.parent for path in configs})


def read_bundle(place: Path, wishes: Wishes, progress: Progress, cancel: CancelToken) -> Draft:
    """Read a bundle.

    Args:
        place: A folder that holds one.
        wishes: The user's words.
        progress: Told when the weights are read.
        cancel: Looked at before the weights are read.

    Returns:
        The draft.

    Raises:
        InputError: If it asks for what is not known here; says what.
        DependencyError: If its configuration is YAML and PyYAML is not installed.
        WeightsError: If the weights cannot be read.
    """
    bundles = find_bundles(place)
    if len(bundles) != 1:
        names = list_some(path.name for path in bundles)
        msg = f"'{place.name}' holds several bundles ({names}); import one of them."
        raise InputError(msg)
    folder = bundles[0]
    config = _read_config(folder)
    metadata = Record(_read_metadata(folder), "metadata.json")
    network, n_outputs = _read_network(config, metadata, folder)
    prepared = read_preprocessing(config)
    finished = read_postprocessing(config)
    weights = _find_weights(folder)
    cancel.check()
    progress(0.0, f"Reading {weights.name}")
    tensors = adapt_tensors(network["name"], read_tensors(weights), network["args"])
    title = metadata.read("name", str, folder.name)
    card = make_card(
        wishes,
        kind="bundle",
        title=title,
        names=_read_names(metadata, n_outputs),
        activation=finished.activation,
        network=network,
        input=prepared.input,
        inference={**_read_inferer(config), "restore": finished.restore},
        source=_read_source(metadata, prepared.differences),
    )
    return Draft(card, tensors, (weights,))


def _read_config(folder: Path) -> Config:
    for name in _CONFIGS:
        path = folder / "configs" / name
        if path.is_file():
            read = read_json if path.suffix == ".json" else read_yaml
            return Config(read(path), name)
    raise AssertionError(folder)  # `find_bundles` found one


def _read_metadata(folder: Path) -> Mapping[str, Any]:
    path = folder / "configs" / "metadata.json"
    return read_json(path) if path.is_file() else {}


def _read_network(config: Config, metadata: Record, folder: Path) -> tuple[dict[str, Any], int]:
    """The network's description, which `network` itself is or moves to a device."""
    value = config.values.get("network_def", config.values.get("network"))
    moved = _MOVED.fullmatch(value) if isinstance(value, str) else None
    value = config.values.get(moved[1]) if moved else value
    if isinstance(value, Mapping) and str(value.get("_target_")).endswith("DiNTS"):
        return _read_dints(config, value, folder)
    spec = config.resolve(value, "network_def")
    if not isinstance(spec, Mapping):
        msg = f"{config.where} does not describe its network as 'network_def'."
        raise InputError(msg)
    return read_network(spec, str(metadata.values.get("monai_version", "")))


def _read_dints(config: Config, raw: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], int]:
    """A searched network: its configuration is half a program, the search's result lies beside."""
    keys = ("in_channels", "num_classes", "use_downsample")
    spec = Record({key: config.resolve(raw.get(key), key) for key in keys}, "network_def")
    space = config.values.get("dints_space")
    codes = sorted((folder / "models").glob("search_code*.pt"))
    if spec.values["in_channels"] != 1 or not isinstance(space, Mapping) or len(codes) != 1:
        msg = (
            "A DiNTS is known here that looks at one image, has a 'dints_space', and one "
            f"models/search_code*.pt; there are {len(codes)}."
        )
        raise InputError(msg)
    found = Record({"code": read_checkpoint(codes[0])}, codes[0].name)
    args = read_search_code(found.record("code").values)
    width = as_numbers([config.resolve(space.get("channel_mul"), "channel_mul")], "channel_mul", 1)
    args["init_filters"] = int(_DINTS_FILTERS * width[0])
    args["use_downsample"] = spec.read("use_downsample", bool, True)
    return {"name": "dints", "args": args}, read_count(
        spec.values["num_classes"], "'num_classes'", 256
    )


def _find_weights(folder: Path) -> Path:
    models = folder / "models"
    every = (path for path in models.glob("*.pt*") if path.suffix in (".pt", ".pth"))
    found = sorted(path for path in every if not path.name.startswith("search_code"))
    named = [path for path in found if path.stem == "model"]
    if len(named or found) == 1:
        return (named or found)[0]
    if not found and any(models.glob("*.ts")):
        msg = (
            "The bundle holds its network as TorchScript alone, which is a program; the weights, "
            "models/model.pt, are needed."
        )
        raise InputError(msg)
    names = list_some(path.name for path in found)
    msg = f"The bundle's weights, models/model.pt, are missing; what is there: {names}."
    raise InputError(msg)


def _read_inferer(config: Config) -> dict[str, Any]:
    """How windows are laid and blended."""
    spec = config.table("inferer", _WINDOW_KEYS)
    target = str(spec.values.get("_target_", "")).rpartition(".")[2]
    if target not in _INFERERS:
        msg = f"The bundle lays no windows that are known here, but uses '{as_text(target)}'."
        raise InputError(msg)
    mode = str(spec.values.get("mode", "constant")).lower()
    is_usual = (
        mode in _BLENDS
        and spec.values.get("sigma_scale", _SIGMA) in (_SIGMA, [_SIGMA] * 3)
        and spec.values.get("padding_mode", "constant") == "constant"
    )
    if not is_usual:
        msg = (
            f"{spec.where} blends windows by '{mode}' with sigma_scale "
            f"{spec.values.get('sigma_scale', _SIGMA)} and pads by "
            f"'{spec.values.get('padding_mode', 'constant')}'; that is not done here."
        )
        raise InputError(msg)
    size = spec.values.get("roi_size")
    patch = as_numbers([size] * 3 if isinstance(size, int) else size, "'roi_size'", 3)
    overlap = spec.values.get("overlap", 0.25)
    overlaps = overlap if isinstance(overlap, list) else [overlap]
    if len(set(overlaps)) != 1:
        msg = f"The windows overlap differently along each axis, {overlap}; that is not done here."
        raise InputError(msg)
    return {
        "patch": patch,
        "overlap": as_numbers(overlaps[:1], "'overlap'", 1)[0],
        "windows": "stepped",
        "blend": _BLENDS[mode],
        "padding": as_numbers([spec.values.get("cval", 0.0)], "'cval'", 1)[0],
        "skip_air": False,
    }


def _read_names(metadata: Record, n_outputs: int) -> list[str]:
    """What the channels are called; "class N" for those that are not."""
    place: Any = metadata.values
    for key in ("network_data_format", "outputs", "pred", "channel_def"):
        place = place.get(key) if isinstance(place, Mapping) else None
    told = {str(k): str(v) for k, v in place.items()} if isinstance(place, Mapping) else {}
    return [told.get(str(n), f"class {n}") for n in range(n_outputs)]


def _read_source(metadata: Record, differences: tuple[str, ...]) -> dict[str, str]:
    wanted = ("authors", "copyright", "data_source", "version", "monai_version")
    said = {key: metadata.values[key] for key in wanted if key in metadata}
    source = {key: str(value)[:2000] for key, value in said.items()}
    return source | ({"differences": "; ".join(differences)} if differences else {})
