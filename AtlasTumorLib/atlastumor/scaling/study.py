"""A study as the command runs it: plan, foresee, run, sum up, write."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..batch.cases import Problem
from ..errors import InputError, OutputError
from ..executors import Executor
from ..progress import Progress, ignore_progress, part_of
from .analysis import Study, analyze
from .cells import CellTask, check_cell, read_result, run_cell
from .config import ScalingConfig
from .figures import write_figures
from .patients import Patients, teaches
from .report import write_report
from .running import SETTINGS, Finished, describe_settings, plan_tasks, run_cells
from .tables import write_rows, write_study, write_values

__all__ = ["Foreseen", "Written", "foresee", "run_study"]

_TRIAL_STEPS, _TRIAL_CASES = 6, 3


@dataclass(frozen=True)
class Foreseen:
    """What a study will take, by a trial.

    Args:
        n_cells: All cells.
        n_done: Those that are finished already.
        step_seconds: Of one training step.
        case_seconds: Of one held-out scan.
        prepare_seconds: Of preparing one scan, once for the whole study.
        seconds: For all cells that are left, one after the other.
    """

    n_cells: int
    n_done: int
    step_seconds: float
    case_seconds: float
    prepare_seconds: float
    seconds: float


@dataclass(frozen=True)
class Written:
    """What a study gave.

    Args:
        study: Its numbers.
        files: What was written, the report first.
        problems: Of cells that failed.
    """

    study: Study
    files: tuple[Path, ...]
    problems: tuple[Problem, ...]


def foresee(tasks: Sequence[CellTask]) -> Foreseen:
    """Train the most laborious cell for a few steps in a folder of its own, and measure one scan.

    Args:
        tasks: Of the study; nothing is written to their folders.

    Returns:
        What all that are left will take on this machine.

    Raises:
        AtlasTumorError: If the trial fails, as the study would.
    """
    left = [task for task in tasks if read_result(task.folder, task.fingerprint) is None]
    n_done = len(tasks) - len(left)
    if not left:
        return Foreseen(len(tasks), n_done, 0.0, 0.0, 0.0, 0.0)
    last = left[-1]  # the most synthetic tumors
    case_set, cases = next(iter(last.held_out.items()))
    with tempfile.TemporaryDirectory(prefix="atlastumor-") as folder:
        home = Path(folder)
        trial = replace(
            last,
            folder=home / "trial",
            cache=home / "cache",
            cases=(next(c for c in last.cases if teaches(c, last.training.organs)),),
            held_out={case_set: cases[:_TRIAL_CASES]},
            training=replace(last.training, steps=_TRIAL_STEPS),
            fingerprint="trial",
        )
        started = time.perf_counter()
        facts = run_cell(trial).facts
        whole = time.perf_counter() - started
    step = facts["step_seconds"] / _TRIAL_STEPS
    measuring = facts["evaluation_seconds"]
    case = measuring / len(cases[:_TRIAL_CASES])
    prepare = max(whole - facts["step_seconds"] - measuring, 0.0)
    n_held_out = sum(len(one) for one in last.held_out.values())
    n_scans = len({case.id for task in left for case in task.cases})
    each = last.training.steps * step + n_held_out * case
    return Foreseen(len(tasks), n_done, step, case, prepare, len(left) * each + n_scans * prepare)


def run_study(
    config: ScalingConfig,
    patients: Patients,
    output: Path,
    executor: Executor | None = None,
    *,
    device: str = "auto",
    n_threads: int = 1,
    progress: Progress = ignore_progress,
) -> Written:
    """Run what is left of a study and write what all finished cells show.

    Args:
        config: The study's.
        patients: From `read_patients`.
        output: Folder of the study.
        executor: Who runs cells; None runs them here, one after the other.
        device: "auto", "cpu", "cuda" or "cuda:N".
        n_threads: Of the CPU, for each cell.
        progress: Told how far it is.

    Returns:
        What was found and written.

    Raises:
        InputError: If no cell could be trained or finished, no held-out scan measured, or the
            folder holds another study.
        OutputError: If the folder cannot be written to.
        DeviceError: If there is nobody to run cells.
    """
    tasks = plan_tasks(config, patients, output, device=device, n_threads=n_threads)
    if not (output / SETTINGS).exists():  # once they are written down, settings cannot be mended
        check_cell(tasks[-1])
    finished = run_cells(
        tasks,
        describe_settings(config, patients),
        output,
        executor,
        progress=part_of(progress, 0.0, 0.97),
    )
    if not finished.results:
        first = finished.problems[0]
        msg = f"No cell could be finished. The first: {first.case}: {first.message}"
        raise InputError(msg)
    _check_measured(finished)
    progress(0.97, "Summing up")
    study = analyze(config, finished.results, len(tasks))
    files = _write(study, finished, output)
    progress(1.0, "Summing up")
    return Written(study, tuple(files), finished.problems)


def _check_measured(finished: Finished) -> None:
    """Refuse to sum up nothing, as where every held-out scan is damaged."""
    if any(result.rows for result in finished.results):
        return
    wrong = [one for result in finished.results for one in result.problems]
    told = "".join(f" The last: {one.case}: {one.message}" for one in wrong[-1:])
    msg = (
        f"No held-out scan could be measured.{told} Repair these scans, remove the files "
        "result.json of the cells, and call it again; what was trained is kept."
    )
    raise InputError(msg)


def _write(study: Study, finished: Finished, output: Path) -> list[Path]:
    """Write all files beside the cells; an earlier run's are replaced one by one."""
    try:
        with tempfile.TemporaryDirectory(prefix=".report-", dir=output) as folder:
            home = Path(folder)
            figures = write_figures(home, study)
            write_report(home / "report.md", study, figures, finished.problems)
            write_study(home / "study.json", study, finished.problems)
            write_values(home / "values.csv", study)
            write_rows(home / "rows.csv", study)
            names = ["report.md", *(path.name for path in figures)]
            names += ["study.json", "values.csv", "rows.csv"]
            return [(home / name).replace(output / name) for name in names]
    except OSError as error:
        msg = (
            f"The report cannot be written to '{output}': {error.strerror or error}. Make room and "
            "call it again; finished cells are kept."
        )
        raise OutputError(msg) from error
