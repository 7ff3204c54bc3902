"""A service without network and processes: its worker pretends to segment."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from atlastumor.cohorts.folder import CohortFolder
from atlastumor.cohorts.journal import Journal
from atlastumor.cohorts.outcome import STAGES, CaseOutcome, save_outcome
from atlastumor.cohorts.resuming import open_journal
from atlastumor.cohorts.rows import State
from atlastumor.cohorts.settings import BatchSettings
from atlastumor.cohorts.working import CaseTask
from atlastumor.errors import InputError
from atlastumor.executors import Ended
from atlastumor.scans import read_scan
from atlastumor.volume import Grid, Scan
from atlastumor.watching.intake import Intake
from atlastumor.watching.metrics import Metrics
from atlastumor.watching.records import Records
from atlastumor.watching.sending import Send, Sender
from atlastumor.watching.service import Limits, Service
from atlastumor.watching.sources import FolderSource, Source
from Backend.scans.bodies import a_body
from Backend.scans.dicom_series import write_dicom_series

STILL_S = 0.1
SHAPE = (20, 18, 12)


class PretendedEngine:
    """Ends cases when told to, in the test's own thread.

    Args:
        is_slow: Leave cases under way until `release` is called.
    """

    def __init__(self, *, is_slow: bool = False) -> None:
        self.is_open, self.is_paused, self.n_deaths = True, False, 0
        self.is_slow = is_slow
        self.ran: list[str] = []
        self.poison: set[str] = set()
        self._under_way: deque[tuple[str, CaseTask]] = deque()

    @property
    def n_slots(self) -> int:
        return 2 if self.is_open and not self.is_paused else 0

    @property
    def n_busy(self) -> int:
        return len(self._under_way)

    def submit(self, key: str, _function: Callable[[Any], Any], task: CaseTask) -> None:
        self._under_way.append((key, task))

    def release(self) -> None:
        self.is_slow = False

    def wait(self, timeout_s: float) -> list[Ended]:
        if self.is_slow or not self._under_way:
            time.sleep(min(timeout_s, 0.01))
            return []
        key, task = self._under_way.popleft()
        self.ran.append(task.case.id)
        if task.case.id in self.poison:
            return [Ended(key, is_lost=True)]
        try:
            return [Ended(key, _pretend(task))]
        except InputError as error:
            return [Ended(key, error=error)]


def _pretend(task: CaseTask) -> CaseOutcome:
    """Write a result that is whole, though it says nothing."""
    scan = read_scan(task.case.path, series=task.case.series)
    task.staging.mkdir(parents=True)
    (task.staging / "segmentation.dcm").write_bytes(b"result")
    record = {
        "schema": "atlastumor-result",
        "files": {},
        "provenance": {"input_sha256": scan.source.sha256},
    }
    (task.staging / "result.json").write_text(json.dumps(record))
    case = task.case
    outcome = CaseOutcome(
        case.id,
        task.token,
        task.settings.fingerprint(),
        case.size_bytes,
        case.modified_ns,
        dict.fromkeys(STAGES, 0.1),
    )
    save_outcome(task.staging, outcome)
    return outcome


class Running:
    """A service at work in a thread, and what a test wants to know of it."""

    def __init__(self, folder: CohortFolder, engine: PretendedEngine, metrics: Metrics) -> None:
        self.folder, self.engine, self.metrics = folder, engine, metrics
        self.stop, self.give_up = threading.Event(), threading.Event()
        self.service: Service | None = None
        self.trouble: list[BaseException] = []

    @property
    def counts(self) -> dict[State, int]:
        with Journal.read(self.folder.journal) as journal:
            return journal.count()

    @property
    def results(self) -> list[str]:
        return sorted(path.name for path in self.folder.cases.iterdir())

    def until(self, is_so: Callable[[], bool], seconds: float = 300.0) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            assert not self.trouble, self.trouble
            assert time.monotonic() < end, self.service and self.service.status
            time.sleep(0.01)

    def until_done(self, n: int) -> None:
        self.until(lambda: self.counts[State.DONE] == n)
        self.until_idle()

    def until_idle(self) -> None:
        """Until all that has arrived was looked through and worked on."""
        time.sleep(2 * STILL_S)
        self.until(
            lambda: (
                self.service is not None
                and not self.service.status.arriving
                and not self.service.status.queue
                and not self.engine.n_busy
            )
        )

    def list_problems(self) -> list[str]:
        with Journal.read(self.folder.journal) as journal:
            return [one.message for one in journal.problems()]


@contextmanager
def a_service(
    output: Path,
    source: Path | Source,
    *,
    engine: PretendedEngine | None = None,
    send: Send | None = None,
    limits: Limits | None = None,
    series: str = "best",
) -> Iterator[Running]:
    """Run a service while the block lasts; at its end it is stopped and has let cases end."""
    if isinstance(source, Path):
        source = FolderSource(source, still_s=STILL_S, pause_s=0.02)
    running = Running(CohortFolder(output), engine or PretendedEngine(), Metrics("tiny"))
    ready = threading.Event()

    def work() -> None:
        # SQLite's connections stay in the thread that made them.
        try:
            with _assemble(running, source, send, limits, series) as service:
                running.service = service
                source.open()
                ready.set()
                service.run(running.stop, running.give_up)
        except BaseException as error:  # noqa: BLE001 - the test's own thread raises it
            running.trouble.append(error)
        finally:
            source.close()
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(300)
    try:
        if not running.trouble:
            yield running
    finally:
        running.stop.set()
        thread.join(300)
    if running.trouble:
        raise running.trouble[0]


@contextmanager
def _assemble(
    running: Running, source: Source, send: Send | None, limits: Limits | None, series: str
) -> Iterator[Service]:
    folder, metrics = running.folder, running.metrics
    with folder.locked(), open_journal(folder, BatchSettings(model="tiny")) as journal:
        records = Records(folder.directory / "watch.sqlite")
        sender = None
        if send is not None:
            sender = Sender(
                send,
                lambda case: sorted(folder.result_of(case).glob("*.dcm")),
                records,
                metrics,
                pause_after=lambda _n: 0.02,
            )
        yield Service(
            folder,
            journal,
            running.engine,  # type: ignore[arg-type]
            source=source,
            intake=Intake(folder.directory, records, series=series),
            records=records,
            sender=sender,
            metrics=metrics,
            limits=limits or Limits(keep_free_bytes=0),
            device="cpu",
        )
        records.close()


def put(path: Path, content: bytes) -> Path:
    """A file, complete at once."""
    part = path.with_name(f".{path.name}")
    part.write_bytes(content)
    return part.rename(path)


def write_nifti(path: Path, *, brighter: int = 0) -> Path:
    """A small scan, complete at once."""
    hu = a_body(SHAPE)
    hu[hu > -500] += brighter
    image = nibabel.Nifti1Image(hu, np.diag([-4.0, 4.0, 5.0, 1.0]))
    part = path.with_name(f".{path.name}")
    nibabel.save(image, part)
    part.rename(path)
    return path


def write_study(folder: Path, *, series: int = 1, study_uid: str = "1.2.3", n: int = 1) -> Path:
    """One more series of a study, in a folder of its own, complete at once."""
    grid = Grid(SHAPE, np.diag([-4.0, -4.0, 5.0, 1.0]))
    part = folder.with_name(f".{folder.name}-{n}")

    def change(dataset: Any, _k: int) -> None:
        dataset.SeriesNumber = series

    write_dicom_series(
        Scan(a_body(SHAPE), grid),
        part / f"series-{n}",
        series_uid=f"{study_uid}.{series}",
        study_uid=study_uid,
        change=change,
    )
    if not folder.exists():
        return part.rename(folder)
    (part / f"series-{n}").rename(folder / f"series-{n}")
    part.rmdir()
    return folder
