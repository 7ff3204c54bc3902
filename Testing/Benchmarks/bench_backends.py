"""One window through every way of running a network on this CPU or GPU: speed and agreement.

Ways take turns, so that another program's load falls on all of them alike; the least time counts.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable

import torch

from atlastumor.inference.backends.openvino_backend import OpenVinoBackend, has_openvino
from atlastumor.inference.backends.torch_backend import TorchBackend
from atlastumor.inference.device import Device, choose_device, find_best_precision
from atlastumor.networks import build_network, find_multiple

Way = Callable[[], torch.Tensor]
N_OUTPUTS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default="segresnet,resenc_unet")
    parser.add_argument("--patch", default="96,96,96", help="128,160,96 is near ResEnc-M's own")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    print(f"{device.description} ({device.name}), {torch.get_num_threads()} threads. {device.note}")
    patch = [int(n) for n in options.patch.split(",")]
    for name in options.networks.split(","):
        compare(name, patch, device, options.turns)


def compare(name: str, patch: list[int], device: Device, turns: int) -> None:
    """Print a row for every way of running one network."""
    torch.manual_seed(0)
    network = build_network(name, N_OUTPUTS, {})
    window = torch.nn.functional.avg_pool3d(torch.randn(1, 1, *patch), 3, 1, 1).to(device.name)
    ways = list_ways(network, window, device, find_multiple(name, {}))
    answers = {way: run().float().argmax(1).cpu() for way, run in ways.items()}  # also warms up
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(turns):
        for way, run in ways.items():
            times[way].append(measure(run, device))
    plain = next(iter(ways))
    print(f"{name}, window {' x '.join(map(str, patch))}")
    for way in ways:
        agreement = (answers[way] == answers[plain]).float().mean().item()
        least = min(times[way])
        ratio = min(times[plain]) / least
        print(f"  {way:26s} {least:7.3f} s   {ratio:5.1f} x   same label {agreement:.5f}")


def list_ways(
    network: torch.nn.Module, window: torch.Tensor, device: Device, multiple: tuple[int, int, int]
) -> dict[str, Way]:
    """Every way that this device has, the plain network first."""
    best = find_best_precision(device)
    precisions = list(dict.fromkeys(["fp32", best]))
    plain = copy.deepcopy(network).to(device.name)
    ways: dict[str, Way] = {"plain fp32": lambda: run_plain(plain, window, None)}
    if best != "fp32":
        dtype = torch.bfloat16 if best == "bf16" else torch.float16
        ways[f"autocast {best}"] = lambda: run_plain(plain, window, dtype)
    for precision in precisions:
        runner = TorchBackend(copy.deepcopy(network), device, precision)
        ways[f"torch {precision}"] = lambda runner=runner: runner.run(window)
    if device.kind == "cpu" and has_openvino():
        for precision in precisions:
            other = OpenVinoBackend(copy.deepcopy(network), device, precision, multiple)
            ways[f"openvino {precision}"] = lambda other=other: other.run(window)
    return ways


def run_plain(
    network: torch.nn.Module, window: torch.Tensor, dtype: torch.dtype | None
) -> torch.Tensor:
    """The network as it is, as nnU-Net runs it: fp32, or autocast."""
    with (
        torch.inference_mode(),
        torch.autocast(window.device.type, dtype, enabled=dtype is not None),
    ):
        return network(window)


def measure(run: Way, device: Device) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    run()
    if device.kind == "cuda":
        torch.cuda.synchronize(device.name)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
