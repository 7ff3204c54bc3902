"""Jobs on the workers of a Dask cluster: other processes, other machines, whatever Slurm starts.

Dask carries the jobs, watches over the workers and starts dead ones again. Who runs what is decided
here: a job waits until a worker has a thread free, goes to that one process alone, and is opened
once. So nothing queues up behind a slow worker, one that joins late has work at once, and no job
runs a second time without whoever handed it out having decided so.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from ..errors import DeviceError
from .agreement import Agreement, share_folder
from .dask_client import Tls, Wire, WireCut, check_address, import_dask
from .dask_worker import Job, Worker, explain_silence
from .protocol import Ended
from .serving import open_reply, pack_job

__all__ = ["DaskExecutor"]

_ROUND_S = 1.0  # between two questions who still works there
_INTRODUCTIONS_S = 120.0
_log = logging.getLogger(__name__)


class DaskExecutor:
    """Runs jobs on a Dask cluster.

    A worker gets its first job when it has shown that it is like this process: same versions, same
    answers to the agreements. A worker that is lost, cut off or started again loses its jobs, and
    whatever it still says about them is not heard.

    Args:
        cluster: Address of a scheduler, such as "tcp://host:8786"; or what starts a cluster of
            Dask's, which is then closed at the end.
        tls: Files for an encrypted connection to the address.
        n_each: Jobs that a worker gets at a time; None for as many as it has threads.
        agreements: What must be the same on every worker.
        folders: Where every worker must be able to write; made if they are not there.
        patience_s: How long to go on without a scheduler, or without any worker, in seconds.
        say: Told of workers that come, go, or cannot be used.

    Example:
        >>> with DaskExecutor("tcp://10.0.0.1:8786") as executor:
        ...     executor.submit("first", math.sqrt, 2.0)
        ...     print(executor.wait(60.0)[0].value)
    """

    def __init__(
        self,
        cluster: str | Callable[[], Any],
        *,
        tls: Tls | None = None,
        n_each: int | None = None,
        agreements: Sequence[Agreement] = (),
        folders: Sequence[Path] = (),
        patience_s: float = 120.0,
        say: Callable[[str], None] = _log.info,
    ) -> None:
        """Plan; nothing is connected before the context begins."""
        self._cluster = cluster
        self._tls = tls
        self._n_each = n_each
        self._agreements = agreements
        self._folders = folders
        self._held = ExitStack()
        self._patience_s = patience_s
        self._say = say
        self._own: Any = None
        self._wire: Wire | None = None
        self._questions: list[tuple[Agreement, Any]] = []
        self._workers: dict[str, Worker] = {}
        self._to_stop: set[str] = set()
        self._waiting: deque[Job] = deque()
        self._news: SimpleQueue[str] = SimpleQueue()
        self._ended: list[Ended] = []
        self._looked = self._well = 0.0

    @property
    def n_slots(self) -> int:
        """Number of jobs that can run at a time now, at least 1."""
        return max(1, sum(one.n_slots for one in self._workers.values() if one.is_fit))

    def __enter__(self) -> Self:
        """Connect, and get to know the workers that are there.

        Raises:
            InputError: If the address needs certificates that are not there.
            DeviceError: If there is no scheduler, or one of its workers cannot be used.
            DependencyError: If Dask is not installed.
        """
        import_dask()
        try:
            shared = [self._held.enter_context(share_folder(one)) for one in self._folders]
            asked = (*self._agreements, *shared)
            self._questions = [(one, one.function(one.argument)) for one in asked]
            if isinstance(self._cluster, str):
                check_address(self._cluster, self._tls)
            else:
                self._own = self._held.enter_context(closing(self._cluster()))
            self._wire = Wire(self._own or self._cluster, self._tls)
            self._meet_all(self._wire)
        except WireCut as error:
            self.__exit__(None, None, None)
            msg = f"No scheduler answers at {self._cluster}: {error}. Start it with: dask scheduler"
            raise DeviceError(msg) from error
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._well = time.monotonic()
        return self

    def _meet_all(self, wire: Wire) -> None:
        """Wait until all workers that are there have introduced themselves."""
        self._look_around(wire)
        latest = time.monotonic() + _INTRODUCTIONS_S  # those that take longer are met in `wait`
        while any(not one.process for one in self._workers.values()) and time.monotonic() < latest:
            self._hear(_ROUND_S)
            self._look_around(wire)
        if any(one.complaint for one in self._workers.values()):
            raise DeviceError(self._complain())

    def submit(self, key: str, function: Callable[[Any], Any], argument: Any) -> None:
        """Hand out a job; it waits here until a worker has a thread free.

        Args:
            key: Names it; no other job under way has the same.
            function: Of a module's top level.
            argument: Its only argument.
        """
        self._waiting.append(Job(key, pack_job(function, argument)))
        self._hand_out()

    def wait(self, timeout_s: float) -> list[Ended]:
        """Wait until a job ends.

        Args:
            timeout_s: Longest wait, in seconds.

        Returns:
            All that ended since the last call; empty after the longest wait.

        Raises:
            DeviceError: If the scheduler or all workers are gone for longer than patience lasts.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self._keep_connected()
            self._hand_out()
            left = deadline - time.monotonic()
            if self._ended or left <= 0:
                break
            self._hear(min(left, _ROUND_S))
        self._hand_out()
        ended, self._ended = self._ended, []
        return ended

    def _keep_connected(self) -> None:
        """Connect again if the wire is cut; see who came and went."""
        if time.monotonic() - self._looked < _ROUND_S:
            return
        try:
            if self._wire is None:
                self._wire = Wire(self._own or self._cluster, self._tls)
                self._say("The scheduler answers again.")
            self._look_around(self._wire)
        except WireCut:
            self._lose_everything()
        self._looked = time.monotonic()
        if any(one.is_fit for one in self._workers.values()):
            self._well = self._looked
        elif self._looked - self._well > self._patience_s:
            raise DeviceError(self._complain())

    def _look_around(self, wire: Wire) -> None:
        """Greet workers that are new, and take back the jobs of those that are gone."""
        seen = wire.list_workers()
        to_stop, self._to_stop = self._to_stop.intersection(seen), set()
        wire.stop_work(to_stop)
        for worker in list(self._workers.values()):
            now = seen.get(worker.seen.address)
            if now is None or now.scratch != worker.seen.scratch:
                self._forget(worker)
        for address in seen.keys() - to_stop:
            if address not in self._workers:
                worker = Worker(seen[address], self._n_each or seen[address].n_threads)
                worker.greet(self._questions, wire, self._news.put)
                self._workers[address] = worker
            self._workers[address].seen = seen[address]

    def _hand_out(self) -> None:
        """Give waiting jobs to threads that are free, the least busy worker first."""
        while self._waiting and self._wire is not None:
            worker = min(self._workers.values(), key=lambda one: one.load, default=None)
            if worker is None or worker.load >= 1:
                return
            try:
                worker.give(self._waiting[0], self._wire, self._news.put)
            except WireCut:
                self._lose_everything()
                return
            self._waiting.popleft()

    def _hear(self, timeout_s: float) -> None:
        """Take what has ended, if anything does in time."""
        with suppress(Empty):
            self._take(self._news.get(timeout=timeout_s))
            while True:
                self._take(self._news.get_nowait())

    def _take(self, name: str) -> None:
        """Take an answer: to a greeting by the worker's address, or a job's by its ticket."""
        if self._wire is None:
            return
        try:
            for worker in list(self._workers.values()):
                if name == worker.seen.address and worker.introduction is None:
                    self._meet(worker, self._wire)
                elif name in worker.jobs:
                    self._take_job(name, worker, self._wire)
        except WireCut:
            self._lose_everything()

    def _take_job(self, ticket: str, worker: Worker, wire: Wire) -> None:
        try:
            reply = wire.fetch(worker.jobs[ticket].future)
        except LookupError:
            reply = None
            self._to_stop.add(worker.seen.address)
        if reply is None:
            self._forget(worker)
            return
        job = worker.jobs.pop(ticket)
        value, error = open_reply(reply)
        self._ended.append(Ended(job.key, value, error, worker=job.worker))

    def _meet(self, worker: Worker, wire: Wire) -> None:
        """Learn who a worker is and whether it can be used."""
        try:
            worker.introduction = wire.fetch(worker.future)
        except LookupError as error:
            self._say(f"No answer from {worker.place} at {worker.seen.address}: {error}")
            self._forget(worker)
        if worker.complaint:
            self._say(worker.complaint)

    def _forget(self, worker: Worker) -> None:
        """Give up a worker that may not be the same process any more; it is greeted anew."""
        self._lose_worker(self._workers.pop(worker.seen.address))

    def _lose_worker(self, worker: Worker) -> None:
        self._say(f"Lost the worker {worker.place}; it had {len(worker.jobs)} jobs.")
        self._ended += [job.as_lost() for job in worker.jobs.values()]
        worker.jobs.clear()

    def _lose_everything(self) -> None:
        """Give up the wire and whatever hangs on it; workers that live on are to stop."""
        if self._wire is not None:
            self._say("The scheduler does not answer; waiting for it.")
            self._wire.close()
            self._wire = None
        self._to_stop |= {address for address, one in self._workers.items() if one.jobs}
        for worker in self._workers.values():
            self._lose_worker(worker)
        self._workers.clear()

    def _complain(self) -> str:
        """Say why nothing can go on, and what to do."""
        missing = "worker" if self._wire is not None else "scheduler"
        seconds = time.monotonic() - self._well
        complaints = (one.complaint for one in self._workers.values() if one.complaint)
        return next(complaints, explain_silence(missing, self._cluster, seconds))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what still runs, and the cluster if it was ours to start."""
        if self._wire is not None:
            if self._own is None:
                self._wire.stop_work({name for name, one in self._workers.items() if one.jobs})
            self._wire.close()
            self._wire = None
        self._workers.clear()
        self._waiting.clear()
        self._own = None
        self._held.close()
