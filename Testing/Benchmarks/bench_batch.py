"""What the stages of `atlastumor batch` take, and what follows for clusters of any size.

    python Testing/Benchmarks/bench_batch.py [--engine-seconds S] [--price P] [--workers 1,2,4,...]

Scans of ATLASTUMOR_TEST_DATA and phantoms go through the command itself, with one worker. Seconds
by stage are those that it keeps beside every result; "overlap" is the sum of the stages over the
time on the clock. Others who use the machine make all of that longer, so the tables go by costs
that do not depend on them, `batch_costs.py`. They are arithmetic on these, `throughput.py`; what
was not measured here is a parameter, and named as such.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING), str(TESTING.parent / "AtlasTumorLib")]

import torch  # noqa: E402
from batch_cases import write_phantoms  # noqa: E402
from batch_costs import measure_commits, measure_handing_out, measure_stages  # noqa: E402
from throughput import Costs, Machines, predict  # noqa: E402

from atlastumor.cohorts.folder import CohortFolder  # noqa: E402
from atlastumor.cohorts.journal import Journal  # noqa: E402
from atlastumor.cohorts.outcome import CaseOutcome  # noqa: E402
from Backend.cohorts.tiny import batch_command  # noqa: E402

N_SCANS = 10_000
SCANS = ("ts_example_ct_3mm", "acrin_flt_breast_001_abdpelvis", "ts_ct_upperabd_20sl")


@dataclass(frozen=True)
class Measured:
    """A cohort that went through.

    Args:
        name: Of the kind of scans.
        outcomes: Of its cases.
        wall_s: On the clock, from the first reading to the last commit.
        cpu_s: Of all processes, from their start to their end.
        read_mb: Of a case's input.
        write_mb: Of a case's result.
    """

    name: str
    outcomes: Sequence[CaseOutcome]
    wall_s: float
    cpu_s: float
    read_mb: float
    write_mb: float

    def mean(self, stage: str) -> float:
        """Seconds that a case spends in a stage."""
        return fmean(one.seconds[stage] for one in self.outcomes)


def main() -> None:
    """Measure and print."""
    options = read_options()
    if options.costs:
        show_tables("scans of these costs", Costs(*options.costs), options)
        return
    say_where()
    with tempfile.TemporaryDirectory() as home:
        found = find_scans(Path(home), options)
        measured = [measure(name, found[name], Path(home) / name, options) for name in found]
        stages = [
            measure_stages(scans[: options.most], Path(home) / "stages", options.device)
            for scans in found.values()
        ]
        commit_s = measure_commits(Path(home) / measured[0].name / "out", Path(home) / "again")
    hand_out_s = measure_handing_out()
    show_stages(measured)
    print(f"\nRunner, per case: {1000 * hand_out_s:.1f} ms to hand out a job and take its answer")
    print(f"through Dask, {1000 * commit_s:.1f} ms to check, place and commit a result.")
    for one, seconds in zip(measured, stages, strict=True):
        show_check(one)
        costs = Costs(*seconds, commit_s + hand_out_s, one.read_mb, one.write_mb)
        print("\n--costs", ",".join(f"{value:.4g}" for value in astuple(costs)))
        show_tables(one.name, costs, options)


def read_options() -> argparse.Namespace:
    """What may be chosen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, default=12, help="number of them (12)")
    parser.add_argument("--scans", nargs="*", default=SCANS, help="names in ATLASTUMOR_TEST_DATA")
    parser.add_argument("--most", type=int, default=3, help="of each, whose CPU is measured (3)")
    parser.add_argument("--device", default="auto", help="for the measurement (auto)")
    parser.add_argument(
        "--costs",
        type=lambda text: [float(word) for word in text.split(",")],
        help="as a run of this printed them; nothing is measured",
    )
    parser.add_argument("--engine-seconds", type=float, help="per case on a GPU, in the table")
    parser.add_argument("--price", type=float, help="of one worker with its GPU, for an hour")
    parser.add_argument("--currency", default="", help="of the price")
    parser.add_argument("--storage-read", type=float, default=float("inf"), help="MB/s, of all")
    parser.add_argument("--storage-write", type=float, default=float("inf"), help="MB/s, of all")
    parser.add_argument("--threads", type=int, default=3, help="cases under way in a worker (3)")
    parser.add_argument(
        "--workers",
        type=lambda text: [int(word) for word in text.split(",")],
        default=[1, 2, 4, 8, 16, 32, 64, 128],
        help="numbers of GPUs in the table",
    )
    return parser.parse_args()


