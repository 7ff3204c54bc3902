"""What `DaskExecutor` knows of a worker and of the jobs it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from .agreement import Agreement
from .dask_client import Wire, WorkerSeen
from .parcel import Introduction, Parcel, carry_out, introduce
from .protocol import Ended

__all__ = ["Job", "Worker", "explain_silence"]


@dataclass(eq=False)
class Job:
    """A job that was handed in.

    Args:
        key: Names it.
        packed: Function and argument.
        worker: Name of the worker that has it; empty while it waits for one.
        future: Dask's; letting go of it cancels the job.
    """

    key: str
    packed: bytes
    worker: str = ""
    future: Any = None

    def as_lost(self) -> Ended:
        """Tell that its worker is gone, and let go of it."""
        self.future = None
        return Ended(self.key, is_lost=True, worker=self.worker)


@dataclass(eq=False)
class Worker:
    """A process that runs jobs.

    Args:
        seen: What the scheduler says of it.
        n_slots: Jobs it gets at a time.
        future: Of its introduction.
        introduction: What it says of itself; None before.
        jobs: What it has, by ticket.
    """

    seen: WorkerSeen
    n_slots: int
    future: Any = None
    introduction: Introduction | None = None
    jobs: dict[str, Job] = field(default_factory=dict)

    def greet(
        self, questions: Sequence[tuple[Agreement, Any]], wire: Wire, tell: Callable[[str], None]
    ) -> None:
        """Ask it to introduce itself.

        Args:
            questions: Agreements and the answers they have here.
            wire: To the scheduler.
            tell: Gets the worker's address when the answer is there.

        Raises:
            WireCut: If the scheduler is lost.
        """
        address = self.seen.address
        self.future = wire.send(introduce, questions, address, partial(tell, address))

    def give(self, job: Job, wire: Wire, tell: Callable[[str], None]) -> None:
        """Hand it a job.

        Args:
            job: Nobody else has it.
            wire: To the scheduler.
            tell: Gets the job's ticket, a key of `jobs`, when it has ended.

        Raises:
            WireCut: If the scheduler is lost; the worker then has not got it.
        """
        ticket = uuid4().hex
        parcel = Parcel(ticket, self.process, job.packed)
        job.future = wire.send(carry_out, parcel, self.seen.address, partial(tell, ticket))
        job.worker = self.seen.name
        self.jobs[ticket] = job

    @property
    def process(self) -> str:
        """Which process it is; empty before it has introduced itself."""
        return self.introduction.process if self.introduction else ""

    @property
    def is_fit(self) -> bool:
        """Whether it may have jobs."""
        return self.introduction is not None and not self.introduction.complaints

    @property
    def load(self) -> float:
        """Share of its slots that is taken; infinite if it cannot take a job now."""
        if not self.is_fit or not self.seen.is_ready:
            return float("inf")
        return len(self.jobs) / self.n_slots

    @property
    def complaint(self) -> str:
        """Why it cannot be used; empty if it can, or is not known yet."""
        if self.introduction is None or not self.introduction.complaints:
            return ""
        said = " ".join(self.introduction.complaints)
        return f"The worker {self.seen.name} on {self.introduction.host} cannot be used: {said}"

    @property
    def place(self) -> str:
        """Its name and machine, for people."""
        host = f" on {self.introduction.host}" if self.introduction else ""
        return f"{self.seen.name}{host}"


def explain_silence(what: str, where: object, seconds: float) -> str:
    """Say why nothing can go on, and what to do.

    Args:
        what: Who is missing: "scheduler" or "worker".
        where: Address of the scheduler, if it has one that people know.
        seconds: How long it has been missing.

    Returns:
        The sentences.
    """
    place = where if isinstance(where, str) else "the cluster"
    if what == "scheduler":
        text = (
            f"The scheduler at {place} has not answered for {seconds:.0f} s. Start it again with "
        )
        text += "`dask scheduler`, and its workers with `dask worker`."
    else:
        text = f"There has been no worker at {place} for {seconds:.0f} s. Start one with `dask "
        text += "worker`."
    return f"{text} Then give the same command again; it goes on where it stopped."
