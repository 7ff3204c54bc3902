"""Which cases a run learns from and is validated with."""

from __future__ import annotations

from collections.abc import Sequence

from ..batch.cases import Problem
from ..collections import CollectionCase, check_leakage, fill_fingerprints, read_cohort
from ..errors import InputError
from ..models.card import ModelCard
from ..progress import Progress, ignore_progress
from ..training.processes import Processes
from .config import TrainingConfig
from .learnable import check_taught, count_tumors_as_organs
from .prepare import CachedCase, prepare_cases

__all__ = ["cache_cases", "read_cases"]


def read_cases(
    config: TrainingConfig, *, progress: Progress = ignore_progress
) -> tuple[list[CollectionCase], list[CollectionCase]]:
    """Read the cohorts of a configuration.

    Args:
        config: The run's.
        progress: Told after every scan that must be read, as its cohort has no fingerprint of it.

    Returns:
        The training cases (those of no split count among them) and the validation cases.

    Raises:
        InputError: If a cohort cannot be read, two cases have one id, a scan is to be trained on
            and validated on, or none is to train on.
    """
    cases = [case for path in config.cohorts for case in read_cohort(path).cases]
    ids = [case.id for case in cases]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        msg = f"Two cases of the cohorts have the id '{twice}'; rename one."
        raise InputError(msg)
    train = [case for case in cases if case.split != "validation"]
    if not train:
        msg = "The cohorts hold no case to train on; give some the split 'train'."
        raise InputError(msg)
    validation = [case for case in cases if case.split == "validation"]
    if validation:  # else no scan need be read for it
        check_leakage(fill_fingerprints(cases, progress=progress))
    return train, validation


def cache_cases(
    config: TrainingConfig,
    cases: Sequence[CollectionCase],
    card: ModelCard,
    processes: Processes,
    *,
    progress: Progress = ignore_progress,
) -> tuple[list[CachedCase], list[Problem]]:
    """Let the first process fill the cache; all then read what it found.

    Args:
        config: The run's.
        cases: Training cases.
        card: The draft of the model, for its input and what it learns.
        processes: Those that share the work.
        progress: Told after every scan.

    Returns:
        The cases that can be used, and why others cannot.

    Raises:
        InputError: If none can be used, none that is annotated for one of the channels, or the
            processes cannot share a step.
        OutputError: If the cache cannot be written to.
    """
    processes.divide(config.batch)  # now, not after hours of preparing scans
    spec, cache = card.input, config.cache or config.output / "cache"
    learned = {output.organ for output in card.outputs}
    useless = [c for c in cases if not learned & (c.annotated.organs | c.annotated.tumors)]
    cases = [count_tumors_as_organs(c, card.outputs) for c in cases if c not in useless]
    found: list[CachedCase | Problem] = []
    if processes.is_first:
        (config.output / "run").mkdir(parents=True, exist_ok=True)
        for one in prepare_cases(cases, spec, cache, workers=config.workers):
            found.append(one)
            progress(0.0, f"Preparing scan {len(found)} of {len(cases)}")
    processes.wait()
    if not processes.is_first:
        found = list(prepare_cases(cases, spec, cache))
    usable = [one for one in found if isinstance(one, CachedCase)]
    damaged = [one for one in found if isinstance(one, Problem)]
    problems = [Problem(c.id, "It is annotated for none of the organs to learn.") for c in useless]
    problems += damaged
    if not usable:
        first = problems[0]
        msg = f"No training case can be used. The first: {first.case}: {first.message}"
        raise InputError(msg)
    check_taught(card.outputs, usable, damaged)
    return usable, problems
