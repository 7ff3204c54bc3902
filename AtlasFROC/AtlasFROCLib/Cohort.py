"""What the worker measured, read back: cached sweeps, problems, and which model it was.

Knows neither Slicer nor Qt.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlastumor.batch.cohort import Problem
from atlastumor.detection.case_sweep import CaseSweep, SweepOptions
from atlastumor.detection.sweep_files import load_sweep
from atlastumor.errors import InputError
from atlastumor.organs import KEYS

__all__ = ["MeasuredCohort", "readCohort"]

_REPORT, _SWEEPS = "report.json", "sweeps"


@dataclass(frozen=True, eq=False)
class MeasuredCohort:
    """A measured cohort.

    Args:
        directory: The worker's folder.
        sweeps: One per case, by organ key, in table order.
        problems: Of cases that do not count, or not for every organ.
        modelId: Id of the model that made the predictions; empty if they do not say.
        weightsSha256: Hash of its weights; empty if they do not say.
        dataSet: Name of the cohort.
        options: How it was swept.
    """

    directory: Path
    sweeps: Mapping[str, tuple[CaseSweep, ...]]
    problems: tuple[Problem, ...]
    modelId: str
    weightsSha256: str
    dataSet: str
    options: SweepOptions

    @property
    def organs(self) -> tuple[str, ...]:
        """Keys of the organs that were measured, in table order."""
        return tuple(self.sweeps)


def readCohort(directory: Path) -> MeasuredCohort:
    """Read the folder that `atlastumor froc` wrote.

    Args:
        directory: The folder.

    Returns:
        What was measured.

    Raises:
        InputError: If it is no such folder, or incomplete.
    """
    try:
        report = json.loads((directory / _REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{directory.name}' holds no results of a measurement. Measure the cohort again."
        ) from error
    sweeps = [load_sweep(path) for path in sorted((directory / _SWEEPS).glob("*.npz"))]
    if not sweeps:
        raise InputError(f"'{directory.name}' holds no measured case. Measure the cohort again.")
    byOrgan = {
        key: tuple(one for one in sweeps if one.organ == key)
        for key in KEYS
        if any(one.organ == key for one in sweeps)
    }
    return MeasuredCohort(
        directory=directory,
        sweeps=byOrgan,
        problems=tuple(Problem(row["case"], row["message"]) for row in report["problems"]),
        options=sweeps[0].options,
        **_describeModel(report),
    )


def _describeModel(report: Mapping[str, Any]) -> dict[str, str]:
    return {
        "modelId": report.get("model_id") or "",
        "weightsSha256": report.get("weights_sha256") or "",
        "dataSet": report.get("data_set") or "",
    }