def say_where() -> None:
    """Name machine and date."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA"
    cores = len(os.sched_getaffinity(0))
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    threads = os.environ.get("OMP_NUM_THREADS", "all cores")
    print(f"{datetime.now(UTC):%Y-%m-%d}, {names[0] if names else platform.processor()},", end=" ")
    print(f"{cores} cores, OMP_NUM_THREADS {threads}, {gpu}, load {os.getloadavg()[0]:.1f}.\n")


def find_scans(home: Path, options: argparse.Namespace) -> dict[str, list[Path]]:
    """Real scans, if there are any, and phantoms."""
    found: dict[str, list[Path]] = {}
    folder = Path(os.environ.get("ATLASTUMOR_TEST_DATA", TESTING.parents[1] / "shared" / "data"))
    real = [path for name in options.scans if (path := folder / f"{name}.nii.gz").exists()]
    if real:
        found["real scans"] = real
    (home / "phantoms-in").mkdir()
    if options.phantoms:
        found["phantoms"] = write_phantoms(home / "phantoms-in", options.phantoms)
    return found


def measure(name: str, scans: Sequence[Path], home: Path, options: argparse.Namespace) -> Measured:
    """Send scans through the command."""
    out = home / "out"
    command = batch_command(*scans, "-o", out, "--workers", 1, "--device", options.device)
    environment = {**os.environ, "PYTHONPATH": str(TESTING.parent / "AtlasTumorLib")}
    before = count_cpu()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    with Journal.read(CohortFolder(out).journal) as journal:
        rows = list(journal.rows())
    outcomes = [row.outcome for row in rows]
    began = min(row.started for row in rows)
    wall = max(row.ended for row in rows) - began
    written = fmean(size_mb(folder) for folder in (out / "cases").iterdir())
    read = fmean(path.stat().st_size / 1e6 for path in scans)
    return Measured(name, outcomes, wall, count_cpu() - before, read, written)


def count_cpu() -> float:
    """Seconds of CPU that children of this process have used, with theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def size_mb(folder: Path) -> float:
    """Size of a folder's files, MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def show_stages(measured: Sequence[Measured]) -> None:
    """Seconds by stage, and how far the stages overlap."""
    print(
        "| cohort | cases | MB in, out | read s | engine s | write s | wait s | CPU s, each |",
        end="",
    )
    print(" clock s, all | engine busy | overlap |")
    print(f"|{'---|' * 11}")
    for one in measured:
        n = len(one.outcomes)
        seconds = [f"{one.mean(stage):.2f}" for stage in ("read", "engine", "write", "wait")]
        work = sum(case.total_seconds for case in one.outcomes)
        print(
            f"| {one.name} | {n} | {one.read_mb:.1f}, {one.write_mb:.1f} | {' | '.join(seconds)} "
            f"| {one.cpu_s / n:.1f} | {one.wall_s:.1f} | {n * one.mean('engine') / one.wall_s:.0%} "
            f"| {work / one.wall_s:.2f} |"
        )


def show_check(one: Measured) -> None:
    """Set the model beside what was measured with one worker, by the same clock."""
    seconds = (one.mean("read"), one.mean("engine"), one.mean("write"))
    costs = Costs(*seconds, 0.001, one.read_mb, one.write_mb)
    foreseen = predict(costs, Machines(1, 2)).cases_per_hour
    real = len(one.outcomes) / one.wall_s * 3600
    print(f"\n{one.name}, one worker here: foreseen {foreseen:.0f} cases per hour,", end=" ")
    print(f"measured {real:.0f} (the pipeline fills and empties once).")


def show_tables(name: str, costs: Costs, options: argparse.Namespace) -> None:
    """The model with the engine's seconds as measured, and as given."""
    show_table(name, costs, "measured", options)
    if options.engine_seconds:
        show_table(name, replace(costs, engine_s=options.engine_seconds), "given", options)


def show_table(name: str, costs: Costs, origin: str, options: argparse.Namespace) -> None:
    """The model at every scale; `origin` says where the engine's seconds come from."""
    print(f"\nLike {name}: read {costs.read_s:.2f} s, engine {costs.engine_s:.2f} s", end=" ")
    print(f"({origin}), write {costs.write_s:.2f} s; {options.threads} under way in a worker:\n")
    head = ["workers", "cases per hour", "10,000 scans take", "worker hours", "bottleneck"]
    head.append("engine busy")
    if options.price is not None:
        head.append(f"10,000 scans cost {options.currency}".strip())
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for n in options.workers:
        machines = Machines(n, options.threads, options.storage_read, options.storage_write)
        rate = predict(costs, machines)
        hours = N_SCANS / rate.cases_per_hour
        cells = [f"{n}", f"{rate.cases_per_hour:.0f}", f"{hours:.2f} h", f"{hours * n:.1f}"]
        cells.append(rate.bottleneck)
        cells.append(f"{rate.busy:.0%}")
        if options.price is not None:
            cells.append(f"{rate.cost(N_SCANS, n, options.price):.0f}")
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
