"""What every executor offers, so that who hands out jobs need not know where they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

__all__ = ["Ended", "Executor"]


@dataclass(frozen=True)
class Ended:
    """A job that is no longer running.

    Args:
        key: Which; as given to `submit`.
        value: What the function returned; None if it did not.
        error: What it raised; None if it did not.
        is_lost: Whether the worker died or was cut off over it, so that nobody knows how far it
            came.
        worker: Name of the worker, for people.
    """

    key: str
    value: Any = None
    error: Exception | None = None
    is_lost: bool = False
    worker: str = ""


class Executor(Protocol):
    """Runs jobs somewhere else; used as a context, whose end stops what still runs."""

    @property
    def n_slots(self) -> int:
        """Number of jobs worth having under way; may change while workers come and go."""

    def submit(self, key: str, function: Callable[[Any], Any], argument: Any) -> None:
        """Hand out a job.

        Args:
            key: Names it; no other job under way has the same.
            function: Of a module's top level, as workers import it.
            argument: Its only argument; it is pickled between processes of this program alone.
        """

    def wait(self, timeout_s: float) -> list[Ended]:
        """Wait until a job ends.

        Args:
            timeout_s: Longest wait, in seconds.

        Returns:
            All that ended since the last call, each key once; empty after the longest wait.

        Raises:
            DeviceError: If there is nobody left to run jobs and nobody will come.
        """

    def __enter__(self) -> Self:
        """Start workers where they are ours to start."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what still runs, and the workers that were ours to start."""
