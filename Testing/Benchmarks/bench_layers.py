"""Where OpenVINO's time goes within one window, by kind of layer and by layer.

Weights are random: time does not depend on them. The last of several windows counts, as the first
ones still find their memory.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import torch
from bench_floor import count_flop, measure_rate
from bench_model import BANDS_HU, PLANS, network_args

from atlastumor.inference.backends.openvino_backend import OpenVinoBackend
from atlastumor.inference.device import choose_device, find_best_precision
from atlastumor.networks import build_network, find_multiple

NETWORK, PLAN = "resenc_unet", "medium"
RUNS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--layers", type=int, default=12, help="how many of the longest to list")
    options = parser.parse_args()
    device = choose_device("cpu")
    precision = find_best_precision(device) if options.precision == "auto" else options.precision
    torch.manual_seed(0)
    args, patch, n_outputs = network_args(PLAN), PLANS[PLAN]["patch"], len(BANDS_HU) + 1
    network = build_network(NETWORK, n_outputs, args)
    rate = measure_rate({"fp32": torch.float32, "bf16": torch.bfloat16}[precision], "cpu")
    floor = count_flop(NETWORK, n_outputs, args, patch) / rate
    backend = OpenVinoBackend(network, device, precision, find_multiple(NETWORK, args))
    print(f"{device.description}, {torch.get_num_threads()} threads, {precision}")
    profile(backend, torch.randn(1, 1, *patch), floor, options.layers)


def profile(backend: OpenVinoBackend, window: torch.Tensor, floor: float, n_layers: int) -> None:
    """Print where the time of a window goes."""
    backend._core.set_property("CPU", {"PERF_COUNT": True})
    backend.run(window)
    request = backend._compiled.create_infer_request()
    for _ in range(RUNS):
        started = time.perf_counter()
        request.infer([window.numpy()])
        seconds = time.perf_counter() - started
    print(f"a window {seconds:.2f} s; its arithmetic at the fastest matrix rate {floor:.2f} s")
    rows = [
        (info.real_time.total_seconds(), f"{info.node_type} {info.exec_type}", info.node_name)
        for info in request.get_profiling_info()
    ]
    kinds: Counter[str] = Counter()
    for spent, kind, _ in rows:
        kinds[kind] += spent
    for kind, spent in kinds.most_common():
        if spent >= seconds / 1000:
            print(f"  {spent:7.3f} s {spent / seconds:6.1%}  {kind}")
    print(f"the {n_layers} longest layers")
    for spent, kind, name in sorted(rows, reverse=True)[:n_layers]:
        print(f"  {spent:7.3f} s  {kind}  {name}")


if __name__ == "__main__":
    main()
