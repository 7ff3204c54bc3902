"""What a training run is told: one JSON file, every key but two with a default that works."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..collections.documents import read_document
from ..errors import InputError
from ..models.card import DEFAULT_MODEL
from ..models.schema import find_fault, parse_json
from ..organs import select_organs
from ..provenance import to_plain
from ..scans.input_files import name_of

__all__ = ["SyntheticOptions", "TrainingConfig", "load_config", "parse_config"]

_SCHEMA = Path(__file__).with_name("config_schema.json")


@dataclass(frozen=True)
class SyntheticOptions:
    """Which tumors are grown while training.

    Args:
        probability: Share of the patches that get one, in [0, 1].
        method: Key of the method that gives it its densities.
        shape: Key of its kind of shape.
        mix: Shares of small, medium and large ones.
        min_quality: Share of its voxels that the critic must find again; None asks no critic.
        critic: Id of the model that judges them.
        tries: How often one is drawn at most; a patch that gets none is used as it is.
    """

    probability: float = 0.5
    method: str = "handcrafted"
    shape: str = "ellipsoid"
    mix: tuple[float, float, float] = (4.0, 2.0, 1.0)
    min_quality: float | None = None
    critic: str = DEFAULT_MODEL
    tries: int = 3


@dataclass(frozen=True)
class TrainingConfig:
    """A training run.

    Args:
        cohorts: Cohort files, as `atlastumor collect` writes them.
        output: Folder of the model, the report and the run's own files.
        cache: Folder of the scans on the network's grid, which several runs may share; None keeps
            them in the output folder.
        id: Of the model that comes out.
        organs: Keys of the organs to learn, with their tumors; None learns all that any training
            case is annotated for.
        start_from: Id of the model whose weights it sets out from; None begins with random ones.
        models_dir: Where that model, and weights of methods, lie.
        network: {"name", "args"} as in a card; None takes that of `start_from` or the embedded
            model's.
        input: As in a card; None likewise.
        patch: Voxels of a patch along (i, j, k); None likewise.
        batch: Patches of a step, over all processes together.
        steps: Optimizer steps.
        optimizer: "adamw", or "sgd" as nnU-Net sets it (Nesterov momentum 0.99).
        learning_rate: At its highest; None takes 1e-3 for AdamW and 1e-2 for SGD.
        weight_decay: None takes 1e-4 for AdamW and 3e-5 for SGD.
        warmup: Steps over which the rate rises; it then falls as (1 - step / steps)^0.9.
        averaging: Decay of the running mean of the weights, which is what comes out.
        precision: "fp32", "bf16", "fp16" or "auto" for the fastest that the device computes in.
        deep_supervision: Whether deeper levels of a network that has heads there are trained too.
        tumor_share: Share of the patches without a synthetic tumor that are centered on a real one.
        augment: Whether patches are turned, scaled, blurred and so on.
        mirror_axes: Axes along which patches may be mirrored. None by default: a liver on the left
            is not anatomy.
        synthetic: Which tumors are grown.
        seed: What all randomness follows from.
        workers: Processes that draw patches; 0 draws them in the training process.
        checkpoint_every: Steps between two checkpoints.
        validate_every: Steps between two looks at the validation cases; one more comes at the end.
    """

    cohorts: tuple[Path, ...]
    output: Path
    cache: Path | None = None
    id: str = "my-model"
    organs: tuple[str, ...] | None = None
    start_from: str | None = None
    models_dir: Path | None = None
    network: Mapping[str, Any] | None = None
    input: Mapping[str, Any] | None = None
    patch: tuple[int, int, int] | None = None
    batch: int = 2
    steps: int = 20_000
    optimizer: str = "adamw"
    learning_rate: float | None = None
    weight_decay: float | None = None
    warmup: int = 100
    averaging: float = 0.998
    precision: str = "auto"
    deep_supervision: bool = True
    tumor_share: float = 0.6
    augment: bool = True
    mirror_axes: tuple[int, ...] = ()
    synthetic: SyntheticOptions = field(default_factory=SyntheticOptions)
    seed: int = 1
    workers: int = 1
    checkpoint_every: int = 100
    validate_every: int = 2_000

    def record(self) -> dict[str, Any]:
        """Say it in what JSON can hold, without what may change when a run goes on."""
        free = {"cohorts", "output", "cache", "models_dir", "workers"}
        free |= {"checkpoint_every", "validate_every"}
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in free}
        own["synthetic"] = dict(vars(self.synthetic))
        record: dict[str, Any] = to_plain(own)
        return record


def load_config(path: Path) -> TrainingConfig:
    """Read a configuration.

    Args:
        path: A JSON file; the paths in it are relative to its folder.

    Returns:
        The configuration, complete.

    Raises:
        InputError: If it cannot be read or a key is unknown or out of range; names the key.
        UnknownKeyError: If an organ is unknown.
    """
    data = read_document(path, give="the configuration of a training, a .json file")
    return parse_config(data, path.resolve().parent, name_of(path))


def parse_config(data: Any, home: Path, name: str, *, key: str = "config") -> TrainingConfig:
    """Make a configuration of what its file holds.

    Args:
        data: The JSON value.
        home: Folder that the paths in it are relative to.
        name: Of the file, for messages.
        key: What the value is called in messages.

    Returns:
        The configuration, complete.

    Raises:
        InputError: If a key is unknown or out of range; names the key.
        UnknownKeyError: If an organ is unknown.
    """
    fault = find_fault(data, _schema(), key)
    if fault is not None:
        msg = f"{name} cannot be used: {fault}. See the documentation on training."
        raise InputError(msg)
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in data.items()
    }
    values["cohorts"] = tuple(home / name for name in data["cohorts"])
    values["output"] = home / data["output"]
    for folder in ("cache", "models_dir"):
        if data.get(folder) is not None:
            values[folder] = home / data[folder]
    if data.get("organs") is not None:
        values["organs"] = tuple(organ.key for organ in select_organs(data["organs"]))
    options = dict(data.get("synthetic", {}))
    if "mix" in options:
        options["mix"] = tuple(options["mix"])
    return TrainingConfig(**{**values, "synthetic": SyntheticOptions(**options)})


@functools.cache
def _schema() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = parse_json(_SCHEMA.read_text(encoding="utf-8"))
    return schema
