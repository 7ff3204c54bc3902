"""Throughput of `atlastumor batch` against the engine's own time, cases and threads being equal.

Alternates between single runs, one after the other in one warm process, and batches of the same
cases; prints sum of engine seconds of the single runs / wall seconds of the batch. 1.0 would be a
batch that does nothing but run the engine, back to back, as a single run does; reading, writing,
starting and finding have to hide behind it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from batch_cases import write_phantoms

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY / "AtlasTumorLib")}
_SINGLE = """
import json, sys, time
from pathlib import Path
from atlastumor import make_segmenter, read_scan
scans = [read_scan(Path(name)) for name in sys.argv[1:]]
segmenter = make_segmenter()
segmenter.segment(scans[0])
seconds = []
for scan in scans:
    started = time.perf_counter()
    segmenter.segment(scan)
    seconds.append(time.perf_counter() - started)
print(json.dumps(seconds))
"""


def run_single(paths: list[Path]) -> float:
    """Seconds of the engine alone, all cases together, the model being open and warm."""
    done = subprocess.run(
        [sys.executable, "-c", _SINGLE, *map(str, paths)],
        check=True,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    return sum(json.loads(done.stdout.splitlines()[-1]))


def run_batch(folder: Path, out: Path, words: list[str]) -> dict[str, Any]:
    """Wall seconds of a whole batch, and of its part from the first case handed out on."""
    shutil.rmtree(out, ignore_errors=True)
    started = time.time()
    command = [sys.executable, "-m", "atlastumor", "batch", str(folder), "-o", str(out), *words]
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    wall = time.time() - started
    from atlastumor.cohorts.journal import JOURNAL, Journal

    with Journal.read(out / JOURNAL) as journal:
        rows = list(journal.rows())
    outcomes = [row.outcome for row in rows if row.outcome is not None]
    stages: dict[str, float] = {}
    for outcome in outcomes:
        for stage, seconds in outcome.seconds.items():
            stages[stage] = stages.get(stage, 0.0) + seconds
    first = min(row.started for row in rows if row.started is not None)
    return {"wall": wall, "before": first - started, "stages": stages}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scan", type=Path, help="a real scan, repeated, in place of phantoms")
    parser.add_argument("words", nargs="*", help="more words for the batch, behind --")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "in"
        folder.mkdir()
        if options.scan is None:
            paths = write_phantoms(folder, options.cases)
        else:
            paths = [folder / f"{n:03d}.nii.gz" for n in range(options.cases)]
            for path in paths:
                shutil.copy(options.scan, path)
        ratios = []
        for _ in range(options.rounds):
            engine = run_single(paths)
            batch = run_batch(folder, Path(home) / "out", options.words)
            ratios.append(engine / batch["wall"])
            stages = ", ".join(f"{name} {s:.1f}" for name, s in batch["stages"].items())
            print(
                f"single engine {engine:.1f} s, batch {batch['wall']:.1f} s (before the first case "
                f"{batch['before']:.1f} s; {stages}): {ratios[-1]:.2f}",
                flush=True,
            )
        print(f"median {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
