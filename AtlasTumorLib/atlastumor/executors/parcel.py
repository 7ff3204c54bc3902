"""What travels to a worker of a cluster, and what the worker does with it.

A parcel is meant for one process and is opened once. Whatever a cluster does on its own to help,
such as sending a job elsewhere when a worker is lost, so ends in a refusal, and whoever handed out
the job decides what becomes of it.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from .agreement import Agreement
from .serving import run_job

__all__ = ["Introduction", "Parcel", "carry_out", "introduce"]

_PROCESS = uuid4().hex
_opened: set[str] = set()
_opening = threading.Lock()


@dataclass(frozen=True, repr=False)  # Dask's log shows arguments, and they may name patients' files
class Parcel:
    """A job on its way.

    Args:
        ticket: Unlike that of any other handing out.
        process: Who may open it; as its `Introduction` said.
        job: Function and argument, as `pack_job` makes it.
    """

    ticket: str
    process: str
    job: bytes


@dataclass(frozen=True)
class Introduction:
    """What a worker says of itself before it gets work.

    Args:
        process: Unlike that of any other process; a worker that is started again has another.
        host: Name of its machine.
        process_id: Of the operating system.
        complaints: Why it cannot be used, a sentence or two each.
    """

    process: str
    host: str
    process_id: int
    complaints: tuple[str, ...]


def introduce(questions: Sequence[tuple[Agreement, Any]]) -> Introduction:
    """Say who this worker is, and whether it is like the one who asks.

    Args:
        questions: Agreements and the answers they have there.

    Returns:
        The answer.
    """
    complaints = (agreement.ask(expected) for agreement, expected in questions)
    return Introduction(
        _PROCESS, socket.gethostname(), os.getpid(), tuple(filter(None, complaints))
    )


def carry_out(parcel: Parcel) -> bytes | None:
    """Do a job, once.

    Args:
        parcel: The job.

    Returns:
        What became of it, for `open_reply`; None if it was not for this process, or was opened
        before.
    """
    with _opening:
        if parcel.process != _PROCESS or parcel.ticket in _opened:
            return None
        _opened.add(parcel.ticket)
    return run_job(parcel.job)
