"""A run from configuration to model: prepare, start or take up, step, validate, write.

The output folder holds:
    ID.json, ID.safetensors  the model, from the first validation on
    report.md, *.png         what a person reads
    run/                     checkpoint and tables
    cache/                   the scans on the network's grid; may be deleted afterwards
"""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from ..batch.cases import Problem
from ..collections import CollectionCase
from ..errors import OutOfMemoryError, OutputError
from ..inference.device import choose_device, find_best_precision
from ..models.card import ModelCard
from ..progress import Progress, ignore_progress
from ..training.processes import Processes, join_processes
from .cases import cache_cases, read_cases
from .config import TrainingConfig
from .export import write_model
from .history import STEPS, VALIDATION, Table
from .optimizing import Run, learning_rate_at, resume_run, save_run, start_run, take_step
from .patches import MADE, NO_ROOM, Patch, PatchSource
from .prepare import CachedCase
from .report import RunFacts, write_report
from .starting import draft_card, find_source, start_network
from .synthetic import check_synthetic
from .validation import validate

__all__ = ["TrainedModel", "train_cohort"]

_STAGE = "Training"
_DEAD_WORKER = re.compile(r"DataLoader worker .* (is killed|exited)")


@dataclass(frozen=True)
class TrainedModel:
    """What a run gave.

    Args:
        card: The model.
        files: What was written, the card first; empty in all processes but the first.
        problems: Cases that were skipped, and why.
    """

    card: ModelCard
    files: tuple[Path, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Setup:
    """What does not change during a run."""

    config: TrainingConfig
    processes: Processes
    device: str
    hardware: str
    card: ModelCard
    note: str
    cases: Sequence[CachedCase]
    validation: Sequence[CollectionCase]
    record: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.config.output / "run"

    @property
    def steps(self) -> Table:
        return Table(self.folder / "history.csv", STEPS)

    @property
    def looks(self) -> Table:
        return Table(self.folder / "validation.csv", VALIDATION)


def train_cohort(
    config: TrainingConfig, *, device: str = "auto", progress: Progress = ignore_progress
) -> TrainedModel:
    """Train a model, or go on where a run in the output folder was broken off.

    Args:
        config: The run's.
        device: "auto", "cpu", "cuda" or "cuda:N"; of several processes each takes its own GPU.
        progress: Told after every scan and every step.

    Returns:
        The model.

    Raises:
        InputError: If cohort, settings or an earlier run in the folder cannot be used.
        OutputError: If the folder cannot be written to, or another run writes into it.
        OutOfMemoryError: If a process that prepares scans or draws patches dies.
        AtlasTumorError: As of what it runs.
    """
    chosen = choose_device(device)
    with join_processes(cuda=chosen.kind == "cuda") as processes, _speaking_of(config.output):
        where = processes.choose_gpu(chosen.name)
        precision = config.precision
        if precision == "auto":
            precision = find_best_precision(chosen)
        train, validation = read_cases(config, progress=progress)
        source = find_source(config)
        card = draft_card(config, train, source)
        check_synthetic(config.synthetic, config.models_dir, card.outputs)
        with _alone(config.output, processes):
            cases, problems = cache_cases(config, train, card, processes, progress=progress)
            network, note = start_network(card, source, config)
            hardware = f"{chosen.description} x {processes.size}"
            keys = [case.folder.name for case in cases]
            record = config.record() | {"precision": precision, "cases": keys}
            setup = _Setup(
                config, processes, where, hardware, card, note, cases, validation, record
            )
            run = start_run(network, config, processes, device=where, precision=precision)
            card, more = _go(run, setup, progress)
            skipped = (*problems, *more)
            return TrainedModel(card, _finish(card, setup, skipped), skipped)


@contextmanager
def _alone(output: Path, processes: Processes) -> Iterator[None]:
    """Keep other runs out of a folder; of several processes the first holds it for all."""
    if not processes.is_first:
        yield
        return
    folder = output / "run"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        msg = f"Another run writes into '{output}'. Wait for it to end, or name another folder."
        raise OutputError(msg) from error


@contextmanager
def _speaking_of(folder: Path) -> Iterator[None]:
    """Turn what the file system says, and the death of a worker, into a sentence."""
    try:
        yield
    except (RuntimeError, ConnectionError, EOFError) as error:
        # The last two are a worker's that died with a patch half handed over.
        if isinstance(error, RuntimeError) and _DEAD_WORKER.search(str(error)) is None:
            raise
        msg = (
            "The process that draws patches died, most likely for want of memory. Set `workers` "
            "lower; call it again to go on."
        )
        raise OutOfMemoryError(msg) from error
    except OSError as error:
        msg = (
            f"The run cannot be written to '{folder}': {error.strerror or error}. Make room or "
            "name another folder; what was learned up to the last checkpoint is kept."
        )
        raise OutputError(msg) from error


def _finish(card: ModelCard, setup: _Setup, problems: tuple[Problem, ...]) -> tuple[Path, ...]:
    """Write the report; list what the first process wrote."""
    if not setup.processes.is_first:
        return ()
    folder = setup.config.output
    report = write_report(folder, _facts(setup, problems), setup.steps, setup.looks)
    return (folder / f"{card.id}.json", folder / card.weights.name, *report)


def _facts(setup: _Setup, problems: tuple[Problem, ...]) -> RunFacts:
    config = setup.config
    counts = (config.batch, len(setup.cases), len(setup.validation))
    return RunFacts(config.id, setup.hardware, *counts, (setup.note,), problems)


def _go(run: Run, setup: _Setup, progress: Progress) -> tuple[ModelCard, list[Problem]]:
    """Take the steps that are left."""
    config, checkpoint = setup.config, setup.folder / "checkpoint.pt"
    if checkpoint.is_file():
        resume_run(run, checkpoint, setup.record, device=setup.device)
    if setup.processes.is_first:
        setup.steps.cut(run.step)
        setup.looks.cut(min(run.step, config.steps - 1))  # the last look is always taken again
    card, problems = setup.card, list[Problem]()
    rows: list[dict[str, Any]] = []
    for row in _take_steps(run, setup):
        rows.append(row)
        is_last = run.step == config.steps
        is_look = is_last or run.step % config.validate_every == 0
        if is_look or run.step % config.checkpoint_every == 0:
            if setup.processes.is_first:
                setup.steps.add(rows)
                if is_look:
                    card, problems = _look(run, setup)
                save_run(run, checkpoint, setup.record)
            rows.clear()
            setup.processes.wait()
        progress(run.step / config.steps, f"{_STAGE}, loss {row['loss']:.3f}")
    if setup.processes.is_first and card is setup.card:  # nothing was left to do
        card, problems = _look(run, setup)
    setup.processes.wait()
    return card, problems


def _take_steps(run: Run, setup: _Setup) -> Iterator[dict[str, Any]]:
    """Step by step, what the history says of it."""
    config, processes = setup.config, setup.processes
    source = PatchSource(
        setup.cases, config, setup.card.input, setup.card.outputs, setup.card.inference.patch
    )
    loader = torch.utils.data.DataLoader(
        source,
        batch_sampler=_Numbers(config, run.step, processes),
        num_workers=config.workers,
        pin_memory=setup.device != "cpu",
        worker_init_fn=_ignore_signals,
    )
    started = time.perf_counter()
    for patches in loader:
        ready = time.perf_counter()
        rate = learning_rate_at(config, run.step)
        loss = take_step(run, _move(patches, setup.device), config, processes)
        counts = torch.stack([(patches.origin == kind).sum() for kind in (MADE, NO_ROOM)])
        made, lost = (processes.average(counts.double().to(setup.device)) * processes.size).tolist()
        now = time.perf_counter()
        yield {
            "step": run.step,
            "loss": loss,
            "learning_rate": rate,
            "seconds": now - started,
            "waited": ready - started,
            "made": int(made),
            "no_room": int(lost),
        }
        started = time.perf_counter()


def _ignore_signals(_worker: int) -> None:
    """Let a signal to all processes of a run end it from its first, which then ends its workers."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)


class _Numbers(torch.utils.data.Sampler[list[int]]):
    """Numbers of this process's patches in each step that is left."""

    def __init__(self, config: TrainingConfig, start: int, processes: Processes) -> None:
        self._config, self._start, self._processes = config, start, processes

    def __iter__(self) -> Iterator[list[int]]:
        return self._processes.share(self._start, self._config.steps, self._config.batch)

    def __len__(self) -> int:
        return self._config.steps - self._start


def _move(patches: Patch, device: str) -> Patch:
    return Patch(*(part.to(device, non_blocking=True) for part in patches))


def _look(run: Run, setup: _Setup) -> tuple[ModelCard, list[Problem]]:
    """Write the model as it is and measure it."""
    config, folder = setup.config, setup.config.output
    source = {
        "data": f"{len(setup.cases)} cases of its user",
        "weights": setup.note,
        "trained": f"{run.step} steps, seed {config.seed}, on {setup.hardware}",
        "settings": json.dumps(config.record() | {"network": None, "input": None})[:2000],
    }
    card = write_model(setup.card, run.average, folder, source=source)
    if not setup.validation:
        return card, []
    measured = validate(card, folder, setup.validation, device=setup.device)
    setup.looks.add({"step": run.step, **row} for row in measured.rows)
    card = write_model(setup.card, run.average, folder, source=source, evaluation=measured.rows)
    return card, list(measured.problems)
