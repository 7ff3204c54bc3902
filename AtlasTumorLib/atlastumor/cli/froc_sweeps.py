"""From the files of a cohort to one sweep per case and organ, each case by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..batch.cohort import Case, Problem, organs_of, read_pair
from ..detection.case_sweep import CaseSweep, SweepOptions
from ..detection.reference import find_reference_lesions
from ..detection.sweep import sweep_case
from ..detection.sweep_files import save_sweep
from ..errors import InputError
from ..progress import Progress, ignore_progress, part_of
from .workers import run_in_workers

__all__ = ["CaseOutcome", "SweepTask", "sweep_cases", "sweep_one"]

STAGE = "Sweeping cases"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SweepTask:
    """One case to sweep.

    Args:
        case: Its files.
        options: How to sweep.
        folder: Where the sweeps are written, as CASE-ORGAN.npz.
    """

    case: Case
    options: SweepOptions
    folder: Path


@dataclass(frozen=True, eq=False)
class CaseOutcome:
    """What became of a case.

    Args:
        sweeps: One per organ that could be swept.
        problems: Of the others, or of the case as a whole.
    """

    sweeps: tuple[CaseSweep, ...]
    problems: tuple[Problem, ...]


def sweep_cases(
    tasks: Sequence[SweepTask], *, n_workers: int, progress: Progress = ignore_progress
) -> list[CaseOutcome]:
    """Sweep many cases, in this process or in several.

    Args:
        tasks: One per case.
        n_workers: Number of processes; 1 works in this one.
        progress: Told how many cases are done.

    Returns:
        The outcome of each, in order. Nothing that is wrong with a case stops the others.
    """
    progress(0.0, STAGE)
    n = len(tasks)
    if n_workers == 1:
        return [
            sweep_one(task, part_of(progress, i / n, (i + 1) / n)) for i, task in enumerate(tasks)
        ]
    outcomes: dict[int, CaseOutcome] = {}
    for number, outcome in run_in_workers(sweep_one, tasks, n_workers):
        outcomes[number] = outcome or _lost(tasks[number].case)
        progress(len(outcomes) / n, STAGE)
    return [outcomes[number] for number in range(n)]


def sweep_one(task: SweepTask, progress: Progress = ignore_progress) -> CaseOutcome:
    """Sweep the organs of one case, one after the other.

    Args:
        task: The case.
        progress: Told how far it is.

    Returns:
        Sweeps and problems.
    """
    sweeps: list[CaseSweep] = []
    problems: list[Problem] = []
    try:
        organs = organs_of(task.case)
    except InputError as error:
        return CaseOutcome((), (Problem(task.case.name, str(error)),))
    for n, organ in enumerate(organs):
        share = part_of(progress, n / len(organs), (n + 1) / len(organs))
        for message in _sweep_organ(task, organ, sweeps, share):
            problems.append(Problem(task.case.name, f"{organ}: {message}"))
    return CaseOutcome(tuple(sweeps), tuple(problems))


def _sweep_organ(
    task: SweepTask, organ: str, sweeps: list[CaseSweep], progress: Progress
) -> Iterator[str]:
    """Add the sweep of one organ, or say what keeps it from being made."""
    try:
        pair = read_pair(task.case, organ)
        spacing_mm = pair.grid.spacing_mm
        lesions = find_reference_lesions(
            pair.reference, spacing_mm=spacing_mm, min_volume_mm3=task.options.min_volume_mm3
        )
        sweep = sweep_case(
            task.case.name,
            organ,
            pair.probability,
            lesions,
            options=task.options,
            organ_mask=pair.organ_mask,
            progress=lambda fraction, _stage: progress(fraction, STAGE),
        )
        save_sweep(sweep, task.folder / f"{task.case.name}-{organ}.npz")
        sweeps.append(sweep)
    except InputError as error:
        yield str(error)
    except MemoryError:
        yield "There is not enough memory for it. Close other programs or use fewer --workers."
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as e:
        # A bug over one case must not cost the hours that the others took.
        _log.exception("sweeping failed")
        yield f"This is a bug in AtlasTumor ({type(e).__name__}: {e}); please report it."


def _lost(case: Case) -> CaseOutcome:
    message = (
        "The process that read it died, most likely for want of memory. Close other programs or "
        "crop the case."
    )
    return CaseOutcome((), (Problem(case.name, message),))
