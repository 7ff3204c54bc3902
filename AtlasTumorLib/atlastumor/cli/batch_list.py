"""What a cohort would be made of, and what it would take, before anything is done."""

from __future__ import annotations

import argparse
import math
from typing import Any

from ..cohorts.finding import Found, find_cohort
from ..cohorts.planning import foresee, guess_grid, plan_local
from ..cohorts.series_choice import SeriesChoice
from ..cohorts.settings import BatchSettings
from ..errors import InputError
from ..scans.input_files import name_of
from .console import Console

__all__ = ["show_cases"]


def show_cases(options: argparse.Namespace, settings: BatchSettings, console: Console) -> None:
    """Say which cases a cohort would have, by which rules, and what they would take.

    Args:
        options: Of the command.
        settings: What would be done with every case.
        console: Where to say it.

    Raises:
        AtlasTumorError: If inputs, model or device cannot be used.
    """
    found = find_cohort(
        options.inputs,
        series=options.series,
        exclude=[options.output],
        progress=lambda _fraction, stage: console.progress(0.0, stage),
    )
    for problem in found.problems:
        console.note(f"{problem.case}: {problem.message}")
    if found.left_out:
        first = name_of(found.left_out[0])
        console.note(f"Left out as labels or results: {len(found.left_out)}, such as {first}.")
    console.table([_describe_choice(choice) for choice in found.choices])
    rows = [
        {"case": one.id, "megabytes": round(one.size_bytes / 1e6, 1), "path": str(one.path)}
        for one in found.cases
    ]
    console.table(rows)
    if not rows:
        msg = "There is no scan in the inputs."
        raise InputError(msg)
    console.document(_foresee(found, settings, options))


def _describe_choice(choice: SeriesChoice) -> dict[str, Any]:
    series = choice.series
    return {
        "case": choice.case or "-",
        "taken": "yes" if choice.is_taken else "no",
        "study": series.study,
        "number": series.number,
        "series": series.uid,
        "modality": series.modality,
        "slices": series.n_slices,
        "spacing": "" if math.isnan(series.spacing_mm) else f"{series.spacing_mm:.2f}",
        "kernel": series.kernel,
        "rule": choice.rule,
    }


def _foresee(found: Found, settings: BatchSettings, options: argparse.Namespace) -> dict[str, Any]:
    """Guess, from the sizes of files alone, time and memory of all cases."""
    plan = plan_local(
        settings, found.cases, device=options.device, n_workers=options.workers, gpus=options.gpus
    )
    device = "auto" if options.gpus else options.device
    grids = [guess_grid(case) for case in found.cases]
    sizes = [(grid.shape[0], math.ceil(grid.shape[2] / 16)) for grid in grids]
    foreseen = {
        size: foresee(settings, grid, device)
        for size, grid in dict(zip(sizes, grids, strict=True)).items()
    }
    seconds = sum(foreseen[size].seconds for size in sizes) / plan.n_workers
    memory = plan.n_workers * max(one.host_bytes for one in foreseen.values())
    return {
        "cases": len(found.cases),
        "workers": plan.n_workers,
        "hours": round(seconds / 3600, 4) if math.isfinite(seconds) else None,
        "gigabytes": round(memory / 1e9, 1),
    }
