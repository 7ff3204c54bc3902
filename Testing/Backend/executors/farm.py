"""A scheduler and workers as a user starts them, each a process of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

REPOSITORY = Path(__file__).resolve().parents[3]
QUICK = {  # the least that Dask takes, in place of half a minute
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}


class Farm:
    """Starts processes and ends them with the context.

    Args:
        folder: For their logs and scratch files.
        prefix: Words before each command, such as those that enter a namespace.
    """

    def __init__(self, folder: Path, prefix: Sequence[str] = ()) -> None:
        self.folder = folder
        self.prefix = list(prefix)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        paths = [str(REPOSITORY / "AtlasTumorLib"), str(REPOSITORY / "Testing")]
        self.environment = os.environ | QUICK | {"PYTHONPATH": os.pathsep.join(paths)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for name in list(self.processes):
            self.kill(name)

    def start(self, name: str, *words: str, prefix: Sequence[str] | None = None) -> None:
        """Start a process in a session of its own, so that its children end with it."""
        command = [*(self.prefix if prefix is None else prefix), *words]
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def start_scheduler(self, host: str, port: int, *more: str) -> str:
        """Start a scheduler and give its address."""
        words = ["scheduler", "--host", host, "--port", str(port), "--no-dashboard", *more]
        self.start("scheduler", sys.executable, "-m", "dask", *words)
        wait_for(lambda: "Scheduler at:" in self.read_log("scheduler"))
        return f"{'tls' if more else 'tcp'}://{host}:{port}"

    def start_worker(
        self, name: str, address: str, host: str, *more: str, threads: int = 2
    ) -> None:
        """Start a worker and its nanny."""
        words = ["worker", address, "--name", name, "--host", host, "--nthreads", str(threads)]
        words += ["--no-dashboard", "--memory-limit", "0", "--local-directory", str(self.folder)]
        self.start(name, sys.executable, "-m", "dask", *words, *more)

    def kill(self, name: str) -> None:
        """Kill a process and all it started."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def log(self, name: str) -> Path:
        """Where a process's output goes."""
        return self.folder / f"{name}.log"

    def read_log(self, name: str) -> str:
        """What it has said so far."""
        return self.log(name).read_text()


def wait_for(is_so: Callable[[], object], seconds: float = 300.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Files of an authority, and of a member it signed."""
    ca, key, request = folder / "ca.pem", folder / "key.pem", folder / "request.pem"
    certificate = folder / "certificate.pem"
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    own = ["-x509", "-days", "2", "-keyout", str(folder / "ca-key.pem"), "-out", str(ca)]
    sign = ["openssl", "x509", "-req", "-days", "2", "-in", str(request), "-CA", str(ca)]
    for words in (
        [*new, *own, "-subj", "/CN=test authority"],
        [*new, "-keyout", str(key), "-out", str(request), "-subj", "/CN=test"],
        [*sign, "-CAkey", str(folder / "ca-key.pem"), "-CAcreateserial", "-out", str(certificate)],
    ):
        subprocess.run(words, check=True, capture_output=True)
    return ca, certificate, key
