"""`make bench-froc-peers`: our counts against picai_eval's and MONAI's, on the same maps.

The two are installed into an environment of their own, `build/peers`, which borrows numpy, scipy
and torch from `.venv` and leaves that as it is. Where definitions coincide the counts must be
equal, else the run fails; where they do not, it says how often and why. Then picai_eval and the
sweep take turns on one cohort. Seconds are the CPU's, all of it single-threaded: trust the ratios.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
PEERS = ("picai_eval==1.4.13", "monai==1.6.1", "surface-distance==0.1")
WANTED = 100.0


def main() -> None:
    options = parse_arguments()
    if not options.inside:
        python = make_environment(options.environment)
        paths = [REPOSITORY / "AtlasTumorLib", Path(__file__).parent]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
        command = [python, __file__, "--inside", *sys.argv[1:]]
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    import bench_froc_agreement as agreement
    from bench_froc_maps import make_case

    small = [make_case(n) for n in range(options.cases)]
    checks = (
        agreement.check_picai_counts,
        agreement.check_picai_curves,
        agreement.check_points,
        agreement.check_lost_points,
    )
    agree = [check(small) for check in checks]
    ratio = compare_times(options)
    if not all(agree):
        sys.exit("Counts differ where definitions coincide.")
    if options.check and ratio < WANTED:
        sys.exit(f"{ratio:.0f} x, not {WANTED:.0f} x.")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=40, help="small maps to count on")
    parser.add_argument("--shape", default="256,256,150", help="of the maps to time, i,j,k")
    parser.add_argument("--kinds", default="sparse,noisy", help="of the maps to time")
    parser.add_argument("--extraction-only", action="store_true", help="leave out its evaluation")
    parser.add_argument("--repeats", type=int, default=3, help="turns; the least time counts")
    parser.add_argument("--check", action="store_true", help="fail below what is promised")
    parser.add_argument("--environment", type=Path, default=REPOSITORY / "build" / "peers")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def make_environment(folder: Path) -> Path:
    """Make the environment that has the other evaluators, or find it made; gives its Python."""
    python, mark = folder / "bin" / "python", folder / "peers.txt"
    if mark.is_file() and mark.read_text(encoding="utf-8") == "\n".join(PEERS):
        return python
    print(f"Installing {', '.join(PEERS)} into {folder}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(f"{Path(np.__file__).parents[1]}\n", encoding="utf-8")
    command = [python, "-m", "pip", "install", "--progress-bar", "off", "--no-warn-conflicts"]
    done = subprocess.run([*command, *PEERS], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stderr[-2000:]}They cannot be installed, so nothing was compared.")
    mark.write_text("\n".join(PEERS), encoding="utf-8")
    return python


def compare_times(options: argparse.Namespace) -> float:
    """Let picai_eval and the sweep take turns on a cohort; gives how many times faster we are."""
    from bench_froc_agreement import extract, judge, run_sweep
    from bench_froc_maps import PeerCase, make_map

    shape = tuple(int(n) for n in options.shape.split(","))
    kinds = options.kinds.split(",")
    cases = [PeerCase(kind, *make_map(kind, shape, seed=n)) for n, kind in enumerate(kinds)]
    times = np.full((options.repeats, 3), np.nan)
    for turn in times:
        turn[0], _ = clock(lambda: [run_sweep(case) for case in cases])
        turn[1], made = clock(lambda: [extract(case, 0.10) for case in cases])
        if not options.extraction_only:
            pairs = list(zip(cases, made, strict=True))
            turn[2], _ = clock(lambda pairs=pairs: [judge(*pair) for pair in pairs])
    sweep, extraction, evaluation = times.min(axis=0)
    print(f"Speed on {options.kinds} maps of {' x '.join(map(str, shape))} voxels")
    print(f"  our sweep, every threshold, the lesions found anew: {sweep:.2f} s")
    print(f"  picai_eval, one extraction at 0.10: {extraction:.1f} s, {extraction / sweep:.0f} x")
    if options.extraction_only:
        return float(extraction / sweep)
    both = extraction + evaluation
    print(f"  and with its evaluation: {both:.1f} s, {both / sweep:.0f} x", flush=True)
    return float(both / sweep)


def clock(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the CPU that work takes, and what it gives."""
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


if __name__ == "__main__":
    main()
