"""Which studies are still arriving, and which have arrived."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Arrivals", "ReceivedStudy"]


@dataclass(frozen=True)
class ReceivedStudy:
    """A study of which nothing more seems to come.

    Args:
        id: Name of its folder; the same whenever the same study comes.
        folder: Its objects, in one folder for each series.
        n_new: Objects that came since the study was last told of.
        callers: AE titles of who sent them.
    """

    id: str
    folder: Path
    n_new: int = 0
    callers: tuple[str, ...] = ()


@dataclass
class _Arrival:
    last_s: float = 0.0
    n_new: int = 0
    callers: set[str] = field(default_factory=set)
    connections: set[Hashable] = field(default_factory=set)


class Arrivals:
    """Keeps count for several threads.

    A study has arrived when whoever sent something of it has hung up and nothing new came for a
    while. What comes later makes it arrive again.

    Args:
        folder: In which the studies' folders are.
        idle_s: For how long nothing must come, in seconds.
    """

    def __init__(self, folder: Path, idle_s: float) -> None:
        """Start with nothing on the way."""
        self._folder = folder
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._on_the_way: dict[str, _Arrival] = {}

    def note(self, study: str, connection: Hashable, caller: str, *, is_new: bool) -> None:
        """Note an object.

        Args:
            study: Name of the study's folder.
            connection: By which it came.
            caller: AE title of who sent it.
            is_new: Whether it was not there before.
        """
        with self._lock:
            if not is_new and study not in self._on_the_way:
                return
            arrival = self._on_the_way.setdefault(study, _Arrival())
            arrival.last_s = time.monotonic()
            arrival.n_new += is_new
            arrival.callers.add(caller)
            arrival.connections.add(connection)

    def hang_up(self, connection: Hashable) -> None:
        """Note that nothing more comes by a connection."""
        with self._lock:
            for arrival in self._on_the_way.values():
                arrival.connections.discard(connection)

    def take(self) -> list[ReceivedStudy]:
        """Take the studies that have arrived, each once."""
        latest_s = time.monotonic() - self._idle_s
        with self._lock:
            arrived = [
                study
                for study, arrival in self._on_the_way.items()
                if not arrival.connections and arrival.last_s <= latest_s
            ]
            taken = {study: self._on_the_way.pop(study) for study in arrived}
        return [
            ReceivedStudy(study, self._folder / study, one.n_new, tuple(sorted(one.callers)))
            for study, one in taken.items()
        ]
