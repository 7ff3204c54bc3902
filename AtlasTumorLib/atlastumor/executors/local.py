"""Jobs in processes of this computer, a few at a time in each; one that dies is replaced.

Processes are spawned: they share no lock, thread or handle with this one, and each gets its own
environment before it imports anything. A job's value and error travel pickled between our own
processes alone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Self

from ..errors import DeviceError
from .protocol import Ended
from .serving import open_reply, pack_job, serve

__all__ = ["LocalExecutor", "count_cores"]

_starting = threading.Lock()


def count_cores() -> int:
    """Count the cores that this process may use."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return len(allowed) or os.cpu_count() or 1


class LocalExecutor:
    """Runs jobs in a fixed number of processes.

    A job that its process died over comes back lost, and so do those that ran beside it.

    Args:
        n_workers: Number of processes, at least 1.
        n_threads_each: Jobs that a process runs at a time, at least 1.
        environments: Variables of each process, such as CUDA_VISIBLE_DEVICES; None sets none.
        max_deaths: How many processes may die with no job ended in between, before it is taken
            for granted that all of them will.

    Example:
        >>> with LocalExecutor(2) as executor:
        ...     executor.submit("first", math.sqrt, 2.0)
        ...     print(executor.wait(60.0)[0].value)
    """

    def __init__(
        self,
        n_workers: int,
        n_threads_each: int = 1,
        *,
        environments: Sequence[Mapping[str, str]] | None = None,
        max_deaths: int | None = None,
    ) -> None:
        """Plan; processes start with the context."""
        if min(n_workers, n_threads_each) < 1:
            msg = f"At least one process with one thread is needed; got {n_workers} and "
            msg += f"{n_threads_each}."
            raise ValueError(msg)
        self._environments = [dict(one) for one in environments or [{}] * n_workers]
        if len(self._environments) != n_workers:
            msg = f"{n_workers} processes need as many environments; got {len(self._environments)}."
            raise ValueError(msg)
        self._n_threads_each = n_threads_each
        self._max_deaths = 8 + 2 * n_workers if max_deaths is None else max_deaths
        self._n_deaths = 0
        self._workers: list[_Worker] = []
        self._ended: list[Ended] = []

    @property
    def n_slots(self) -> int:
        """Number of jobs worth having under way."""
        return len(self._environments) * self._n_threads_each

    @property
    def process_ids(self) -> list[int]:
        """Of the processes that run now."""
        return [worker.pid for worker in self._workers]

    def __enter__(self) -> Self:
        """Start the processes."""
        for number in range(len(self._environments)):
            self._workers.append(self._start(number))
        return self

    def _start(self, number: int) -> _Worker:
        return _Worker(f"worker {number + 1}", self._n_threads_each, self._environments[number])

    def submit(self, key: str, function: Callable[[Any], Any], argument: Any) -> None:
        """Hand out a job to the process that has the fewest.

        Args:
            key: Names it; no other job under way has the same.
            function: Of a module's top level.
            argument: Its only argument.
        """
        worker = min(self._workers, key=lambda one: len(one.keys))
        worker.send(key, pack_job(function, argument))

    def wait(self, timeout_s: float) -> list[Ended]:
        """Wait until a job ends.

        Args:
            timeout_s: Longest wait, in seconds.

        Returns:
            All that ended since the last call; empty after the longest wait.

        Raises:
            DeviceError: If one process after the other dies.
        """
        if not self._ended:
            handles = [handle for one in self._workers for handle in one.handles]
            ready = set(wait(handles, timeout_s))
            for number, worker in enumerate(self._workers):
                if ready.intersection(worker.handles):
                    self._listen(number, worker)
        ended, self._ended = self._ended, []
        return ended

    def _listen(self, number: int, worker: _Worker) -> None:
        """Take what a process says; if it is dead, what it had is lost and another one starts."""
        for reply in worker.listen():
            self._n_deaths = 0
            self._ended.append(reply)
        if worker.is_alive:
            return
        worker.stop()
        self._ended += [Ended(key, is_lost=True, worker=worker.name) for key in worker.keys]
        self._n_deaths += 1
        if self._n_deaths > self._max_deaths:
            del self._workers[number]
            msg = (
                f"{self._n_deaths} worker processes died one after the other without a job done. "
                "Mostly memory is short: take fewer workers, or close other programs."
            )
            raise DeviceError(msg)
        self._workers[number] = self._start(number)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the processes, whatever they do."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.stop()
        self._workers = []


class _Worker:
    """A process, the pipe to it, and the jobs it has."""

    def __init__(self, name: str, n_threads: int, environment: Mapping[str, str]) -> None:
        self.name = name
        self.keys: dict[str, None] = {}
        context = multiprocessing.get_context("spawn")
        self._pipe: Connection[Any, Any]
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, n_threads), name=name)
        with _environment_of(environment), _without_interrupts():
            self._process.start()
        theirs.close()
        self.is_alive = True

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def handles(self) -> tuple[Any, int]:
        """What becomes ready when it says something or dies."""
        return self._pipe, self._process.sentinel

    def send(self, key: str, job: bytes) -> None:
        self.keys[key] = None
        with suppress(OSError):  # it is dead, which the next wait tells
            self._pipe.send((key, job))

    def listen(self) -> Iterator[Ended]:
        """Give all replies there are; afterwards `is_alive` holds only if there may be more."""
        # Asked first, so that what it said before is still read. Its sentinel may come before its
        # death is complete.
        was_dead = bool(wait([self._process.sentinel], 0)) or not self._process.is_alive()
        try:
            while self._pipe.poll():
                key, reply = self._pipe.recv()
                del self.keys[key]
                value, error = open_reply(reply)
                yield Ended(key, value, error, worker=self.name)
        except (EOFError, OSError):
            was_dead = True
        self.is_alive = not was_dead

    def kill(self) -> None:
        self._process.kill()  # what it has not sent counts for nothing, so there is nothing to save

    def stop(self) -> None:
        self.kill()
        self._process.join()
        self._process.close()
        self._pipe.close()


@contextmanager
def _environment_of(variables: Mapping[str, str]) -> Iterator[None]:
    """Have processes start with these variables.

    They are set before the process is there: its own first lines may import what reads them.
    """
    with _starting:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Have a process start deaf to Ctrl-C, which is its parent's to hear."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows; there it may say so on its way out
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
