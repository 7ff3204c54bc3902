"""Measuring the ranges in which a model's convolutions can be counted in 8 bits.

The network sees windows of scans in single precision. For each convolution the range is kept that
rounds what goes into it with the least squared error: a few large values are not worth coarse
steps for all others. Then each is rounded alone, and what that does to the logits is set against
its share of the arithmetic: the last layers, and those fed with sums of residuals, bring much
error for little time and stay in floating point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..errors import InputError
from ..models.specs import ModelCard
from ..networks import find_multiple, has_one_size, load_network
from ..progress import CancelToken, Progress, Watch, ignore_progress
from ..volume import Scan
from .backends.quantizing import LEVELS, WEIGHT_LEVELS
from .blend import pad
from .intensity import padding_value
from .preprocess import preprocess
from .windows import plan_windows

__all__ = ["choose_layers", "measure_ranges"]

_STAGE = "Measuring the ranges of layers"
_N_WINDOWS = 16
_N_SAMPLES = 1 << 15  # of what goes into a layer, for each window
_SHARES = np.geomspace(0.1, 1.0, 24)  # of the whole range
_TOLERATED = 0.002  # of the spread of logits: rms error of all layers together that needs no care
_MOST_ERROR = 4.0  # share of the squared error that a layer may bring, over that of its arithmetic
_N_TRIALS = 2  # windows, of half the size, on which each layer is rounded alone

Ranges = dict[str, tuple[float, float]]


def measure_ranges(
    card: ModelCard,
    scans: Sequence[Scan],
    *,
    models_dir: Path | None = None,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> Ranges:
    """Measure what goes into the convolutions of a model, and which of them bear 8 bits.

    Args:
        card: The model.
        scans: CT in HU, such as the model is for; 16 windows are taken from all of them together.
        models_dir: Where imported weights lie, beside the card's own folder.
        progress: Told after every window and layer.
        cancel: Looked at before every window and layer.

    Returns:
        (low, high) by the name of the convolution's weights.

    Raises:
        InputError: If there is no scan, one cannot be used, or there is nothing to count in 8 bits.
        WeightsError: If the weights are missing, altered or do not fit.
        Cancelled: If `cancel` was set.
    """
    if not scans:
        msg = "No scan was named to measure the ranges on; at least one is needed."
        raise InputError(msg)
    watch = Watch(progress, _STAGE, cancel or CancelToken())
    network = load_network(card, models_dir=models_dir)
    n_each = math.ceil(_N_WINDOWS / len(scans))
    windows = [w for scan in scans for w in _cut_windows(card, scan, n_each, watch.cancel)]
    with torch.inference_mode(), _watching(network) as inputs:
        for window in watch.part(0.0, 0.5).over(windows):
            network(window)
    found = {name: ends for name, seen in inputs.items() if (ends := seen.find_range()) is not None}
    if not found:
        msg = f"The network of '{card.id}' has no convolutions to count in 8 bits."
        raise InputError(msg)
    step = math.ceil(len(windows) / _N_TRIALS)
    trials = [_halve(window, card) for window in windows[step // 2 :: step]]
    errors = _try_each(network, found, trials, watch.part(0.5, 1.0))
    work = {name: inputs[name].operations for name in found}
    return {f"{name}.weight": found[name] for name in choose_layers(errors, work)}


def choose_layers(errors: Mapping[str, float], work: Mapping[str, int]) -> tuple[str, ...]:
    """Choose the layers that are worth their error.

    Args:
        errors: Of each layer, the mean squared error of logits over their variance.
        work: Its operations.

    Returns:
        All, but for those that bring more than four times as much of the squared error as of the
        operations, the worst ones first, until the rest's is below 0.2 % of the logits' spread.
    """
    kept = dict(errors)
    while kept and sum(kept.values()) > _TOLERATED**2:
        worst = max(kept, key=lambda name: kept[name] / work[name])
        share = kept[worst] / sum(kept.values())
        if share <= _MOST_ERROR * work[worst] / sum(work[name] for name in kept) or len(kept) == 1:
            break
        del kept[worst]
    return tuple(kept)


@contextmanager
def _watching(network: nn.Module) -> Iterator[dict[str, _Seen]]:
    """Gather what goes into convolutions, by their names."""
    inputs = {name: _Seen() for name in _list_convolutions(network)}
    hooks = [
        network.get_submodule(name).register_forward_hook(seen.see) for name, seen in inputs.items()
    ]
    try:
        yield inputs
    finally:
        for hook in hooks:
            hook.remove()


def _list_convolutions(network: nn.Module) -> Iterator[str]:
    """Name those that are worth it: of several channels, over several voxels."""
    for name, module in network.named_modules():
        if not isinstance(module, nn.Conv3d) or module.groups > 1:
            continue
        if module.in_channels > 1 and math.prod(module.kernel_size) > 1:
            yield name


def _cut_windows(
    card: ModelCard, scan: Scan, n_wanted: int, cancel: CancelToken
) -> Iterator[torch.Tensor]:
    """Windows (1, 1, I, J, K) of a scan, spread evenly over those that hold any of the patient."""
    spec = card.inference
    prepared = preprocess(scan, card.input, cancel=cancel)
    shape = prepared.grid.shape
    plan = plan_windows(
        shape, spec.patch, overlap=spec.overlap, placement=spec.windows, body=prepared.body
    )
    starts = [(i, j, layer.k) for layer in plan.layers for i, j in layer.starts]
    if not starts:
        msg = "The scan shows no patient to measure the ranges on. Take one of the abdomen."
        raise InputError(msg)
    value = padding_value(card.input) if spec.padding is None else spec.padding
    array = pad(prepared.array, plan, value)
    n_i, n_j, n_k = spec.patch
    chosen = np.linspace(0, len(starts) - 1, min(n_wanted, len(starts))).round().astype(int)
    for i, j, k in (starts[number] for number in chosen):
        yield array[None, None, i : i + n_i, j : j + n_j, k : k + n_k].contiguous()


def _halve(window: torch.Tensor, card: ModelCard) -> torch.Tensor:
    """The middle of a window, as much as the network takes at least of half of each side."""
    name, args = card.network.name, card.network.args
    if has_one_size(name, args):
        return window
    for axis, multiple in enumerate(find_multiple(name, args), start=2):
        n = window.shape[axis]
        kept = min(max(math.ceil(n / 2 / multiple), 2) * multiple, n)
        window = window.narrow(axis, (n - kept) // 2, kept)
    return window.contiguous()


def _try_each(
    network: nn.Module, ranges: Ranges, windows: Sequence[torch.Tensor], watch: Watch
) -> dict[str, float]:
    """Mean squared error of logits over their variance, with one layer at a time in 8 bits."""
    with torch.inference_mode():
        exact = [network(window) for window in windows]
        variance = float(torch.stack([logits.var() for logits in exact]).mean())
        errors = {}
        for name in watch.over(list(ranges)):
            with _in_8_bits(network.get_submodule(name), ranges[name]):
                squares = [
                    float((network(window) - logits).square().mean())
                    for window, logits in zip(windows, exact, strict=True)
                ]
            errors[name] = sum(squares) / len(squares) / max(variance, 1e-30)
    return errors


@contextmanager
def _in_8_bits(layer: nn.Module, ends: tuple[float, float]) -> Iterator[None]:
    """Round the weights of a convolution and what goes in, as `quantize` does."""

    def hook(_module: nn.Module, given: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return torch.from_numpy(_round_to(given[0].numpy(), *ends))

    weights = layer.get_parameter("weight")
    exact = weights.data
    step = exact.abs().amax((1, 2, 3, 4), keepdim=True) / (WEIGHT_LEVELS // 2)
    handle = layer.register_forward_pre_hook(hook)
    weights.data = (exact / step.clamp(min=1e-30)).round() * step
    try:
        yield
    finally:
        weights.data = exact
        handle.remove()


@dataclass
class _Seen:
    """What goes into one layer: its extremes and a sample; and what the layer has to do."""

    low: float = 0.0
    high: float = 0.0
    operations: int = 0

    def __post_init__(self) -> None:
        self._samples: list[npt.NDArray[np.float32]] = []

    def see(self, layer: nn.Module, given: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        """Take what a layer was called with."""
        values = given[0]
        low, high = torch.aminmax(values)
        self.low, self.high = min(self.low, float(low)), max(self.high, float(high))
        self.operations += layer.get_parameter("weight")[0].numel() * out.numel()
        step = max(1, values.numel() // _N_SAMPLES) | 1  # odd, to meet columns of every number
        self._samples.append(values.flatten()[::step].numpy().copy())

    def find_range(self) -> tuple[float, float] | None:
        """The range that is best rounded to; None if nothing above 0 ever came in."""
        if self.high <= 0:
            return None
        sample = np.concatenate(self._samples)
        ends = [(self.low * share, self.high * share) for share in _SHARES]
        low, high = min(ends, key=lambda pair: _measure_error(sample, *pair))
        return float(f"{low:.6g}"), float(f"{high:.6g}")


def _measure_error(sample: npt.NDArray[np.float32], low: float, high: float) -> float:
    """Mean squared error of rounding a sample."""
    return float(np.square(_round_to(sample, low, high) - sample).mean())


def _round_to(values: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.float32]:
    """Round to 256 steps from `low` to `high`, of which one is 0."""
    step = np.float32((high - low) / (LEVELS - 1))
    zero = round(-low / step)
    rounded: npt.NDArray[np.float32] = np.rint(values / step)
    return rounded.clip(-zero, LEVELS - 1 - zero) * step
