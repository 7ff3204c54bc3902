"""What the stages of `atlastumor batch` take, and what follows for clusters of any size.

    python Testing/Benchmarks/bench_batch.py [--engine-seconds S] [--price P] [--workers 1,2,4,...]

Scans of ATLASTUMOR_TEST_DATA and phantoms go through the command itself, with one worker. Seconds
by stage are those that it keeps beside every result; "overlap" is the sum of the stages over the
time on the clock. What the runner takes is measured alone: jobs that do nothing through a Dask
cluster of this machine, and results put in place and committed. The table is arithmetic on these
figures, `throughput.py`; what was not measured here is a parameter, and named as such.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING), str(TESTING.parent / "AtlasTumorLib")]

from batch_cases import write_phantoms  # noqa: E402
from throughput import Costs, Machines, predict  # noqa: E402

from atlastumor.cohorts.folder import CohortFolder  # noqa: E402
from atlastumor.cohorts.journal import Journal  # noqa: E402
from atlastumor.cohorts.outcome import STAGES, CaseOutcome, read_outcome  # noqa: E402
from atlastumor.cohorts.verifying import verify_result  # noqa: E402
from atlastumor.executors.dask_cluster import DaskExecutor  # noqa: E402
from Backend.cohorts.tiny import batch_command  # noqa: E402
from Backend.executors.cluster_jobs import double  # noqa: E402

N_SCANS = 10_000
N_NOTHINGS = 400
SCANS = ("ts_example_ct_3mm", "acrin_flt_breast_001_abdpelvis", "ts_ct_upperabd_20sl")


@dataclass(frozen=True)
class Measured:
    """A cohort that went through.

    Args:
        name: Of the kind of scans.
        outcomes: Of its cases.
        wall_s: On the clock, from the first reading to the last commit.
        cpu_s: Of all processes, from their start to their end.
        costs: Of a case; the runner's share is not in it.
    """

    name: str
    outcomes: Sequence[CaseOutcome]
    wall_s: float
    cpu_s: float
    costs: Costs


def main() -> None:
    """Measure and print."""
    options = read_options()
    say_where()
    with tempfile.TemporaryDirectory() as home:
        measured = [
            measure(name, scans, Path(home) / name, options)
            for name, scans in find_scans(Path(home), options).items()
        ]
        commit_s = measure_commits(Path(home) / measured[0].name / "out", Path(home) / "again")
    hand_out_s = measure_handing_out()
    show_stages(measured)
    print(f"\nRunner, per case: {1000 * hand_out_s:.1f} ms to hand out a job and take its answer")
    print(f"through Dask, {1000 * commit_s:.1f} ms to check, place and commit a result.")
    for one in measured:
        costs = replace(one.costs, runner_s=commit_s + hand_out_s)
        show_check(one, costs)
        show_table(one.name, costs, options)


def read_options() -> argparse.Namespace:
    """What may be chosen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, default=12, help="number of them (12)")
    parser.add_argument("--scans", nargs="*", default=SCANS, help="names in ATLASTUMOR_TEST_DATA")
    parser.add_argument("--device", default="auto", help="for the measurement (auto)")
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
    import torch

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
    written = [size_mb(folder) for folder in (out / "cases").iterdir()]
    mean = {stage: fmean(one.seconds[stage] for one in outcomes) for stage in STAGES}
    read_mb = fmean(path.stat().st_size / 1e6 for path in scans)
    costs = Costs(mean["read"], mean["engine"], mean["write"], 0.0, read_mb, fmean(written))
    return Measured(name, outcomes, wall, count_cpu() - before, costs)


