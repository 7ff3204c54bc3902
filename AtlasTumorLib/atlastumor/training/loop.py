"""The optimization loop: resumable, CPU or CUDA, and nothing about medicine."""

from __future__ import annotations

import copy
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..networks import build_network
from .loss import segmentation_loss
from .muon import Muon, find_hidden
from .patches import Sample
from .pool import SampleStream
from .precision import find_training_dtype
from .processes import ALONE, Processes
from .recipe import Recipe, outputs
from .state import check_weights, follow_weights, hash_weights, read_state, write_state

__all__ = ["Run", "train"]

_Loss = Callable[..., torch.Tensor]

_log = logging.getLogger(__name__)
_SAVE_EVERY = 100
_REPORT_EVERY = 20


@dataclass
class Run:
    """A training run between two steps.

    Args:
        network: The network being optimized.
        spread: The same, as it is called: averages gradients over the processes.
        average: Running mean of its weights, the one to ship.
        optimizers: Muon and, for the weights that are not its, AdamW.
        step: Steps done.
        seconds: Wall-clock seconds spent in steps, over all resumptions.
    """

    network: torch.nn.Module
    spread: torch.nn.Module
    average: torch.nn.Module
    optimizers: tuple[torch.optim.Optimizer, ...]
    step: int = 0
    seconds: float = 0.0


def train(
    paths: list[Path],
    recipe: Recipe,
    *,
    checkpoint: Path,
    device: str = "cpu",
    processes: Processes = ALONE,
    compiled: bool = False,
    earlier: Mapping[str, torch.Tensor] | None = None,
) -> Run:
    """Train until the recipe's last step, resuming from the checkpoint if there is one.

    Args:
        paths: The pool of anatomies.
        recipe: What to do.
        checkpoint: Written every 100 steps and at the end; read if it exists.
        device: "cpu" or a CUDA device.
        processes: Those that share the patches of each step; the first one writes.
        compiled: Whether to compile what pays; needs a C++ compiler.
        earlier: Weights to set out from; None draws them.

    Returns:
        The finished run, the same in every process.

    Raises:
        InputError: If processes cannot share a step, or the checkpoint is of other settings.
        DependencyError: If nothing can be compiled.
        ValueError: If the earlier weights are another network's.
    """
    share = processes.divide(recipe.batch)
    run = _start(_build(recipe, device, earlier), recipe, processes, compiled=compiled)
    record = asdict(recipe) | {"earlier": earlier and hash_weights(earlier)}
    _resume(run, record, checkpoint, device)
    loss = _make_loss(device, compiled=compiled)
    losses: deque[float] = deque(maxlen=_REPORT_EVERY)
    stream = SampleStream(paths, recipe, run.step, processes)
    for drawn in _load(stream, share, device):
        started = time.monotonic()
        samples = Sample(*(part.to(device) for part in drawn))
        losses.append(float(processes.average(_step(run, recipe, samples, loss))))
        run.seconds += time.monotonic() - started
        if run.step % _REPORT_EVERY == 0:
            pace = run.seconds / run.step
            mean = sum(losses) / len(losses)
            _log.info("Step %d of %d: loss %.4f, %.2f s/step", run.step, recipe.steps, mean, pace)
        if run.step % _SAVE_EVERY == 0 and processes.is_first:
            _save(run, record, checkpoint)
    if processes.is_first:
        _save(run, record, checkpoint)
    return run


def _build(
    recipe: Recipe, device: str, earlier: Mapping[str, torch.Tensor] | None
) -> torch.nn.Module:
    torch.manual_seed(recipe.seed)
    network = build_network(recipe.network, len(outputs()), recipe.network_args)
    if earlier is not None:
        check_weights(earlier, network)
        network.load_state_dict(earlier)
    network.to(device)
    return network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload,no-any-return]


def _start(
    network: torch.nn.Module, recipe: Recipe, processes: Processes, *, compiled: bool
) -> Run:
    average = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    if compiled:
        from .fused import check_compiler, fuse_norms  # noqa: PLC0415 - loads torch's compiler

        check_compiler()
        device = next(network.parameters()).device
        if find_training_dtype(device.type) == torch.bfloat16:  # in float32 it would be slower
            fuse_norms(network)
    hidden = find_hidden(network)
    rest = [one for one in network.parameters() if all(one is not other for other in hidden)]
    rate = recipe.learning_rate
    muon = Muon(hidden, rate, momentum=recipe.momentum, weight_decay=recipe.muon_decay)
    adamw = torch.optim.AdamW(rest, rate, weight_decay=recipe.adamw_decay)
    return Run(network, processes.spread(network.train()), average, (muon, adamw))


def _make_loss(device: str, *, compiled: bool) -> _Loss:
    """Tumors are rare: a missed one must cost more than a ragged organ border."""
    weights = [{"tumor": 1.5}.get(row["kind"], 1.0) for row in outputs()]
    loss: _Loss = segmentation_loss
    if compiled:
        loss = torch.compile(segmentation_loss, dynamic=False, fullgraph=True)
    return partial(loss, class_weights=torch.tensor(weights, device=device))


def _load(stream: SampleStream, n: int, device: str) -> Iterator[Sample]:
    """Draw the n samples of each step, stacked, in a process of their own."""
    return iter(
        torch.utils.data.DataLoader(
            stream, batch_size=n, num_workers=1, prefetch_factor=4, pin_memory=device != "cpu"
        )
    )


def _step(run: Run, recipe: Recipe, samples: Sample, loss_of: _Loss) -> torch.Tensor:
    """Take one optimizer step and return its loss, the mean over this process's samples."""
    run.network.zero_grad(set_to_none=True)
    total = torch.zeros((), device=samples.image.device)
    kind = samples.image.device.type
    dtype = find_training_dtype(kind)
    for image, channels, balance in zip(*samples, strict=True):
        with torch.autocast(kind, dtype, enabled=dtype != torch.float32):
            logits = run.spread(image[None])
        loss = loss_of(logits, channels[None], balance[None]) / len(samples.image)
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), recipe.largest_gradient)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(run.step)
        optimizer.step()
    run.step += 1
    decay = min(recipe.ema, run.step / (run.step + 10))
    follow_weights(run.average, run.network, decay)
    return total


def _save(run: Run, record: Mapping[str, Any], path: Path) -> None:
    state: dict[str, Any] = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in run.optimizers],
        "step": run.step,
        "seconds": run.seconds,
        "recipe": dict(record),
    }
    write_state(state, path)


def _resume(run: Run, record: Mapping[str, Any], path: Path, device: str) -> None:
    if not path.exists():
        return
    state = read_state(path, record, device=device)
    run.network.load_state_dict(state["network"])
    run.average.load_state_dict(state["average"])
    for optimizer, held in zip(run.optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(held)
    run.step, run.seconds = state["step"], state["seconds"]
    _log.info("Resumed at step %d", run.step)
