"""`atlastumor batch` on a Dask cluster of two hosts, of which one thing after the other dies.

The hosts are network namespaces. At random, runner, workers and scheduler get `kill -9`, and the
cable of the second host is pulled and put back. Who died is started again, as a service would be.
Ends with an error unless every case ends exactly once and every result is whole. Needs root.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING), str(TESTING.parent / "AtlasTumorLib")]

from batch_cases import write_phantoms  # noqa: E402

from Backend.cohorts.soak import Soak  # noqa: E402
from Backend.cohorts.tiny import TINY, write_model  # noqa: E402
from Backend.executors.farm import Farm  # noqa: E402
from Backend.executors.namespaces import TwoHosts  # noqa: E402

PORT = 8786
CUT_S = 15.0  # Dask gives up a silent connection after 12 s here


class Services:
    """Scheduler and workers that are started again when they end.

    Args:
        hosts: Where.
        logs: Folder for logs.
        seed: Of the random numbers.
    """

    def __init__(self, hosts: TwoHosts, logs: Path, seed: int) -> None:
        """Start all of them."""
        self._hosts = hosts
        self._rng = random.Random(seed)
        self._farm = Farm(logs)
        self._farm.environment["OMP_NUM_THREADS"] = "1"
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._address = ""
        self._workers = {f"host{number}": number for number in (0, 1)}
        self._start_missing()
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return self._address

    def _keep(self) -> None:
        while not self._ended.wait(1.0):
            self._start_missing()

    def _start_missing(self) -> None:
        with self._lock:
            for name, process in list(self._farm.processes.items()):
                if process.poll() is not None:
                    self._farm.kill(name)
            if "scheduler" not in self._farm.processes:
                self._farm.log("scheduler").unlink(missing_ok=True)
                self._farm.prefix = self._hosts.inside(0)
                self._address = self._farm.start_scheduler(self._hosts.addresses[0], PORT)
            for name, number in self._workers.items():
                if name not in self._farm.processes:
                    self._farm.prefix = self._hosts.inside(number)
                    self._farm.start_worker(name, self._address, self._hosts.addresses[number])

    def kill_scheduler(self) -> bool:
        """Kill it; whether it was there."""
        return self._kill("scheduler")

    def kill_worker(self) -> bool:
        """Kill one of the two; whether it was there."""
        return self._kill(self._rng.choice(sorted(self._workers)))

    def _kill(self, name: str) -> bool:
        with self._lock:
            if name not in self._farm.processes:
                return False
            self._farm.kill(name)
            return True

    def pull_cable(self) -> bool:
        """Cut the second host off for a while."""
        self._hosts.pull_cable()
        time.sleep(CUT_S)
        self._hosts.plug_in()
        return True

    def end(self) -> None:
        """End all of them."""
        self._ended.set()
        self._keeper.join()
        self._farm.__exit__(None, None, None)


def main() -> None:
    """Soak, and say what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", type=float, nargs=2, default=(4.0, 15.0), help="seconds")
    parser.add_argument("--hours", type=float, default=2.0, help="at most")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    hosts = TwoHosts()
    if not options.inside:
        with hosts:
            os.environ["ATLASTUMOR_HOSTS"] = " ".join(hosts.names)
            again = [*hosts.inside(0), sys.executable, *sys.argv, "--inside"]
            sys.exit(subprocess.run(again, check=False).returncode)
    hosts.names = tuple(os.environ["ATLASTUMOR_HOSTS"].split())
    with tempfile.TemporaryDirectory() as home:
        try:
            soak(options, hosts, Path(home))
        except BaseException:
            show_logs(Path(home))
            raise


def soak(options: argparse.Namespace, hosts: TwoHosts, home: Path) -> None:
    """Run, kill, check."""
    scans, logs = home / "in", home / "logs"
    scans.mkdir()
    logs.mkdir()
    write_phantoms(scans, options.cases)
    services = Services(hosts, logs, options.seed)
    try:
        words = [scans, "--scheduler", services.address, "--model", TINY, "--device", "cpu"]
        words += ["--models-dir", write_model(home / "models"), "--retries", "20"]
        others = {
            "worker": services.kill_worker,
            "scheduler": services.kill_scheduler,
            "cable": services.pull_cable,
        }
        pause = tuple(options.pause)
        tested = Soak(words, home / "out", options.kills, pause, options.seed, others)
        started = time.monotonic()
        tested.run(options.hours * 3600)
        seconds = time.monotonic() - started
    finally:
        services.end()
    killed = ", ".join(f"{name} {n}" for name, n in sorted(tested.killed.items()))
    print(f"{options.cases} cases in {seconds:.0f} s; killed or cut: {killed}; ", end="")
    print(f"the runner was started {tested.n_runs} times.")
    print("Every case ended once, all results are whole, journal and folders agree.")


def show_logs(home: Path) -> None:
    """Show the ends of all logs, before they are gone."""
    for path in sorted([*home.glob("log-*.jsonl"), *(home / "logs").glob("*.log")]):
        with suppress(OSError):
            print(f"--- {path.name}\n{path.read_text()[-1500:]}", file=sys.stderr)


if __name__ == "__main__":
    main()
