"""The wire to a Dask scheduler: opened, asked who works there, and found to be cut.

Dask's messages are pickled: whoever can reach a scheduler or worker can run code there. Use it only
in a network that you trust, with TLS where others have access to it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..errors import DependencyError, InputError

__all__ = ["Tls", "Wire", "WireCut", "WorkerSeen", "check_address", "import_dask"]

_CONNECT_S = 5.0
_ANSWER_S = 15.0
_CLOSE_S = 5.0


@dataclass(frozen=True)
class Tls:
    """Files that keep strangers out of a cluster, in PEM format.

    Args:
        ca: Certificates of who signs.
        certificate: Signed by them; this side's own.
        key: Of the certificate.
    """

    ca: Path
    certificate: Path
    key: Path

    def to_security(self) -> Any:
        """Say it to Dask, for every role."""
        own = {
            f"tls_{role}_{what}": str(file)
            for role in ("client", "scheduler", "worker")
            for what, file in (("cert", self.certificate), ("key", self.key))
        }
        security = import_dask().Security
        return security(tls_ca_file=str(self.ca), require_encryption=True, **own)


@dataclass(frozen=True)
class WorkerSeen:
    """A worker as the scheduler knows it.

    Args:
        address: Where it listens; one that is started again may have the same.
        name: For people.
        n_threads: Jobs it runs at a time.
        is_ready: Whether it takes jobs now; not while its memory is nearly full.
        scratch: Its own folder for temporary files; another process has another.
    """

    address: str
    name: str
    n_threads: int
    is_ready: bool
    scratch: str


class WireCut(Exception):  # noqa: N818 - not shown to anybody
    """The scheduler does not answer."""


def import_dask() -> Any:
    """Import Dask's distributed, and leave its log to who asks for one.

    Returns:
        The package.

    Raises:
        DependencyError: If it is not installed.
    """
    is_ours = "distributed" not in sys.modules
    try:
        import distributed  # noqa: PLC0415 - takes a second
    except ImportError as error:
        msg = f"The package '{error.name}' is missing, which several machines need. Install it "
        raise DependencyError(f"{msg}with: pip install 'atlastumor[cluster]'") from error
    if is_ours:
        for name in ("distributed", "distributed.client", "distributed.gc", "tornado"):
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.setLevel(logging.WARNING if name == "distributed" else logging.ERROR)
            logger.propagate = True
    return distributed


def check_address(address: str, tls: Tls | None) -> None:
    """Make sure that an address and certificates go together.

    Args:
        address: Of a scheduler.
        tls: Files for an encrypted connection, if there are any.

    Raises:
        InputError: If one of the two is encrypted and the other is not.
    """
    if address.startswith("tls://") != (tls is not None):
        msg = f"The address {address} and the certificates do not go together: tls://host:port "
        raise InputError(f"{msg}needs all three files, and any other address none.")


class Wire:
    """A connection to a scheduler that is never mended: cut once, another one is needed.

    Args:
        target: Address of the scheduler, or a cluster object of Dask's.
        tls: Files for an encrypted connection.
    """

    def __init__(self, target: Any, tls: Tls | None = None) -> None:
        """Connect.

        Raises:
            WireCut: If nobody answers.
        """
        dask = import_dask()
        try:
            self._client = dask.Client(
                target,
                timeout=_CONNECT_S,
                set_as_default=False,
                security=tls.to_security() if tls is not None else None,
            )
        except (OSError, TimeoutError, RuntimeError) as error:
            raise WireCut(str(error)) from error

    def list_workers(self) -> dict[str, WorkerSeen]:
        """Ask who works there, by address.

        Raises:
            WireCut: If the scheduler does not answer.
        """
        if self._client.status != "running":
            raise WireCut(self._client.status)
        try:
            known = self._client.sync(
                self._client.scheduler.identity, n_workers=-1, callback_timeout=_ANSWER_S
            )
        except (OSError, TimeoutError, AttributeError) as error:
            raise WireCut(str(error)) from error
        return {
            address: WorkerSeen(
                address=address,
                name=str(one["name"]),
                n_threads=int(one["nthreads"]),
                is_ready=one["status"] == "running",
                scratch=str(one["local_directory"]),
            )
            for address, one in known["workers"].items()
        }

    def send(
        self, function: Callable[[Any], Any], argument: Any, address: str, told: Callable[[], None]
    ) -> Any:
        """Have one worker, and no other, run a function.

        Args:
            function: Of a module's top level.
            argument: Its only argument.
            address: Of the worker.
            told: Called from another thread when it has ended in whatever way.

        Returns:
            Dask's future; whoever lets go of it cancels the job.

        Raises:
            WireCut: If the scheduler is lost.
        """
        if self._client.status != "running":
            raise WireCut(self._client.status)
        future = self._client.submit(
            function,
            argument,
            key=f"atlastumor-{uuid4().hex}",
            workers=[address],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )
        future.add_done_callback(lambda _: told())
        return future

    def fetch(self, future: Any) -> Any:
        """Bring a result here.

        Args:
            future: As `send` gave it; ended.

        Raises:
            LookupError: If it cannot be had, as its worker is gone.
            WireCut: If the scheduler was lost meanwhile, be it that Dask found one again.
        """
        dask = import_dask()
        try:
            return future.result(timeout=_ANSWER_S)
        except dask.client.FutureCancelledError as error:
            if error.reason == "scheduler-connection-lost":
                raise WireCut(error.reason) from error
            raise LookupError(str(error)) from error
        except (dask.KilledWorker, OSError, TimeoutError) as error:
            raise LookupError(str(error)) from error

    def stop_work(self, addresses: Collection[str]) -> None:
        """End what workers still run: those with a nanny start again, others leave.

        Args:
            addresses: Which workers.
        """
        if not addresses:
            return
        with suppress(OSError, TimeoutError, AttributeError):
            self._client.sync(
                self._client.scheduler.restart_workers,
                workers=list(addresses),
                timeout=_CLOSE_S,
                wait_for_workers=False,
                on_error="return",
                stimulus_id=f"atlastumor-{uuid4().hex}",
                callback_timeout=2 * _CLOSE_S,
            )

    def close(self) -> None:
        """Disconnect, whatever state the wire is in."""
        with suppress(OSError, TimeoutError, AttributeError, AssertionError):
            self._client.close(timeout=_CLOSE_S)
