"""The other end of `LocalExecutor`: a process that runs jobs until its parent ends."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["open_reply", "pack_job", "portable", "run_job", "serve"]


def pack_job(function: Callable[[Any], Any], argument: Any) -> bytes:
    """Pack a job for its way to a worker."""
    return pickle.dumps((function, argument))


def open_reply(reply: bytes) -> tuple[Any, Exception | None]:
    """Unpack what became of a job.

    Args:
        reply: From one of our own workers.

    Returns:
        Its value and its error; one of them is None.
    """
    try:
        value, error = pickle.loads(reply)
    except Exception as failure:  # noqa: BLE001 - whatever a value's own code raises is its error
        return None, portable(failure)
    return value, error


def serve(pipe: Connection[Any, Any], n_threads: int) -> None:
    """Run jobs as they come; the main function of a worker process.

    Args:
        pipe: Brings a key and a job, takes a key and a reply.
        n_threads: Jobs at a time.
    """
    # A group of processes is often told to stop as one; that is for the parent, who then ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    speaking = threading.Lock()

    def answer(key: str, job: bytes) -> None:
        reply = run_job(job)
        with speaking:
            pipe.send((key, reply))

    threads = ThreadPoolExecutor(n_threads, thread_name_prefix="job")
    while True:
        try:
            key, job = pipe.recv()
        except (EOFError, OSError):  # the parent has gone
            os._exit(1)
        threads.submit(answer, key, job)


def run_job(job: bytes) -> bytes:
    """Do a job.

    Args:
        job: From `pack_job`, of our own program.

    Returns:
        What became of it, for `open_reply`; whatever the job raises is in it.
    """
    try:
        function, argument = pickle.loads(job)
        return pickle.dumps((function(argument), None))
    except BaseException as error:  # noqa: BLE001 - whatever a job raises belongs to who gave it
        return pickle.dumps((None, portable(error)))


def portable(error: BaseException) -> Exception:
    """Make an error that survives pickling, as near to the original as can be.

    Args:
        error: Any; its constructor may want more than a text, or it may hold what no pickle holds.

    Returns:
        The error itself, or one of the nearest of its classes that a text alone makes; a note
        tells where it was raised.
    """
    text = str(error) or type(error).__name__
    makers: list[Callable[[], Any]] = [partial(kind, text) for kind in type(error).__mro__]
    found: Exception = RuntimeError(text)
    for make in (lambda: error, *makers):
        try:
            candidate = make()
            same = pickle.loads(pickle.dumps(candidate))
        except Exception:  # noqa: BLE001 - then the next class
            continue
        if isinstance(candidate, Exception) and str(same) == text:
            found = candidate
            break
    found.add_note("".join(traceback.format_exception(error)))
    return found


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
