"""The optimization loop: resumable, CPU or CUDA, and nothing about medicine."""

from __future__ import annotations

import copy
import logging
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..networks import build_network
from .loss import segmentation_loss
from .pool import SampleStream
from .recipe import Recipe, outputs
from .samples import Sample
from .state import follow_weights, write_state

__all__ = ["Run", "train"]

_log = logging.getLogger(__name__)
_SAVE_EVERY = 100
_REPORT_EVERY = 20


@dataclass
class Run:
    """A training run between two steps.

    Args:
        network: The network being optimized.
        average: Running mean of its weights, the one to ship.
        optimizer: AdamW.
        step: Steps done.
        seconds: Wall-clock seconds spent in steps, over all resumptions.
    """

    network: torch.nn.Module
    average: torch.nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0


def train(paths: list[Path], recipe: Recipe, *, checkpoint: Path, device: str = "cpu") -> Run:
    """Train until the recipe's last step, resuming from the checkpoint if there is one.

    Args:
        paths: The pool of anatomies.
        recipe: What to do.
        checkpoint: Written every 100 steps and at the end; read if it exists.
        device: "cpu" or a CUDA device.

    Returns:
        The finished run.
    """
    run = _start(recipe, device)
    if checkpoint.exists():
        _resume(run, checkpoint, device)
    stream = SampleStream(paths, recipe, run.step)
    loader = torch.utils.data.DataLoader(
        stream, batch_size=1, num_workers=1, prefetch_factor=4, pin_memory=device != "cpu"
    )
    weights = _class_weights(device)
    losses: deque[float] = deque(maxlen=_REPORT_EVERY)
    for sample in loader:
        started = time.monotonic()
        losses.append(_step(run, recipe, Sample(*(part.to(device) for part in sample)), weights))
        run.seconds += time.monotonic() - started
        if run.step % _REPORT_EVERY == 0:
            pace = run.seconds / run.step
            mean = sum(losses) / len(losses)
            _log.info("Step %d of %d: loss %.4f, %.2f s/step", run.step, recipe.steps, mean, pace)
        if run.step % _SAVE_EVERY == 0:
            _save(run, recipe, checkpoint)
    _save(run, recipe, checkpoint)
    return run


def _start(recipe: Recipe, device: str) -> Run:
    torch.manual_seed(recipe.seed)
    network = build_network(recipe.network, len(outputs()), recipe.network_args).to(device)
    average = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    optimizer = torch.optim.AdamW(
        network.train().parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    return Run(network, average, optimizer)


def _class_weights(device: str) -> torch.Tensor:
    """Tumors are rare: a missed one must cost more than a ragged organ border."""
    return torch.tensor([{"tumor": 1.5}.get(row["kind"], 1.0) for row in outputs()], device=device)


def _step(run: Run, recipe: Recipe, sample: Sample, weights: torch.Tensor) -> float:
    """Take one optimizer step and return its loss."""
    for group in run.optimizer.param_groups:
        group["lr"] = recipe.learning_rate_at(run.step)
    with torch.autocast(sample.image.device.type, torch.bfloat16):
        logits = run.network(sample.image)
    loss = segmentation_loss(logits, sample.channels, sample.balance, weights)
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 2.0)
    run.optimizer.step()
    run.step += 1
    decay = min(recipe.ema, run.step / (run.step + 10))
    follow_weights(run.average, run.network, decay)
    return float(loss.detach())


def _save(run: Run, recipe: Recipe, path: Path) -> None:
    state: dict[str, Any] = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "step": run.step,
        "seconds": run.seconds,
        "recipe": asdict(recipe),
    }
    write_state(state, path)


def _resume(run: Run, path: Path, device: str) -> None:
    state = torch.load(path, map_location=device, weights_only=True)
    run.network.load_state_dict(state["network"])
    run.average.load_state_dict(state["average"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.step, run.seconds = state["step"], state["seconds"]
    _log.info("Resumed at step %d", run.step)
