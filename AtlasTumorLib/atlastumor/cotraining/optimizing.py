"""One optimizer step, and the state between two of them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from ..inference.device import find_dtype
from ..training.processes import Processes
from ..training.state import follow_weights, write_state
from .config import TrainingConfig
from .loss import supervise
from .patches import Patch

__all__ = ["Run", "learning_rate_at", "resume_run", "save_run", "start_run", "take_step"]

_HIGHEST = {"adamw": 1e-3, "sgd": 1e-2}
_DECAY = {"adamw": 1e-4, "sgd": 3e-5}
_LARGEST_GRADIENT = 12.0  # nnU-Net's
_LEAST_SCALE = 1e-4  # of losses in fp16; it begins at 65536 and halves with each step left out
_STRIDE = 1_000_003  # a prime: seeds of neighboring runs do not meet


@dataclass
class Run:
    """A run between two steps.

    Args:
        network: The network being optimized.
        spread: The same, as it is called.
        average: Running mean of its weights, the one to keep.
        optimizer: AdamW or SGD.
        scaler: Of losses, for fp16.
        precision: "fp32", "bf16" or "fp16".
        step: Steps done.
    """

    network: torch.nn.Module
    spread: torch.nn.Module
    average: torch.nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    precision: str
    step: int = 0


def start_run(
    network: torch.nn.Module,
    config: TrainingConfig,
    processes: Processes,
    *,
    device: str,
    precision: str,
) -> Run:
    """Make everything ready for the first step.

    Args:
        network: With its first weights.
        config: The run's.
        processes: Those that share the work.
        device: "cpu" or a CUDA device.
        precision: "fp32", "bf16" or "fp16".

    Returns:
        The run.
    """
    average = copy.deepcopy(network).to(device).eval().requires_grad_(requires_grad=False)
    network = network.to(device).train()
    if config.deep_supervision:
        _supervise_deeply(network)
    rate = config.learning_rate or _HIGHEST[config.optimizer]
    decay = _DECAY[config.optimizer] if config.weight_decay is None else config.weight_decay
    optimizer: torch.optim.Optimizer
    if config.optimizer == "adamw":
        optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=decay)
    else:
        optimizer = torch.optim.SGD(
            network.parameters(), rate, momentum=0.99, nesterov=True, weight_decay=decay
        )
    scaler = torch.amp.GradScaler(torch.device(device).type, enabled=precision == "fp16")
    # Heads of deeper levels get no gradient where they are not trained.
    spread = processes.spread(network, partly=True)
    return Run(network, spread, average, optimizer, scaler, precision)


def _supervise_deeply(network: torch.nn.Module) -> None:
    """Let a network of nnU-Net's put out all levels; others have one."""
    decoder: Any = getattr(network, "decoder", None)
    if hasattr(decoder, "deep_supervision"):
        decoder.deep_supervision = True


def learning_rate_at(config: TrainingConfig, step: int) -> float:
    """Give the learning rate of a step: it rises over the warm-up and falls to nothing.

    Args:
        config: The run's.
        step: From 0.

    Returns:
        The rate.

    Source:
        Isensee et al., nnU-Net: (1 - step / steps)^0.9.
    """
    highest = config.learning_rate or _HIGHEST[config.optimizer]
    rise = min(1.0, (step + 1) / (config.warmup + 1))
    return highest * rise * float((1 - step / config.steps) ** 0.9)


def take_step(run: Run, patches: Patch, config: TrainingConfig, processes: Processes) -> float:
    """Take one optimizer step.

    Args:
        run: Changed.
        patches: This process's, each field stacked, on the run's device.
        config: The run's.
        processes: Those that share the work.

    Returns:
        The loss, the mean over all processes.

    Raises:
        InputError: If the training diverged; the weights are of no use then.
    """
    # What is random within a network follows from the step, so that a resumed run meets the same.
    torch.manual_seed(config.seed * _STRIDE + run.step * processes.size + processes.rank)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate_at(config, run.step)
    kind = patches.image.device.type
    with torch.autocast(kind, find_dtype(run.precision), enabled=run.precision != "fp32"):
        outputs = run.spread(patches.image)
    loss = supervise(outputs, patches.channels, patches.known, patches.into)
    run.optimizer.zero_grad(set_to_none=True)
    run.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    run.scaler.unscale_(run.optimizer)
    norm = torch.nn.utils.clip_grad_norm_(run.network.parameters(), _LARGEST_GRADIENT)
    run.scaler.step(run.optimizer)
    run.scaler.update()
    run.step += 1
    decay = min(config.averaging, run.step / (run.step + 10))
    follow_weights(run.average, run.network, decay)
    mean = float(processes.average(loss.detach()))
    _check_gradient(run, norm)
    return mean


def _check_gradient(run: Run, norm: torch.Tensor) -> None:
    """Stop a run that can learn no more, before its weights replace those of the checkpoint.

    Of fp16 single steps without a finite gradient are left out by design, many in a row are not.
    """
    if torch.isfinite(norm) or (run.scaler.is_enabled() and run.scaler.get_scale() > _LEAST_SCALE):
        return
    msg = (
        f"The training diverged: in step {run.step} the gradient was no number any more. Name a "
        "new output folder and set `learning_rate` lower, `warmup` longer, or `precision` fp32."
    )
    raise InputError(msg)


def save_run(run: Run, path: Path, record: Mapping[str, Any]) -> None:
    """Write a checkpoint, beside the earlier one and then in its place.

    Args:
        run: Between two steps.
        path: The file.
        record: What the run follows from, ready for JSON.
    """
    state = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "scaler": run.scaler.state_dict(),
        "step": run.step,
        "record": dict(record),
    }
    write_state(state, path)


def resume_run(run: Run, path: Path, record: Mapping[str, Any], *, device: str) -> None:
    """Take up a run at its checkpoint.

    Args:
        run: As started; changed.
        path: What `save_run` wrote.
        record: What the run follows from.
        device: Where it goes on.

    Raises:
        InputError: If the file cannot be read or belongs to a run with other settings.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        earlier = dict(state["record"])
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        msg = f"The checkpoint {path.name} cannot be read. Name a new output folder."
        raise InputError(msg) from error
    different = sorted(key for key in record if earlier.get(key) != record[key])
    if different:
        msg = (
            f"The output folder holds a run with other settings ({', '.join(different)}). Name a "
            "new folder, or set them as they were."
        )
        raise InputError(msg)
    try:
        run.network.load_state_dict(state["network"])
        run.average.load_state_dict(state["average"])
    except RuntimeError as error:  # such as a run of an earlier version, which had other channels
        msg = f"The checkpoint {path.name} is of another network. Name a new output folder."
        raise InputError(msg) from error
    run.optimizer.load_state_dict(state["optimizer"])
    if state["scaler"]:
        run.scaler.load_state_dict(state["scaler"])
    run.step = state["step"]
