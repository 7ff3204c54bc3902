"""How long the embedded diffusion model takes for a tumor, and how close its diameter comes.

`make bench-diffusion`, or `python Testing/Benchmarks/bench_diffusion.py [--device cuda]`. Exits
with 1 if a warm tumor of 20 mm takes longer than 3 s on a CPU, or 0.3 s on a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

from atlastumor.inference.device import choose_device
from atlastumor.synthesis import TumorRequest, find_method
from atlastumor.synthesis.synthesize import synthesize

sys.path.insert(0, str(Path(__file__).parents[1]))

from Backend.synthesis.made_case import make_case

LIMIT_S = {"cpu": 3.0, "cuda": 0.3}
DIAMETER_MM = 20.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU")
    parser.add_argument("--tumors", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    case, method = make_case((0.8, 0.8, 2.5)), find_method("diffusion", device=options.device)
    print(f"{device.description}, {options.threads} threads; scan of {case.scan.grid.shape} voxels")
    seconds, diameters = [], []
    for seed in range(options.tumors + 1):
        request = TumorRequest("liver", DIAMETER_MM, seed, method="diffusion")
        started = time.perf_counter()
        result = synthesize(case.scan, case.labels, request, method=method)
        took = time.perf_counter() - started
        if seed == 0:
            print(f"cold {took:.2f} s (reading torch, weights and their hash)")
            continue
        seconds.append(took)
        diameters.append(result.diameter_mm)
    middle = statistics.median(seconds)
    print(f"warm {middle:.2f} s (median), {min(seconds):.2f} to {max(seconds):.2f} s")
    print(f"diameter {min(diameters):.1f} to {max(diameters):.1f} mm for {DIAMETER_MM:.0f}")
    return int(middle > LIMIT_S[device.kind])


if __name__ == "__main__":
    sys.exit(main())
