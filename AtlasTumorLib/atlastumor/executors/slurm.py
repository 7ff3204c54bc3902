"""Workers that Slurm starts, for as long as a run lasts; through dask-jobqueue.

The scheduler lives in this process: if that ends, by whatever death, the workers leave and Slurm
has its nodes back.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..errors import DependencyError, DeviceError, InputError
from .dask_client import Tls, import_dask

__all__ = ["SlurmJobs", "parse_slurm"]

_AGAIN_S = 15.0  # between two looks whether jobs ended that should be started again
_NEEDED = ("jobs", "cores", "memory")
_EXAMPLE = "jobs=4,cores=8,memory=32GB,gres=gpu:1,interface=ib0,walltime=08:00:00"
_NOWHERE = "127.0.0.1:0"  # Dask always serves pages about itself; here others do not see them
_WORD = re.compile(r"[\w.:/@%+*-]+")


@dataclass(frozen=True, kw_only=True)
class SlurmJobs:
    """Jobs of Slurm, each with one worker.

    Args:
        jobs: Number of them; one that ends is submitted again.
        cores: Of each, for the engine.
        memory: Of each, such as "32GB".
        host: Address of this machine at which the workers reach it; this or the next is needed.
        interface: Of the network between the nodes, such as "ib0".
        queue: Slurm's partition; None for its default.
        account: Who pays; None for the default.
        walltime: Longest time of a job.
        threads: Cases under way in a worker: one in the engine, others being read and written.
        directives: Further options of sbatch, such as "--gres=gpu:1".
        tls: Files for encrypted connections, on a disk that the nodes share.
    """

    jobs: int
    cores: int
    memory: str
    host: str | None = None
    interface: str | None = None
    queue: str | None = None
    account: str | None = None
    walltime: str | None = None
    threads: int = 3
    directives: tuple[str, ...] = ()
    tls: Tls | None = None

    def start(self) -> Any:
        """Start a scheduler here and have Slurm start workers.

        Returns:
            The cluster, whose end cancels the jobs.

        Raises:
            DependencyError: If dask-jobqueue is not installed.
            DeviceError: If there is no Slurm, or it refuses the jobs.
        """
        import_dask()
        try:
            start = import_module("dask_jobqueue").SLURMCluster
        except ImportError as error:
            msg = f"The package '{error.name}' is missing. Install it with: "
            raise DependencyError(f"{msg}pip install 'atlastumor[cluster]'") from error
        if shutil.which("sbatch") is None:
            msg = "There is no `sbatch` here. Give the command on a machine that can submit jobs."
            raise DeviceError(msg)
        where = {"host": self.host} if self.host else {"interface": self.interface}
        cluster = start(
            processes=1,
            cores=self.cores,
            memory=self.memory,
            queue=self.queue,
            account=self.account,
            walltime=self.walltime,
            interface=self.interface,
            security=self.tls.to_security() if self.tls is not None else None,
            job_extra_directives=list(self.directives),
            job_script_prologue=[f"export OMP_NUM_THREADS={self.cores}"],
            # The last word counts: threads are ours, and memory is Slurm's to watch.
            worker_extra_args=[
                *("--nthreads", str(self.threads), "--memory-limit", "0"),
                *("--dashboard-address", _NOWHERE),
            ],
            scheduler_options={"dashboard": False, "dashboard_address": _NOWHERE, **where},
        )
        try:
            _try_submitting(cluster.job_script())
        except DeviceError:
            cluster.close()
            raise
        _keep_up(cluster, self.jobs)
        return cluster


def parse_slurm(text: str, tls: Tls | None = None) -> SlurmJobs:
    """Read jobs from the words of a command line.

    Args:
        text: KEY=VALUE,...; keys are fields of `SlurmJobs`, or long options of sbatch.
        tls: Files for encrypted connections.

    Returns:
        The jobs.

    Raises:
        InputError: If the words are none of these, or too few.
    """
    known = {one.name for one in fields(SlurmJobs)} - {"directives", "tls"}
    given: dict[str, Any] = {}
    directives: list[str] = []
    for word in text.split(","):
        key, _, value = (part.strip() for part in word.partition("="))
        if not _WORD.fullmatch(key) or not _WORD.fullmatch(value):
            msg = f"'{word}' is not KEY=VALUE. Jobs of Slurm are told as in {_EXAMPLE}."
            raise InputError(msg)
        if key not in known:
            directives.append(f"--{key}={value}")
        elif key in {"jobs", "cores", "threads"}:
            given[key] = _read_count(key, value)
        else:
            given[key] = value
    missing = [key for key in _NEEDED if key not in given]
    if not {"host", "interface"} & given.keys():
        missing.append("host or interface")
    if missing:
        msg = f"Jobs of Slurm need {', '.join(missing)}, too; as in {_EXAMPLE}."
        raise InputError(msg)
    return SlurmJobs(**given, directives=tuple(directives), tls=tls)


def _read_count(key: str, value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        msg = f"'{key}={value}' is no number from 1 on."
        raise InputError(msg)
    return int(value)


def _try_submitting(script: str) -> None:
    """Have Slurm say what is wrong with a job, which later only its log would."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "job.sh")
        path.write_text(script, encoding="utf-8")
        done = subprocess.run(
            ["sbatch", "--test-only", str(path)], capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"it ended with {done.returncode}"
        msg = f"Slurm refuses the job: {said}. See its queues with `sinfo`."
        raise DeviceError(msg)


def _keep_up(cluster: Any, n: int) -> None:
    """Hold the number of jobs: those whose time is up, or whose node died, are submitted again."""
    from tornado.ioloop import PeriodicCallback  # noqa: PLC0415 - comes with Dask

    cluster.scale(jobs=n)

    def start() -> None:
        callback = PeriodicCallback(lambda: cluster.scale(jobs=n), _AGAIN_S * 1000)
        callback.start()
        cluster.periodic_callbacks["keep-up"] = callback

    cluster.loop.add_callback(start)
