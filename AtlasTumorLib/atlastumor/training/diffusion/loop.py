"""The optimization loop: resumable, CPU or CUDA."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...synthesis.diffusion.conditioning import N_STEPS
from ...synthesis.diffusion.network import CubeDenoiser
from ...synthesis.diffusion.schedule import Schedule, make_cosine_schedule
from ..precision import find_training_dtype
from ..state import follow_weights, read_state, write_state
from .cubes import Cubes
from .recipe import Recipe
from .samples import Batch, draw_batch

__all__ = ["Run", "judge", "measure_loss", "train"]

_log = logging.getLogger(__name__)
_SAVE_EVERY = 50
_REPORT_EVERY = 50
_N_JUDGED = 64  # batches; over three seeds their mean varied by 15 %, two networks' ratio by 1 %


@dataclass
class Run:
    """A training run between two steps.

    Args:
        network: The network being optimized.
        average: Running mean of its weights, the one to ship.
        optimizer: AdamW.
        step: Steps done.
        seconds: Wall-clock seconds spent in steps, over all resumptions.
        losses: Mean loss of every 50 steps.
    """

    network: CubeDenoiser
    average: CubeDenoiser
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)


def train(cubes: Cubes, recipe: Recipe, *, checkpoint: Path, device: str = "cpu") -> Run:
    """Train until the recipe's last step, resuming from the checkpoint if there is one.

    Args:
        cubes: The pool of tumors.
        recipe: What to do.
        checkpoint: Written every 50 steps and at the end; read if it exists.
        device: "cpu" or a CUDA device.

    Returns:
        The finished run.

    Raises:
        InputError: If the checkpoint is of a run with other settings.
    """
    run = _start(recipe, device)
    if checkpoint.exists():
        _resume(run, recipe, checkpoint, device)
    schedule = make_cosine_schedule(N_STEPS)
    losses: deque[float] = deque(maxlen=_REPORT_EVERY)
    while run.step < recipe.steps:
        started = time.monotonic()
        rng = np.random.default_rng([recipe.seed, run.step])
        losses.append(_step(run, recipe, schedule, draw_batch(cubes, recipe.batch, rng), rng))
        run.seconds += time.monotonic() - started
        if run.step % _REPORT_EVERY == 0:
            run.losses.append(sum(losses) / len(losses))
            pace = run.seconds / run.step
            _log.info("Step %d: loss %.4f, %.2f s/step", run.step, run.losses[-1], pace)
        if run.step % _SAVE_EVERY == 0:
            _save(run, recipe, checkpoint)
    _save(run, recipe, checkpoint)
    return run


def measure_loss(
    network: CubeDenoiser, schedule: Schedule, batch: Batch, rng: np.random.Generator
) -> torch.Tensor:
    """Measure how far a network is from v, on average inside the tumors.

    Args:
        network: The denoiser.
        schedule: How noisy a step is.
        batch: Tumors.
        rng: Draws a step for each, and noise.

    Returns:
        Mean squared error, every tumor counting alike: a scalar.

    Source:
        Salimans and Ho, ICLR 2022 (v). Differs: counted inside the mask alone.
    """
    texture, mask = batch.texture, batch.cond[:, 1:]
    steps = torch.from_numpy(rng.integers(schedule.n_steps, size=len(texture)))
    kept = schedule.alphas_cumprod[steps].view(-1, 1, 1, 1, 1).to(texture.device)
    noise = torch.from_numpy(rng.standard_normal(texture.shape, dtype=np.float32))
    noise = noise.to(texture.device)
    noisy = kept.sqrt() * texture + (1 - kept).sqrt() * noise
    wanted = kept.sqrt() * noise - (1 - kept).sqrt() * texture
    dtype = find_training_dtype(texture.device.type)
    with torch.autocast(texture.device.type, dtype, enabled=dtype != torch.float32):
        v = network(noisy, steps.to(texture.device), batch.cond)
    error = (v.float() - wanted).square() * mask
    loss: torch.Tensor = (error.sum((1, 2, 3, 4)) / mask.sum((1, 2, 3, 4))).mean()
    return loss


@torch.no_grad()
def judge(network: CubeDenoiser, cubes: Cubes, recipe: Recipe, *, seed: int = 0) -> float:
    """Measure a network on tumors that it was not trained on.

    Args:
        network: The denoiser, on the CPU or a GPU.
        cubes: The tumors.
        recipe: How many go into a batch.
        seed: Of tumors, densities, steps and noise: two networks are shown the same.

    Returns:
        `measure_loss`, on average.
    """
    schedule, device = make_cosine_schedule(N_STEPS), next(network.parameters()).device
    losses = []
    for number in range(_N_JUDGED):
        rng = np.random.default_rng([seed, number])
        batch = draw_batch(cubes, recipe.batch, rng).to(device)
        losses.append(float(measure_loss(network, schedule, batch, rng)))
    return sum(losses) / len(losses)


def _start(recipe: Recipe, device: str) -> Run:
    torch.manual_seed(recipe.seed)
    network = CubeDenoiser(widths=recipe.widths).to(device).train()
    average = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=1e-4)
    return Run(network, average, optimizer)


def _step(
    run: Run, recipe: Recipe, schedule: Schedule, batch: Batch, rng: np.random.Generator
) -> float:
    """Take one optimizer step and return its loss."""
    falling = 0.5 * (1 + math.cos(math.pi * run.step / recipe.steps))
    for group in run.optimizer.param_groups:
        group["lr"] = recipe.learning_rate * falling * min(1.0, (run.step + 1) / recipe.warmup)
    device = next(run.network.parameters()).device
    loss = measure_loss(run.network, schedule, batch.to(device), rng)
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
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
        "losses": run.losses,
        "recipe": asdict(recipe),
    }
    write_state(state, path)


def _resume(run: Run, recipe: Recipe, path: Path, device: str) -> None:
    state = read_state(path, asdict(recipe), device=device)
    run.network.load_state_dict(state["network"])
    run.average.load_state_dict(state["average"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.step, run.seconds, run.losses = state["step"], state["seconds"], list(state["losses"])
    _log.info("Resumed at step %d", run.step)
