"""Measuring the ranges in which a model's convolutions can be counted in 8 bits.

The network sees windows of scans in single precision. For each convolution the range is kept that
rounds what goes into it with the least squared error: a few large values are not worth coarse
steps for all others. Two kinds stay in floating point. Those of a single voxel or channel take
hardly any time. What comes in with both signs alike is a sum of residuals, no activation: a few
values there are hundreds of times as large as most, and the errors reach every later layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..errors import InputError
from ..models.specs import ModelCard
from ..networks import load_network
from ..progress import CancelToken, Progress, ignore_progress
from ..volume import Scan
from .blend import pad
from .intensity import padding_value
from .preprocess import preprocess
from .windows import plan_windows

__all__ = ["measure_ranges"]

_STAGE = "Measuring the ranges of layers"
_N_WINDOWS = 16
_N_SAMPLES = 1 << 15  # of what goes into a layer, for each window
_LEVELS = 256
_SHARES = np.geomspace(0.1, 1.0, 24)  # of the whole range
_LEAST_NEGATIVE = 0.5  # of the largest positive value: PReLU and leaky ReLU let less through


def measure_ranges(
    card: ModelCard,
    scans: Sequence[Scan],
    *,
    models_dir: Path | None = None,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> dict[str, tuple[float, float]]:
    """Measure what goes into the convolutions of a model.

    Args:
        card: The model.
        scans: CT in HU, such as the model is for; 16 windows are taken from all of them together.
        models_dir: Where imported weights lie, beside the card's own folder.
        progress: Told after every window.
        cancel: Looked at before every window.

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
    cancel = cancel or CancelToken()
    network = load_network(card, models_dir=models_dir)
    inputs = {name: _Values() for name in _list_convolutions(network)}
    hooks = [
        network.get_submodule(name).register_forward_pre_hook(_watch(values))
        for name, values in inputs.items()
    ]
    n_each = math.ceil(_N_WINDOWS / len(scans))
    for number, scan in enumerate(scans):
        windows = list(_cut_windows(card, scan, n_each, cancel))
        for done, window in enumerate(windows, start=1):
            cancel.check()
            with torch.inference_mode():
                network(window)
            progress((number + done / len(windows)) / len(scans), _STAGE)
    for hook in hooks:
        hook.remove()
    ranges = {f"{name}.weight": values.find_range() for name, values in inputs.items()}
    found = {name: ends for name, ends in ranges.items() if ends is not None}
    if not found:
        msg = f"The network of '{card.id}' has no convolutions to count in 8 bits."
        raise InputError(msg)
    return found


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


class _Values:
    """What goes into one layer: its extremes, and a sample."""

    def __init__(self) -> None:
        self._low = self._high = 0.0
        self._samples: list[npt.NDArray[np.float32]] = []

    def add(self, values: torch.Tensor) -> None:
        low, high = torch.aminmax(values)
        self._low, self._high = min(self._low, float(low)), max(self._high, float(high))
        step = max(1, values.numel() // _N_SAMPLES) | 1  # odd, to meet columns of every number
        self._samples.append(values.flatten()[::step].numpy().copy())

    def find_range(self) -> tuple[float, float] | None:
        """The range that is best rounded to; None if this is better left alone, or never ran."""
        if self._high <= 0 or -self._low > _LEAST_NEGATIVE * self._high:
            return None
        sample = np.concatenate(self._samples)
        ends = [(self._low * share, self._high * share) for share in _SHARES]
        low, high = min(ends, key=lambda pair: _measure_error(sample, *pair))
        return float(f"{low:.6g}"), float(f"{high:.6g}")


def _watch(values: _Values) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
    def hook(_module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        values.add(given[0])

    return hook


def _measure_error(sample: npt.NDArray[np.float32], low: float, high: float) -> float:
    """Mean squared error of rounding to 256 steps from `low` to `high`, of which one is 0."""
    step = (high - low) / (_LEVELS - 1)
    zero = round(-low / step)
    rounded = (np.clip(np.rint(sample / step), -zero, _LEVELS - 1 - zero)) * step
    return float(np.square(rounded - sample).mean())
