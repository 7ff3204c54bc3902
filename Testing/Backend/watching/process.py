"""The real service: a process of its own with a tiny model, asked and ended as its users do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psutil
import pytest

from Backend.cohorts.tiny import TINY, write_model
from Backend.hospital.orthanc import a_free_port

__all__ = ["MODEL", "Watching", "a_models_folder", "watching"]

MODEL = TINY
LIBRARY = Path(__file__).parents[3] / "AtlasTumorLib"
_PATIENCE_S = 300.0


@pytest.fixture(scope="session")
def a_models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small network of random weights."""
    return write_model(tmp_path_factory.mktemp("models"))


class Watching:
    """A service that runs, and all that it ever said.

    Args:
        output: Its folder.
        process: Its process.
        health: Port of its health.
        log: File with its standard error.
    """

    def __init__(
        self, output: Path, process: subprocess.Popen[bytes], health: int, log: Path
    ) -> None:
        self.output, self.process, self.health, self._log = output, process, health, log
        self.heard: list[str] = []

    def ask(self, page: str) -> tuple[int, str]:
        """Status and text of a page; 0 while nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.health}{page}", timeout=20) as answer:
                status, text = answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        except URLError:
            return 0, ""
        self.heard.append(text)
        return status, text

    def ready(self) -> dict[str, Any]:
        """What `/ready` says; empty while nobody answers."""
        told: dict[str, Any] = json.loads(self.ask("/ready")[1] or "{}")
        return told

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.ready().get("cases", {})
        return counts

    def metric(self, name: str) -> float:
        lines = self.ask("/metrics")[1].splitlines()
        return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), -1.0)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.log.splitlines()]

    def until(self, is_so: Callable[[], object]) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not is_so():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, (self.ready(), self.log)
            time.sleep(0.05)

    def kill_worker(self) -> None:
        """Kill the process that segments, as the system does for want of memory."""
        for child in psutil.Process(self.process.pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE_S)


@contextmanager
def watching(output: Path, models: Path, *words: object) -> Iterator[Watching]:
    """Run `atlastumor watch` while the block lasts.

    Args:
        output: Its folder.
        models: With the tiny model.
        words: More of the command.
    """
    health = a_free_port()
    command = [sys.executable, "-m", "atlastumor", "watch", "-o", output, "--model", MODEL]
    command += ["--models-dir", models, "--device", "cpu", "--health", f"127.0.0.1:{health}"]
    command += ["--still", 0.5, "--poll", 0.1, "--keep-free-gb", 0.01, *words]
    log = output.with_name(f"log-{health}.txt")
    environment = os.environ | {"PYTHONPATH": str(LIBRARY), "OMP_NUM_THREADS": "1"}
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            [str(word) for word in command], stderr=stream, env=environment
        ) as process,
    ):
        try:
            yield Watching(output, process, health, log)
        finally:
            process.kill()
