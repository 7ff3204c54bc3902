"""A service in numbers, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import DependencyError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["Metrics"]

_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """The service's own numbers and no others, in a registry of their own.

    Args:
        model: Id of the model that it runs.
    """

    def __init__(self, model: str) -> None:
        """Declare every number, so that each is there from the first question on.

        Raises:
            DependencyError: If prometheus-client is not installed.
        """
        try:
            import prometheus_client as prometheus  # noqa: PLC0415 - optional
        except ModuleNotFoundError as error:
            msg = "Metrics need prometheus-client: pip install 'atlastumor[hospital]'"
            raise DependencyError(msg) from error

        self.registry: CollectorRegistry = prometheus.CollectorRegistry()
        self._generate = prometheus.generate_latest
        own: Any = {"namespace": "atlastumor", "registry": self.registry}
        prometheus.Info("build", "What runs.", **own).info({"version": __version__, "model": model})
        self._cases = prometheus.Gauge("cases", "Cases by state.", ["state"], **own)
        self._queue = prometheus.Gauge("queue_length", "Cases that wait for a worker.", **own)
        self._unsent = prometheus.Gauge("unsent_results", "Results that wait to be sent.", **own)
        self._refused = prometheus.Gauge(
            "refused_results", "Results that the peer refused for good.", **own
        )
        self._disk = prometheus.Gauge("disk_free_bytes", "Free where results go.", **own)
        self._ready = prometheus.Gauge("ready", "1 if the service can take work.", **own)
        self.seconds = prometheus.Histogram(
            "stage_seconds",
            "Seconds that a case took by stage.",
            ["stage"],
            buckets=_SECONDS,
            **own,
        )
        self.arrivals = prometheus.Counter("arrivals", "Files, folders and studies taken.", **own)
        self.refused = prometheus.Counter("refused", "Arrivals and cases set aside.", **own)
        self.sent = prometheus.Counter("sends", "Results sent.", **own)
        self.sends_failed = prometheus.Counter("sends_failed", "Attempts that failed.", **own)
        self.restarts = prometheus.Counter("worker_restarts", "Workers that died.", **own)

    def observe_stages(self, seconds: Mapping[str, float]) -> None:
        """Count a case's time.

        Args:
            seconds: By stage, as the record of a result has them.
        """
        for stage, took in seconds.items():
            self.seconds.labels(stage).observe(took)

    def write(
        self,
        *,
        cases: Mapping[str, int],
        queue: int,
        unsent: int,
        refused: int,
        disk_free_bytes: int,
        is_ready: bool,
    ) -> bytes:
        """Write all numbers, those that are states as they are now.

        Args:
            cases: Number of cases by state.
            queue: Number that wait for a worker.
            unsent: Number of results that wait to be sent.
            refused: Number of results that the peer refused for good.
            disk_free_bytes: Free where results go.
            is_ready: Whether the service can take work.

        Returns:
            Prometheus' text format.
        """
        for state, n in cases.items():
            self._cases.labels(state).set(n)
        self._queue.set(queue)
        self._unsent.set(unsent)
        self._refused.set(refused)
        self._disk.set(disk_free_bytes)
        self._ready.set(is_ready)
        return self._generate(self.registry)
