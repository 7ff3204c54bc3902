"""What a scaling study is told: one JSON file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..batch.scoring import EvaluationOptions
from ..collections.documents import read_document
from ..cotraining.config import TrainingConfig, parse_config
from ..detection.rules import find_hit_rule
from ..errors import InputError
from ..models.schema import find_fault, parse_json
from ..scans.input_files import name_of

__all__ = ["ScalingConfig", "load_scaling"]

_SCHEMA = Path(__file__).with_name("config_schema.json")
_SET_BY_STUDY = ("cohorts", "output", "cache", "id", "seed")
_PLACE = "x"


@dataclass(frozen=True)
class ScalingConfig:
    """A scaling study.

    Args:
        cohorts: Cohort files to draw subsets from; their cases of the split "validation" are not.
        held_out: Cohort files to evaluate on by the name of the set; their cases of the split
            "train" are not.
        sizes: Numbers of real scans, rising.
        folds: Arms: synthetic scans for each real one, rising; 0 is real scans only.
        seeds: Each draws subsets of its own and starts from weights of its own.
        training: What all trainings share; subset, seed and share of synthetic tumors are set anew.
        evaluation: What the numbers mean.
        gain: Twice the data is no longer worth it if it gains less than this, of a share.
        samples: Of the bootstrap.
    """

    cohorts: tuple[Path, ...]
    held_out: Mapping[str, Path]
    sizes: tuple[int, ...]
    folds: tuple[float, ...]
    seeds: tuple[int, ...]
    training: TrainingConfig
    evaluation: EvaluationOptions = field(default_factory=EvaluationOptions)
    gain: float = 0.01
    samples: int = 1000

    def record(self) -> dict[str, Any]:
        """Say what every cell follows from, ready for JSON; more cells may be asked for later."""
        training = self.training.record()
        for key in ("output", "id", "seed"):
            training.pop(key, None)
        training["synthetic"].pop("probability")
        rule = asdict(self.evaluation.rule)
        return {
            "training": training,
            "evaluation": {
                "tolerance_mm": self.evaluation.tolerance_mm,
                "min_volume_mm3": self.evaluation.min_volume_mm3,
                "hit": rule,
            },
        }


def load_scaling(path: Path) -> ScalingConfig:
    """Read a configuration.

    Args:
        path: A JSON file; the paths in it are relative to its folder.

    Returns:
        The configuration, complete.

    Raises:
        InputError: If it cannot be read or a key is unknown or out of range; names the key.
        UnknownKeyError: If an organ or a hit rule is unknown.
    """
    data = read_document(path, give="the configuration of a scaling study, a .json file")
    fault = find_fault(data, _schema(), "config") or _find_conflict(data)
    if fault is not None:
        msg = f"{name_of(path)} cannot be used: {fault}. See the documentation on scaling studies."
        raise InputError(msg)
    return _build(data, path)


def _find_conflict(data: Mapping[str, Any]) -> str | None:
    """Say what the schema cannot."""
    if not data["held_out"]:
        return "held_out names no cohort to evaluate on"
    set_here = [key for key in _SET_BY_STUDY if key in data["training"]]
    if set_here:
        return f"training.{set_here[0]} is set by the study, for each of its trainings"
    synthetic = data["training"].get("synthetic", {})
    if isinstance(synthetic, dict) and "probability" in synthetic:
        return "training.synthetic.probability follows from folds; leave it out"
    return None


def _build(data: Mapping[str, Any], path: Path) -> ScalingConfig:
    home = path.resolve().parent
    training = parse_config(
        {**data["training"], "cohorts": [_PLACE], "output": _PLACE},
        home,
        name_of(path),
        key="training",
    )
    asked = data.get("evaluation", {})
    options = EvaluationOptions(**{key: asked[key] for key in asked if key != "hit"})
    if "hit" in asked:
        options = replace(options, rule=find_hit_rule(asked["hit"]))
    more = {key: data[key] for key in ("gain", "samples") if key in data}
    return ScalingConfig(
        cohorts=tuple(home / name for name in data["cohorts"]),
        held_out={name: home / file for name, file in data["held_out"].items()},
        sizes=tuple(sorted(data["sizes"])),
        folds=tuple(sorted(float(fold) for fold in data.get("folds", (0, 3)))),
        seeds=tuple(data.get("seeds", (1, 2, 3))),
        training=training,
        evaluation=options,
        **more,
    )


@functools.cache
def _schema() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = parse_json(_SCHEMA.read_text(encoding="utf-8"))
    return schema