def count_cpu() -> float:
    """Seconds of CPU that children of this process have used, with theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def size_mb(folder: Path) -> float:
    """Size of a folder's files, MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def measure_commits(out: Path, again: Path) -> float:
    """Seconds that a result takes from a worker's folder to its row in the journal."""
    before, after = CohortFolder(out), CohortFolder(again)
    after.cases.mkdir(parents=True)
    with (
        Journal.read(before.journal) as old,
        Journal.create(after.journal, old.settings) as journal,
    ):
        rows = list(old.rows())
        journal.add([row.case for row in rows])
        for row in rows:
            outcome = read_outcome(before.result_of(row.case.id))[0]
            journal.start(row.case.id, outcome.token)
            staged = after.staging_of(row.case.id, outcome.token)
            shutil.copytree(before.result_of(row.case.id), staged)
        started = time.perf_counter()
        for row in rows:
            outcome = verify_result(after.staging_of(row.case.id, row.token), thorough=False)
            after.place(row.case.id, row.token)
            journal.finish(outcome)
        return (time.perf_counter() - started) / len(rows)


def start_cluster() -> object:
    """Two processes of this machine."""
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=2,
        threads_per_worker=3,
        host="127.0.0.1",
        dashboard_address=None,
        worker_dashboard_address=None,
    )


def measure_handing_out() -> float:
    """Seconds that a job takes to a worker and back, when nothing is done there."""
    with DaskExecutor(start_cluster) as executor:
        n_ended, n_sent = 0, 0
        started = time.perf_counter()
        while n_ended < N_NOTHINGS:
            while n_sent < min(n_ended + executor.n_slots, N_NOTHINGS):
                executor.submit(str(n_sent), double, n_sent)
                n_sent += 1
            n_ended += len(executor.wait(10.0))
        return (time.perf_counter() - started) / N_NOTHINGS


def show_stages(measured: Sequence[Measured]) -> None:
    """Seconds by stage, and how far the stages overlap."""
    print(
        "| cohort | cases | MB in, out | read s | engine s | write s | wait s | clock s, all |",
        end="",
    )
    print(" engine busy | overlap |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for one in measured:
        n, costs = len(one.outcomes), one.costs
        wait = fmean(case.seconds["wait"] for case in one.outcomes)
        work = sum(case.total_seconds for case in one.outcomes)
        print(
            f"| {one.name} | {n} | {costs.read_mb:.1f}, {costs.write_mb:.1f} | {costs.read_s:.2f} "
            f"| {costs.engine_s:.2f} | {costs.write_s:.2f} | {wait:.2f} | {one.cpu_s / n:.1f} "
            f"| {one.wall_s:.1f} | {n * costs.engine_s / one.wall_s:.0%} "
            f"| {work / one.wall_s:.2f} |"
        )


def show_check(one: Measured, costs: Costs) -> None:
    """Set the model beside what was measured with one worker."""
    foreseen = predict(costs, Machines(1, 2)).cases_per_hour
    real = len(one.outcomes) / one.wall_s * 3600
    print(f"\n{one.name}, one worker here: foreseen {foreseen:.0f} cases per hour,", end=" ")
    print(f"measured {real:.0f} (the pipeline fills and empties once).")


def show_table(name: str, costs: Costs, options: argparse.Namespace) -> None:
    """The model at every scale."""
    if options.engine_seconds:
        costs = replace(costs, engine_s=options.engine_seconds)
        print(f"\nScans like the {name}, engine {options.engine_seconds:g} s per case (given):\n")
    else:
        print(f"\nScans like the {name}, engine as measured:\n")
    head = ["workers", "cases per hour", "10,000 scans take", "worker hours", "bottleneck"]
    head.append("engine busy")
    if options.price is not None:
        head.append(f"10,000 scans cost {options.currency}".strip())
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for n in options.workers:
        machines = Machines(n, options.threads, options.storage_read, options.storage_write)
        rate = predict(costs, machines)
        hours = N_SCANS / rate.cases_per_hour
        cells = [f"{n}", f"{rate.cases_per_hour:.0f}", f"{hours:.1f} h", f"{hours * n:.0f}"]
        cells.append(rate.bottleneck)
        cells.append(f"{rate.busy:.0%}")
        if options.price is not None:
            cells.append(f"{rate.cost(N_SCANS, n, options.price):.0f}")
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
