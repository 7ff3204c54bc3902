"""What training costs beside the network: speed, waiting, memory over many steps.

    python Testing/Benchmarks/bench_training.py [--steps 500] [--workers 1] [--probability 0.5]

A tiny network learns from three tiny scans, so that drawing patches weighs as much as it can. The
memory after 100 steps is set beside that at the end, of this process and of those that draw.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "AtlasTumorLib"), str(ROOT / "Testing")]

from atlastumor.cotraining.config import load_config  # noqa: E402 - after the path is set
from atlastumor.cotraining.running import train_cohort  # noqa: E402
from Backend.cotraining.tiny_cohort import write_case, write_config  # noqa: E402

WARM = 100


def measure_mb() -> float:
    """Memory of this process and those that it started, MB."""
    own = psutil.Process()
    return sum(one.memory_info().rss for one in [own, *own.children(recursive=True)]) / 1e6


def main() -> None:
    """Train and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--probability", type=float, default=0.5)
    options = parser.parse_args()
    used: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = [write_case(folder, f"case{n}", n, tumor=n < 2) for n in range(3)]
        chosen = {"steps": options.steps, "workers": options.workers, "checkpoint_every": 100}
        synthetic = {"probability": options.probability}
        config = write_config(folder, cases, **chosen, synthetic=synthetic)
        train_cohort(
            load_config(config),
            device="cpu",
            progress=lambda _fraction, stage: (
                used.append(measure_mb()) if stage.startswith("Training") else None
            ),
        )
        report = (folder / "out" / "report.md").read_text(encoding="utf-8")
    print(*(line for line in report.splitlines() if line.startswith("- S")), sep="\n")
    at = min(WARM, len(used) // 2)
    print(f"- Memory: {used[at]:.0f} MB after {at} steps, {used[-2]:.0f} MB after {len(used) - 1}.")


if __name__ == "__main__":
    main()
