"""One cell of a study: a training on n real scans with k synthetic ones each, and its evaluation.

cells/KEY/cohort.json   the subset
cells/KEY/model/        what `atlastumor train` writes
cells/KEY/scores.jsonl  held-out scans as they are measured
cells/KEY/result.json   the cell, whole: a cell that has it is never run again
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..batch.cases import Problem
from ..batch.scoring import EvaluationOptions
from ..collections import Collection, CollectionCase, write_cohort
from ..cotraining.config import TrainingConfig
from ..progress import Progress, ignore_progress, part_of
from ..provenance import to_plain
from .measuring import Row, measure_cases, read_rows
from .patients import teaches

__all__ = [
    "Cell",
    "CellResult",
    "CellTask",
    "check_cell",
    "read_result",
    "run_cell",
    "run_cell_with",
]

_SCHEMA = "atlastumor-scaling-cell/1"
_TRAINING = 0.7  # of a cell's time, for its progress


@dataclass(frozen=True, order=True)
class Cell:
    """Which cell of a study.

    Args:
        n: Real scans.
        fold: Synthetic ones for each of them.
        seed: Of subset, weights and patches.
    """

    n: int
    fold: float
    seed: int

    @property
    def key(self) -> str:
        """Names it and its folder."""
        return f"n{self.n}-fold{self.fold:g}-seed{self.seed}"

    @property
    def probability(self) -> float:
        """Share of patches with a synthetic tumor: all scans are drawn equally often."""
        return self.fold / (1 + self.fold)


@dataclass(frozen=True)
class CellTask:
    """All that whoever runs a cell must know.

    Args:
        cell: Which.
        folder: Of the cell.
        cache: Folder of the scans on the network's grid, shared by all cells.
        training: What all trainings share.
        cases: The subset.
        held_out: Cases to evaluate on, by set.
        evaluation: What the numbers mean.
        fingerprint: Of all that the result follows from.
        device: "auto", "cpu", "cuda" or "cuda:N".
        n_threads: Of the CPU, for the network.
    """

    cell: Cell
    folder: Path
    cache: Path
    training: TrainingConfig
    cases: tuple[CollectionCase, ...]
    held_out: Mapping[str, tuple[CollectionCase, ...]]
    evaluation: EvaluationOptions
    fingerprint: str
    device: str = "auto"
    n_threads: int = 1

    def configure(self) -> TrainingConfig:
        """Give the training of this cell; what nothing in its subset teaches is not asked for."""
        organs = self.training.organs
        if organs is not None:
            organs = tuple(key for key in organs if any(teaches(c, [key]) for c in self.cases))
        return replace(
            self.training,
            cohorts=(self.folder / "cohort.json",),
            output=self.folder / "model",
            cache=self.cache,
            id="cell",
            organs=organs,
            seed=self.cell.seed,
            synthetic=replace(self.training.synthetic, probability=self.cell.probability),
        )


@dataclass(frozen=True)
class CellResult:
    """A finished cell.

    Args:
        cell: Which.
        rows: One per held-out scan and organ.
        problems: Of scans that could not be used.
        facts: Steps, seconds, synthetic tumors and the like, ready for JSON.
    """

    cell: Cell
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    facts: Mapping[str, Any]


def check_cell(task: CellTask) -> None:
    """Refuse a cell whose training would be refused for its settings, before anything is written.

    Args:
        task: The cell.

    Raises:
        AtlasTumorError: As of the training.
    """
    from ..cotraining.starting import draft_card, find_source  # noqa: PLC0415 - as in `run_cell`
    from ..cotraining.synthetic import check_synthetic  # noqa: PLC0415

    config = task.configure()
    card = draft_card(config, task.cases, find_source(config))
    check_synthetic(config.synthetic, config.models_dir, card.outputs)


def run_cell(task: CellTask) -> CellResult:
    """Run a cell, or go on where it was broken off.

    Args:
        task: The cell.

    Returns:
        Its result, which is also in its folder.

    Raises:
        AtlasTumorError: If it cannot be trained or evaluated.
    """
    return run_cell_with(task, ignore_progress)


def run_cell_with(task: CellTask, progress: Progress) -> CellResult:
    """Run a cell as `run_cell` does.

    Args:
        task: The cell.
        progress: Told after every scan and step.

    Returns:
        Its result.

    Raises:
        AtlasTumorError: If it cannot be trained or evaluated.
    """
    done = read_result(task.folder, task.fingerprint)
    if done is not None:
        return done
    import torch  # noqa: PLC0415 - planning does without

    from ..cotraining.running import train_cohort  # noqa: PLC0415

    torch.set_num_threads(task.n_threads)
    write_cohort(task.folder / "cohort.json", Collection(task.cases))
    config = task.configure()
    started = time.perf_counter()
    trained = train_cohort(config, device=task.device, progress=part_of(progress, 0, _TRAINING))
    training_s = time.perf_counter() - started
    rows: list[Row] = []
    problems = [*trained.problems]
    n_cases = sum(map(len, task.held_out.values()))
    outcomes = measure_cases(
        trained.card,
        config.output,
        task.held_out,
        task.evaluation,
        journal=task.folder / "scores.jsonl",
        device=task.device,
    )
    for n_done, outcome in enumerate(outcomes, start=1):
        if isinstance(outcome, Problem):
            problems.append(outcome)
        else:
            rows.extend(outcome)
        progress(_TRAINING + (1 - _TRAINING) * n_done / n_cases, "Measuring held-out scans")
    facts = _tell(task, training_s, time.perf_counter() - started - training_s)
    result = CellResult(task.cell, tuple(rows), tuple(problems), facts)
    _write(result, task)
    return result


def _tell(task: CellTask, training_s: float, evaluation_s: float) -> dict[str, Any]:
    """Say what the numbers of a cell do not."""
    from ..cotraining.history import STEPS, Table  # noqa: PLC0415

    steps = Table(task.folder / "model" / "run" / "history.csv", STEPS).rows()
    return {
        "steps": len(steps),
        "step_seconds": sum(float(row["seconds"]) for row in steps),
        "last_loss": float(steps[-1]["loss"]) if steps else None,
        "synthetic_tumors": sum(int(row["made"]) for row in steps),
        "training_seconds": round(training_s, 3),
        "evaluation_seconds": round(evaluation_s, 3),
        "threads": task.n_threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "cases": [case.id for case in task.cases],
        "software": f"AtlasTumor {__version__}",
    }


def _write(result: CellResult, task: CellTask) -> None:
    record = to_plain(
        {
            "schema": _SCHEMA,
            "fingerprint": task.fingerprint,
            "cell": asdict(result.cell),
            "facts": result.facts,
            "problems": [asdict(one) for one in result.problems],
            "rows": [asdict(row) for row in result.rows],
        }
    )
    path = task.folder / "result.json"
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def read_result(folder: Path, fingerprint: str) -> CellResult | None:
    """Read the result of a cell.

    Args:
        folder: Of the cell.
        fingerprint: Of all that it must follow from.

    Returns:
        The result; None if the cell is not finished or was another one.
    """
    try:
        record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if record.get("schema") != _SCHEMA or record.get("fingerprint") != fingerprint:
        return None
    return CellResult(
        Cell(**record["cell"]),
        read_rows(record["rows"]),
        tuple(Problem(**one) for one in record["problems"]),
        record["facts"],
    )
