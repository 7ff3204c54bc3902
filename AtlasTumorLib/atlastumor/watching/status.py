"""How a service is, as its loop last saw it; read by whoever asks, from any thread."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..cohorts.rows import State
from .health import Answer

__all__ = ["Status", "answer_alive", "answer_ready"]

_LONGEST_TURN_S = 120.0


@dataclass(frozen=True)
class Status:
    """What a service knows of itself.

    Args:
        troubles: Why it cannot take work, a sentence each; empty if it can.
        cases: Number of cases by state.
        arriving: Number of arrivals that were not looked through yet.
        unsent: Number of results that wait to be sent.
        refused: Number of results that the peer refused for good.
        is_peer_silent: Whether the last attempt to send failed.
        disk_free_bytes: Where results go.
        restarts: How often the worker died.
        seen_s: When all this was so; of `time.monotonic`.
    """

    troubles: tuple[str, ...] = ("The service is starting.",)
    cases: Mapping[State, int] = field(default_factory=dict)
    arriving: int = 0
    unsent: int = 0
    refused: int = 0
    is_peer_silent: bool = False
    disk_free_bytes: int = 0
    restarts: int = 0
    seen_s: float = field(default_factory=time.monotonic)

    @property
    def queue(self) -> int:
        """Number of cases that wait for a worker."""
        return self.cases.get(State.WAITING, 0)


def answer_alive(status: Status) -> Answer:
    """Tell whether a service is alive; one that is not is to be restarted.

    Args:
        status: The last one.

    Returns:
        A reason if the service's loop stands still.
    """
    idle_s = time.monotonic() - status.seen_s
    if idle_s <= _LONGEST_TURN_S:
        return Answer((), {})
    return Answer((f"The service has stood still for {idle_s:.0f} s. Restart it.",), {})


def answer_ready(status: Status) -> Answer:
    """Tell whether a service can take work.

    Args:
        status: The last one.

    Returns:
        The troubles, and numbers; results that wait for a silent peer are no trouble.
    """
    more = {
        "cases": {str(state): n for state, n in status.cases.items()},
        "arriving": status.arriving,
        "queue": status.queue,
        "unsent": status.unsent,
        "refused": status.refused,
        "peer_answers": not status.is_peer_silent,
        "disk_free_bytes": status.disk_free_bytes,
        "worker_restarts": status.restarts,
    }
    return Answer((*answer_alive(status).reasons, *status.troubles), more)
