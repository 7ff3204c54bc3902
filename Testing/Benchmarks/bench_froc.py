"""`make bench-froc`: the sweep over all thresholds against one labeling per threshold.

For each kind of made-up map: time of the sweep and of 50 labelings of the full volume, alone and
with the counting that a curve needs, taking turns in one process; whether both count the same;
peak memory in a process of its own; time of a step of the threshold slider. Seconds are the CPU's,
all of it single-threaded, so that another program's load disturbs them less; still, trust the
ratios. The full size takes about six minutes; picai_eval is in `bench_froc_peers.py`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_froc_maps import KINDS, make_map
from scipy import ndimage

from atlastumor.detection.reference import (
    ReferenceLesions,
    count_fewest_voxels,
    find_reference_lesions,
)
from atlastumor.detection.sweep import CaseSweep, sweep_case
from atlastumor.detection.tree import CandidateTree

SPACING_MM = (1.0, 0.8, 0.8)
TOUCHING = np.ones((3, 3, 3), bool)
WANTED = {"sparse": 40.0, "noisy": 40.0, "heavy": 14.0}
WANTED_MEMORY = 3.0
WANTED_SLIDER_MS = 50.0
MARK = "RESULT "


def main() -> None:
    options = parse_arguments()
    if options.child is not None:
        run_memory_child(options.child)
        return
    shape = tuple(int(n) for n in options.shape.split(","))
    values = "float32" if options.fine else "steps of 2^-15"
    print(f"{' x '.join(map(str, shape))} voxels, {values}, {options.passes} labelings", flush=True)
    results = {kind: measure(kind, shape, options) for kind in options.kinds.split(",")}
    if options.json is not None:
        options.json.write_text(json.dumps({"shape": shape, "kinds": results}, indent=2))
    failures = [line for kind, result in results.items() for line in find_failures(kind, result)]
    if failures and options.check:
        sys.exit("\n".join(failures))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="512,512,300", help="i,j,k; 128,128,80 to try it")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--passes", type=int, default=50, help="labelings of the full volume")
    parser.add_argument("--repeats", type=int, default=5, help="sweeps; the median time counts")
    parser.add_argument("--fine", action="store_true", help="leave values as float32")
    parser.add_argument("--check", action="store_true", help="fail below what is promised")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(kind: str, shape: tuple[int, ...], options: argparse.Namespace) -> dict[str, Any]:
    """All numbers of one kind of map; prints them as they come."""
    probability, mask = make_map(kind, shape, fine=options.fine)
    reference = find_reference_lesions(mask, spacing_mm=SPACING_MM)
    voxels = int(np.count_nonzero(probability >= np.float32(0.01)))
    print(f"{kind}: {voxels / 1e6:.2f} M voxels at the floor, {len(reference.lesions)} lesions")
    result = measure_speed(probability, reference, options)
    result |= measure_slider(probability)
    result["memory"] = measure_memory(probability, mask)
    print(
        f"  memory: {result['memory']:.2f} times the map as float32, the map included", flush=True
    )
    return {"voxels": voxels, **result}


def measure_speed(
    probability: np.ndarray, reference: ReferenceLesions, options: argparse.Namespace
) -> dict[str, Any]:
    """Sweeps and labelings, taking turns; and whether they agree."""
    thresholds = np.linspace(0.01, 0.99, options.passes).astype(np.float32)
    turns = np.array_split(thresholds, options.repeats)
    sweeps, labelings, countings, counts = [], 0.0, 0.0, {}
    parts = reference.parts_in(tuple(slice(0, n) for n in reference.shape))
    fewest = count_fewest_voxels(30.0, SPACING_MM)
    for turn in turns:
        seconds, sweep = clock(lambda: sweep_case("case", "organ", probability, reference))
        sweeps.append(seconds)
        for theta in turn:
            seconds, (labels, _) = clock(
                lambda theta=theta: ndimage.label(probability >= theta, TOUCHING)
            )
            labelings += seconds
            seconds, counts[float(theta)] = clock(
                lambda labels=labels: count(labels, parts, fewest)
            )
            countings += seconds
    check_agreement(sweep, counts)
    swept = float(np.median(sweeps))
    ratio, bare = (labelings + countings) / swept, labelings / swept
    print(
        f"  sweep {swept:.2f} s for {sweep.n_distinct} thresholds, {sweep.thresholds.size} "
        f"rows; {len(thresholds)} labelings {labelings:.1f} s, {bare:.0f} x, and with counting "
        f"{labelings + countings:.1f} s, {ratio:.0f} x; the counts are the same",
        flush=True,
    )
    return {
        "sweep_s": swept,
        "labelings_s": labelings,
        "countings_s": countings,
        "ratio_labeling": bare,
        "ratio": ratio,
    }


def count(labels: np.ndarray, parts: np.ndarray, fewest: int) -> tuple[int, int]:
    """Components and false positives of a labeling: the least that a curve needs of it."""
    big = np.bincount(labels.ravel()) >= fewest
    big[0] = False
    touched = np.bincount(labels[parts != 0], minlength=big.size) > 0
    return int(big.sum()), int((big & ~touched).sum())


def check_agreement(sweep: CaseSweep, counts: dict[float, tuple[int, int]]) -> None:
    """Stop if the sweep counts components and false positives differently from a labeling."""
    for theta, counted in counts.items():
        row = sweep.at(theta)
        swept = (int(sweep.n_components[row]), int(sweep.n_false[row])) if row >= 0 else (0, 0)
        if swept != counted:
            sys.exit(f"At {theta} a labeling counts {counted}, the sweep {swept}.")


def measure_slider(probability: np.ndarray) -> dict[str, Any]:
    """Time to build the tree, and of a step of the slider."""
    build, tree = clock(lambda: CandidateTree.of(probability, SPACING_MM))
    steps = []
    for theta in np.linspace(0.01, 0.95, 48):
        runs = [clock(lambda t=theta: tree.candidates(t)) for _ in range(2)]
        steps.append(1000 * min(seconds for seconds, _ in runs))
    median, most, worst = (float(np.percentile(steps, percent)) for percent in (50, 95, 100))
    print(
        f"  slider: built in {build:.2f} s; a step {median:.1f} ms, 95 % of them up to "
        f"{most:.1f} ms, at worst {worst:.1f} ms"
    )
    return {"tree_s": build, "slider_ms": median, "slider_p95_ms": most, "slider_worst_ms": worst}


def clock(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the CPU that work takes, and what it gives."""
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


