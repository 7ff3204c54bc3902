"""A study from configuration to report: every cell once, wherever it runs.

The output folder holds:
    cells/        one folder per cell, see `cells.py`
    cache/        the scans on the network's grid; may be deleted afterwards
    settings.json what every cell follows from
    report.md, *.svg, *.png, study.json, values.csv, rows.csv
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..batch.cases import Problem
from ..collections import CollectionCase
from ..errors import InputError, OutputError
from ..executors import Executor
from ..progress import Progress, ignore_progress
from ..provenance import to_plain
from .cells import Cell, CellResult, CellTask, read_result
from .config import ScalingConfig
from .handing_out import InThisProcess, explain_end, hand_out
from .patients import Patients, draw_subset

__all__ = ["SETTINGS", "Finished", "describe_settings", "list_cells", "plan_tasks", "run_cells"]


SETTINGS = "settings.json"
"""In the study's folder: what every cell follows from."""


@dataclass(frozen=True)
class Finished:
    """What became of the cells.

    Args:
        results: Of those that are finished, in order.
        problems: Of those that failed, by their keys.
    """

    results: tuple[CellResult, ...]
    problems: tuple[Problem, ...]


def list_cells(config: ScalingConfig) -> list[Cell]:
    """List the cells of a study, small ones first, so that arms and seeds grow together."""
    return [Cell(*one) for one in product(config.sizes, config.folds, config.seeds)]


def plan_tasks(
    config: ScalingConfig,
    patients: Patients,
    output: Path,
    *,
    device: str = "auto",
    n_threads: int = 1,
) -> list[CellTask]:
    """Say what is to be done for every cell.

    Args:
        config: The study's.
        patients: Of it.
        output: Folder of the study.
        device: "auto", "cpu", "cuda" or "cuda:N".
        n_threads: Of the CPU, for each cell.

    Returns:
        One task per cell, in the order of `list_cells`.
    """
    output = output.resolve()
    record = describe_settings(config, patients)
    tasks: list[CellTask] = []
    for cell in list_cells(config):
        cases = draw_subset(patients.pool, cell.n, cell.seed)
        own = {**record, "cell": asdict(cell), "cases": [case.id for case in cases]}
        text = json.dumps(to_plain(own), sort_keys=True)
        tasks.append(
            CellTask(
                cell,
                output / "cells" / cell.key,
                output / "cache",
                config.training,
                cases,
                dict(patients.held_out),
                config.evaluation,
                hashlib.sha256(text.encode()).hexdigest(),
                device,
                n_threads,
            )
        )
    return tasks


def describe_settings(config: ScalingConfig, patients: Patients) -> dict[str, Any]:
    """Say what every cell follows from; more sizes, arms and seeds may be asked for later.

    Args:
        config: The study's.
        patients: Of it.

    Returns:
        Ready for JSON.
    """

    def name(cases: Sequence[CollectionCase]) -> list[list[str]]:
        return [[case.id, case.fingerprint] for case in cases]

    scans = [name(group) for group in patients.pool]
    held_out = {key: name(cases) for key, cases in patients.held_out.items()}
    own = {"scans": scans, "held_out": held_out, "annotations": _hash_annotations(patients)}
    record: dict[str, Any] = to_plain({**config.record(), **own})
    return record


def _hash_annotations(patients: Patients) -> str:
    """Know again what all cases are annotated for and what the values of their files mean."""
    cases = [case for group in (*patients.pool, *patients.held_out.values()) for case in group]
    told = [
        [
            *(case.id, sorted(case.annotated.organs), sorted(case.annotated.tumors)),
            [sorted(file.values.items()) for file in case.labels],
        ]
        for case in cases
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def run_cells(
    tasks: Sequence[CellTask],
    settings: Mapping[str, Any],
    output: Path,
    executor: Executor | None = None,
    *,
    progress: Progress = ignore_progress,
) -> Finished:
    """Run all cells that are not finished yet.

    Args:
        tasks: From `plan_tasks`.
        settings: From `describe_settings`.
        output: Folder of the study.
        executor: Who runs them; None runs one after the other in this process.
        progress: Told how far the study is.

    Returns:
        Every finished cell, also of earlier runs, and why others failed.

    Raises:
        InputError: If the folder holds a study with other settings.
        OutputError: If the folder cannot be written to, or another process works in it.
        DeviceError: If there is nobody to run cells.
    """
    with _alone(output):
        _check_settings(output / SETTINGS, settings)
        done = {task.cell: read_result(task.folder, task.fingerprint) for task in tasks}
        results = {cell: one for cell, one in done.items() if one is not None}
        left = [task for task in tasks if task.cell not in results]
        problems: list[Problem] = []
        if left:
            n_before, n_tasks = len(results), len(tasks)

            def report(fraction: float, stage: str) -> None:
                progress((n_before + fraction * len(left)) / n_tasks, stage)

            with executor or InThisProcess() as at_work:
                for task, ended in hand_out(left, at_work, report):
                    if ended.error is None and ended.value is not None:
                        results[task.cell] = ended.value
                    else:
                        problems.append(Problem(task.cell.key, explain_end(ended)))
        ordered = tuple(results[task.cell] for task in tasks if task.cell in results)
        return Finished(ordered, tuple(problems))


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Keep other processes out of a study, and turn what the file system says into a sentence."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = FileLock(output / ".lock", timeout=0)
        with lock:
            yield
    except Timeout as error:
        msg = f"Another process works on the study in '{output}'. Wait for it to end."
        raise OutputError(msg) from error
    except OSError as error:
        msg = (
            f"The study cannot be written to '{output}': {error.strerror or error}. Make room or "
            "name another folder; finished cells are kept."
        )
        raise OutputError(msg) from error


def _check_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Refuse to mix cells of different settings; write down those of a new study."""
    if not path.is_file():
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_text(json.dumps(settings, indent=1, ensure_ascii=False), encoding="utf-8")
        part.replace(path)
        return
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = f"{path.name} of the study cannot be read. Name a new output folder."
        raise InputError(msg) from error
    different = [key for key in settings if earlier.get(key) != settings[key]]
    if different:
        details = "".join(
            _tell_difference(key, earlier.get(key), settings[key]) for key in different
        )
        msg = (
            f"The output folder holds a study with other settings ({details}). Name a new folder, "
            "or set them as they were; sizes, folds and seeds may be added."
        )
        raise InputError(msg)


def _tell_difference(key: str, earlier: Any, now: Any) -> str:
    if isinstance(earlier, dict) and isinstance(now, dict):
        inner = [name for name in now if earlier.get(name) != now[name]]
        return f" {key}: {', '.join(inner)};"
    return f" {key};"
