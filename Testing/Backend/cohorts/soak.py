"""A cohort whose processes are killed at random, and what must hold afterwards."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from atlastumor.cohorts.folder import CohortFolder
from atlastumor.cohorts.journal import Journal
from atlastumor.cohorts.outcome import read_outcome
from atlastumor.cohorts.rows import State
from atlastumor.cohorts.verifying import verify_result
from atlastumor.errors import InputError
from Backend.cohorts.tiny import batch_command, library_environment

Kill = Callable[[], bool]
"""Kills something; whether it was there."""


@dataclass
class Soak:
    """A cohort under fire.

    Args:
        words: Of `atlastumor batch`, without the output.
        out: Folder for the results.
        n_kills: How many processes to kill.
        pause_s: Least and most seconds between two kills.
        seed: Of the random numbers.
        others: More to kill, by name, such as a scheduler; each starts its victim again itself.
    """

    words: Sequence[object]
    out: Path
    n_kills: int
    pause_s: tuple[float, float] = (3.0, 12.0)
    seed: int = 0
    others: Mapping[str, Kill] = field(default_factory=dict)
    killed: Counter[str] = field(default_factory=Counter)
    n_runs: int = 0
    said: list[dict[str, object]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    _runner: subprocess.Popen[bytes] | None = None

    def run(self, most_s: float) -> None:
        """Start, kill, start again, and let it finish; then `check` holds or raises."""
        rng, until = random.Random(self.seed), time.monotonic() + most_s
        try:
            while sum(self.killed.values()) < self.n_kills:
                assert time.monotonic() < until, self.killed
                self._ensure_runner()
                self._wait(rng.uniform(*self.pause_s))
                if self._is_done():
                    break
                victims = {"runner": self._kill_runner, "worker": self._kill_worker, **self.others}
                name = rng.choice(sorted(victims))
                if victims[name]():
                    self.killed[name] += 1
                    self.look()
            while not self._is_done():
                assert time.monotonic() < until, self.killed
                self._ensure_runner()
                self._wait(1.0)
            assert self._runner is not None
            assert self._runner.wait(60.0) == 0
        finally:
            self._kill_runner()
        self.check()

    def _ensure_runner(self) -> None:
        """Start the runner unless it runs."""
        if self._runner is not None and self._runner.poll() is None:
            return
        log = self.out.with_name(f"log-{self.n_runs:03d}.jsonl")
        self.n_runs += 1
        command = batch_command(*self.words, "-o", self.out, "--json-progress")
        with log.open("wb") as stream:
            self._runner = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, env=library_environment()
            )

    def _wait(self, seconds: float) -> None:
        assert self._runner is not None
        with suppress(subprocess.TimeoutExpired):
            self._runner.wait(seconds)

    def _is_done(self) -> bool:
        return self._runner is not None and self._runner.poll() == 0

    def _kill_runner(self) -> bool:
        if self._runner is None or self._runner.poll() is not None:
            return False
        self._runner.kill()
        self._runner.wait()
        return True

    def _kill_worker(self) -> bool:
        """Kill a child of the runner that takes jobs."""
        assert self._runner is not None
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._runner.pid).children():
                if "spawn_main" in " ".join(child.cmdline()):
                    os.kill(child.pid, signal.SIGKILL)
                    return True
        return False

    def look(self) -> None:
        """Make sure, in the midst of it, that what is done stays as it is and is whole."""
        folder = CohortFolder(self.out)
        if not folder.cases.is_dir():
            return
        for place in folder.cases.iterdir():
            with suppress(InputError):
                token = read_outcome(place)[0].token
                assert self.tokens.setdefault(place.name, token) == token, place.name
                continue
            raise AssertionError(f"{place.name} is half-written")

    def check(self) -> None:
        """Every case done once and whole; journal and folders agree; nothing else is left."""
        self.look()
        folder = CohortFolder(self.out)
        with Journal.read(folder.journal) as journal:
            rows = {row.case.id: row for row in journal.rows()}
        assert {row.state for row in rows.values()} == {State.DONE}, [
            (row.case.id, row.reason) for row in rows.values() if row.state is not State.DONE
        ]
        assert {place.name for place in folder.cases.iterdir()} == {*rows}
        for name, row in rows.items():
            outcome = verify_result(folder.result_of(name))
            assert outcome == row.outcome
            assert (outcome.token, outcome.case_id) == (row.token, name)
        assert not folder.staging.exists()
        for log in sorted(self.out.parent.glob("log-*.jsonl")):
            for line in log.read_text().splitlines():
                with suppress(ValueError):  # the last line of a killed runner
                    self.said.append(json.loads(line))
        ends = Counter(one["id"] for one in self.said if one.get("state") == "done")
        assert set(ends) <= {*rows}
        assert max(ends.values()) == 1, ends.most_common(3)
