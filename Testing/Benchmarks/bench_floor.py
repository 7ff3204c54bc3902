"""The least time that a network can take: its arithmetic over the machine's fastest matrix rate.

Speed without this floor says little: a ratio to another program depends on how far each is from it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from atlastumor.models.card import load_card
from atlastumor.networks import build_network

SIDE = 3072
REPEATS = 6
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Floor:
    """What a window asks of a machine, and what the machine can do.

    Args:
        flop_per_window: Multiplications and additions of one window.
        flop_per_second: Best measured rate of a large matrix product, by precision.
    """

    flop_per_window: float
    flop_per_second: dict[str, float]

    def seconds(self, precision: str, windows: int) -> float:
        """Least time of so many windows."""
        return windows * self.flop_per_window / self.flop_per_second[precision]


def measure_floor(card_path: Path, device: str) -> Floor:
    """Count the network's arithmetic, and time matrix products in every precision."""
    rates = {name: measure_rate(kind, device) for name, kind in PRECISIONS.items()}
    card = load_card(card_path)
    network = card.network
    n_flop = count_flop(network.name, len(card.outputs), network.args, card.inference.patch)
    return Floor(n_flop, rates)


def count_flop(name: str, n_outputs: int, args: Mapping[str, Any], patch: Sequence[int]) -> float:
    """Count one window's multiplications and additions, without computing it."""
    with torch.device("meta"):
        network = build_network(name, n_outputs, args).eval()
        window = torch.empty(1, 1, *patch)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(window)
    return float(counter.get_total_flops())


def measure_rate(kind: torch.dtype, device: str) -> float:
    """Time square matrix products; the best of several is the machine's rate."""
    a, b = (torch.randn(SIDE, SIDE, device=device).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(REPEATS):
        synchronize(device)
        started = time.perf_counter()
        torch.mm(a, b)
        synchronize(device)
        best = min(best, time.perf_counter() - started)
    return 2.0 * SIDE**3 / best


def synchronize(device: str) -> None:
    """Wait for a GPU to finish what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
