"""The worker of a service: a process that opens the model before its first case, and after a death.

An executor as the runner of cases knows it, which has no room for a case while the model is not
open or the service pauses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from ..cohorts.settings import BatchSettings
from ..cohorts.working import open_model
from ..executors import Ended, LocalExecutor
from .logs import log_event, set_up_logs

__all__ = ["Engine"]

_OPEN = "open-model"
_QUIET = {"PYTHONWARNINGS": "ignore"}  # which quote what is in files


class Engine:
    """One process of this computer that segments.

    Args:
        settings: With the model.
        device: "auto", "cpu", "cuda" or "cuda:N".
        n_threads: Cases at a time: one is segmented while others are read and written.
    """

    def __init__(self, settings: BatchSettings, device: str, *, n_threads: int = 2) -> None:
        """Plan; the process starts with the context."""
        self._executor = LocalExecutor(1, n_threads, environments=[_QUIET])
        self._settings = settings
        self._device = device
        self._process_ids: list[int] = []
        self._keys: set[str] = set()
        self.is_open = False
        self.is_paused = False
        self.n_deaths = 0

    @property
    def n_slots(self) -> int:
        """Number of cases worth having under way."""
        return self._executor.n_slots if self.is_open and not self.is_paused else 0

    @property
    def n_busy(self) -> int:
        """Number of cases under way."""
        return len(self._keys)

    def submit(self, key: str, function: Callable[[Any], Any], argument: Any) -> None:
        """Hand out a case.

        Args:
            key: Names it.
            function: Of a module's top level.
            argument: Its only argument.
        """
        self._keys.add(key)
        self._executor.submit(key, function, argument)

    def wait(self, timeout_s: float) -> list[Ended]:
        """Wait until a case ends.

        Args:
            timeout_s: Longest wait, in seconds.

        Returns:
            All that ended since the last call.

        Raises:
            AtlasTumorError: If the model cannot be opened.
            DeviceError: If one process after the other dies.
        """
        ended = self._executor.wait(timeout_s)
        for one in ended:
            if one.key != _OPEN:
                self._keys.discard(one.key)
            elif one.error is not None:
                raise one.error
            elif not one.is_lost:
                self.is_open = True
                log_event("model_opened")
        if self._executor.process_ids != self._process_ids:
            self.n_deaths += 1
            log_event("worker_died", level=logging.ERROR, deaths=self.n_deaths)
            self._open()
        return [one for one in ended if one.key != _OPEN]

    def _open(self) -> None:
        """Have a new process open the model."""
        self.is_open = False
        self._process_ids = self._executor.process_ids
        self._executor.submit(_OPEN, _prepare, (self._settings, self._device))

    def __enter__(self) -> Self:
        """Start the process."""
        self._executor.__enter__()
        self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the process, whatever it does."""
        self._executor.__exit__(kind, error, trace)


def _prepare(what: tuple[BatchSettings, str]) -> None:
    """Make the process ready for cases; its packages are not to tell of patients either."""
    set_up_logs()
    open_model(what)