def measure_memory(probability: np.ndarray, mask: np.ndarray) -> float:
    """Peak memory of finding lesions and sweeping in a child, in maps as float32."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "map.npy", probability)
        np.save(Path(folder) / "mask.npy", mask)
        command = [sys.executable, __file__, "--child", folder]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, peak = json.loads(said.split(MARK)[-1])
    return float(peak - before) / (4 * probability.size)


def run_memory_child(folder: Path) -> None:
    """Sweep once; print what the process held before it had the map, and its peak."""
    import psutil  # noqa: PLC0415 - in the child only

    before = psutil.Process().memory_info().rss
    probability = np.load(folder / "map.npy")
    reference = find_reference_lesions(np.load(folder / "mask.npy"), spacing_mm=SPACING_MM)
    sweep_case("case", "organ", probability, reference)
    print(MARK + json.dumps([before, find_peak()]))


def find_peak() -> int:
    """Peak memory of this process, bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # there getrusage remembers the parent from before the fork
        (line,) = (s for s in status.read_text().splitlines() if s.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def find_failures(kind: str, result: dict[str, Any]) -> list[str]:
    """What falls short of the promises, one line each."""
    failures = []
    if result["ratio_labeling"] < WANTED[kind]:
        failures.append(f"{kind}: {result['ratio_labeling']:.0f} x, not {WANTED[kind]:.0f} x")
    if result["memory"] > WANTED_MEMORY:
        failures.append(f"{kind}: {result['memory']:.2f} times the map, not {WANTED_MEMORY}")
    if result["slider_p95_ms"] > WANTED_SLIDER_MS:
        failures.append(f"{kind}: a step of {result['slider_p95_ms']:.0f} ms")
    return failures


if __name__ == "__main__":
    main()
