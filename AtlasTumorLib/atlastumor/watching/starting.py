"""A service put together from a plan, run until a signal stops it, and taken apart again."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ..cohorts.folder import CohortFolder
from ..cohorts.resuming import open_journal
from ..cohorts.settings import BatchSettings
from ..errors import AtlasTumorError, NetworkError
from .courier import Courier, list_dicom
from .engine import Engine
from .health import HealthServer
from .intake import Intake
from .logs import log_event, set_up_logs
from .metrics import Metrics
from .records import Records
from .sending import Sender
from .service import Limits, Service
from .sources import FolderSource, Port, PortSource, Source
from .status import Status, answer_alive, answer_ready

if TYPE_CHECKING:
    from ..hospital.peer import Peer
    from ..hospital.web import Web

__all__ = ["WatchPlan", "WatchedFolder", "serve"]

_log = logging.getLogger(__name__)

_RECEIVED = "received"
_RECORDS = "watch.sqlite"


@dataclass(frozen=True)
class WatchedFolder:
    """A folder into which scans are put.

    Args:
        path: The folder.
        still_s: How long an arrival must not change to be complete, in seconds.
        pause_s: Least time between two looks, in seconds.
    """

    path: Path
    still_s: float = 10.0
    pause_s: float = 2.0


@dataclass(frozen=True, kw_only=True)
class WatchPlan:
    """What a service is to do.

    Args:
        source: The folder or port that is watched.
        output: Folder for results, journal and received studies.
        settings: What every case is done with.
        device: "auto", "cpu", "cuda" or "cuda:N".
        series: Which DICOM series of a study: "best", "all", or a UID or its beginning.
        send_to: Who is to have the results; None for nobody.
        send_again: Whether results that were refused for good are sent once more.
        limits: What must not be exceeded.
        health: Where to tell how the service is; None for nowhere.
        log: File of the log; None for standard error.
        level: Least level that is logged.
    """

    source: WatchedFolder | Port
    output: Path
    settings: BatchSettings
    device: str = "auto"
    series: str = "best"
    send_to: Peer | Web | None = None
    send_again: bool = False
    limits: Limits = field(default_factory=Limits)
    health: tuple[str, int] | None = None
    log: Path | None = None
    level: int = logging.INFO


def serve(plan: WatchPlan) -> None:
    """Run a service until SIGTERM or SIGINT.

    The first lets cases under way end, a second one gives them back.

    Args:
        plan: What it is to do.

    Raises:
        AtlasTumorError: If it cannot start, or going on makes no sense.
    """
    folder = CohortFolder(plan.output)
    folder.check([plan.source.path] if isinstance(plan.source, WatchedFolder) else [])
    handler = set_up_logs(plan.log, level=plan.level)
    metrics, latest = Metrics(plan.settings.model), _Latest()
    with ExitStack() as stack:
        stack.callback(handler.close)
        stack.enter_context(folder.locked())
        journal = stack.enter_context(open_journal(folder, plan.settings))
        records = Records(folder.directory / _RECORDS)
        stack.callback(records.close)
        sender = _make_sender(plan, folder, records, metrics)
        source = _make_source(plan, folder)
        source.open()
        stack.callback(source.close)
        if plan.health is not None:
            stack.enter_context(_tell_health(plan.health, latest, metrics))
        stop, give_up = stack.enter_context(_signals())
        engine = stack.enter_context(Engine(plan.settings, plan.device))
        service = Service(
            folder,
            journal,
            engine,
            source=source,
            intake=Intake(folder.directory, records, series=plan.series),
            records=records,
            sender=sender,
            metrics=metrics,
            limits=plan.limits,
            device=plan.device,
        )
        latest.service = service
        with _discreet(service):
            service.run(stop, give_up)


@contextmanager
def _discreet(service: Service) -> Iterator[None]:
    """Tell of what ends a service that has been at work by its kind alone, as its log does.

    What is wrong at its start is said in full.
    """
    try:
        yield
    except AtlasTumorError as error:
        if not service.has_been_ready:
            raise
        kind = type(error).__name__
        log_event("ended", level=logging.CRITICAL, error=kind)
        msg = f"The service has ended ({kind}). Run it with -vv to see in full what is wrong."
        ended = AtlasTumorError(msg)
        ended.exit_code = error.exit_code
        _log.debug("What ended the service:", exc_info=True)
        raise ended from None
    except Exception as error:  # noqa: BLE001 - its text could name a patient
        log_event("bug", level=logging.CRITICAL, error=type(error).__name__)
        _log.debug("What ended the service:", exc_info=True)
        raise SystemExit(1) from None


class _Latest:
    """The status of the service, or of one that is still starting."""

    def __init__(self) -> None:
        self._starting = Status()
        self.service: Service | None = None

    def __call__(self) -> Status:
        return self._starting if self.service is None else self.service.status


def _make_source(plan: WatchPlan, folder: CohortFolder) -> Source:
    source = plan.source
    if isinstance(source, Port):
        return PortSource(folder.directory / _RECEIVED, source)
    return FolderSource(source.path.resolve(), still_s=source.still_s, pause_s=source.pause_s)


def _make_sender(
    plan: WatchPlan, folder: CohortFolder, records: Records, metrics: Metrics
) -> Sender | None:
    if plan.send_to is None:
        return None

    def list_files(case_id: str) -> list[Path]:
        return list_dicom(folder.result_of(case_id))

    if plan.send_again:
        records.release_refused()
    sender = Sender(Courier(plan.send_to), list_files, records, metrics)
    sender.has_failed = not _require_answer(plan.send_to, records)
    return sender


def _require_answer(peer: Peer | Web, records: Records) -> bool:
    """Make sure that a peer is there, unless it was before: then it may be away for a while.

    Returns:
        Whether it answers now.

    Raises:
        NetworkError: If nobody answers at an address that never has.
    """
    from ..hospital.echo import echo

    try:
        echo(peer)
    except NetworkError as error:
        if not records.knows_peer(str(peer)):
            raise
        log_event("peer_silent", level=logging.WARNING, error=type(error).__name__)
        return False
    records.keep_peer(str(peer))
    return True


def _tell_health(address: tuple[str, int], latest: _Latest, metrics: Metrics) -> HealthServer:
    def write_metrics() -> bytes:
        status = latest()
        return metrics.write(
            cases={str(state): n for state, n in status.cases.items()},
            queue=status.queue,
            unsent=status.unsent,
            refused=status.refused,
            disk_free_bytes=status.disk_free_bytes,
            is_ready=not answer_ready(status).reasons,
        )

    return HealthServer(
        address,
        health=lambda: answer_alive(latest()),
        ready=lambda: answer_ready(latest()),
        metrics=write_metrics,
    )


@contextmanager
def _signals() -> Iterator[tuple[threading.Event, threading.Event]]:
    """Have the first signal set the first event, and the next one the second, for the block."""
    stop, give_up = threading.Event(), threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        (give_up if stop.is_set() else stop).set()

    before = {one: signal.signal(one, note) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop, give_up
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
