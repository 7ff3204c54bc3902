"""`atlastumor scaling`: how accuracy grows with real scans, with synthetic tumors and without."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .arguments import parse_count, parse_gpus
from .cluster_options import add_cluster_options, check_gpus, open_cluster
from .console import Console

if TYPE_CHECKING:
    from ..executors import Executor
    from ..scaling.cells import CellTask
    from ..scaling.study import Written

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser(
        "scaling", help="train on more and more scans, with synthetic tumors and without"
    )
    parser.add_argument("config", type=Path, help="JSON file; see the documentation on scaling")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the study")
    parser.add_argument(
        "--list", action="store_true", help="run nothing; show the cells and the time foreseen"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    group = parser.add_argument_group("computation")
    group.add_argument("--workers", type=parse_count(1), metavar="N", help="cells at once (1)")
    group.add_argument("--gpus", type=parse_gpus, default=(), metavar="N,...", help="such as 0,1")
    add_cluster_options(group)
    group.add_argument(
        "--threads", type=parse_count(1), metavar="N", help="of each cell (cores / workers)"
    )
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Run a study, or show what it would be.

    Args:
        options: What `add_parser` declares.
        console: Where to speak.

    Raises:
        AtlasTumorError: If it cannot be done.
    """
    n_workers, executor = _find_executor(options, console)
    from ..scaling.config import load_scaling  # noqa: PLC0415 - other commands do without

    config = load_scaling(options.config)
    from ..scaling.patients import read_patients  # noqa: PLC0415 - pulls in nibabel
    from ..scaling.running import plan_tasks  # noqa: PLC0415
    from ..scaling.study import run_study  # noqa: PLC0415

    n_threads = options.threads or max((os.cpu_count() or 1) // n_workers, 1)
    patients = read_patients(config, progress=lambda _, stage: console.progress(0.0, stage))
    if options.list:
        tasks = plan_tasks(
            config, patients, options.output, device=options.device, n_threads=n_threads
        )
        _show(tasks, n_workers, console)
        return
    written = run_study(
        config,
        patients,
        options.output,
        executor,
        device=options.device,
        n_threads=n_threads,
        progress=console.progress,
    )
    _tell(written, console)
    console.result(options.output, written.files)


def _find_executor(options: argparse.Namespace, console: Console) -> tuple[int, Executor | None]:
    """Find who runs the cells, and how many at once on this computer."""
    chosen = [name for name in ("workers", "gpus", "scheduler", "slurm") if getattr(options, name)]
    if len(chosen) > 1:
        msg = f"Give one of {' and '.join(f'--{name}' for name in chosen)}"
        raise UsageError(msg)
    check_gpus(options.gpus)
    # A cell has a GPU to itself, however many threads the worker has.
    cluster = open_cluster(options, say=console.note, folders=[options.output], n_each=1)
    n = len(options.gpus) or options.workers or 1
    if cluster is not None or (n == 1 and not options.gpus):
        return 1, cluster
    from ..executors.local import LocalExecutor  # noqa: PLC0415 - one at a time does without

    environments = [{"CUDA_VISIBLE_DEVICES": str(number)} for number in options.gpus] or None
    return n, LocalExecutor(n, environments=environments)


def _show(tasks: list[CellTask], n_workers: int, console: Console) -> None:
    """Show the plan: cells, and what a trial says of the time."""
    from ..scaling.study import foresee  # noqa: PLC0415 - pulls in torch

    n_held_out = sum(len(cases) for cases in tasks[0].held_out.values())
    rows = [
        {
            "real_scans": task.cell.n,
            "synthetic_fold": f"{task.cell.fold:g}",
            "seed": task.cell.seed,
            "patches_with_synthetic_tumor": f"{task.cell.probability:.0%}",
            "steps": task.training.steps,
            "held_out_scans": n_held_out,
        }
        for task in tasks
    ]
    console.table(rows)
    plan = foresee(tasks)
    console.say(f"{plan.n_cells} cells, {plan.n_done} of them finished.")
    if plan.seconds:
        minutes = plan.seconds / 60 / n_workers
        left = f"{minutes / 60:.1f} h" if minutes > 120 else f"{minutes:.1f} min"
        console.say(
            f"A trial took {plan.step_seconds:.3g} s a step and {plan.case_seconds:.3g} s a "
            f"held-out scan: about {left} for what is left, {n_workers} at once."
        )


def _tell(written: Written, console: Console) -> None:
    """Say what the study shows in a few lines."""
    from ..scaling.metrics import ALL  # noqa: PLC0415
    from ..scaling.report import say_gains  # noqa: PLC0415

    for problem in written.problems:
        console.note(f"{problem.case}: {problem.message}")
    study = written.study
    console.say(f"{len(study.results)} of {study.n_cells} cells are finished.")
    main = ALL if len(study.organs) > 1 else study.organs[0]
    for (name, organ, metric, _), gain in study.gains.items():
        if organ == main and metric == "dsc":
            console.say(f"{name}: {say_gains(gain)}")
