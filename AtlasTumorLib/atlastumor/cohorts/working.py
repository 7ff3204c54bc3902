"""One case of a cohort: read, segment, write; what every worker does, wherever it runs.

Several threads of a process may be at it at once. All of them read and write side by side, but one
thread alone, which lives as long as the process, runs the network: that is the overlap of the
pipeline, and what CUDA and cuDNN keep per thread is kept.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .case import CohortCase
from .outcome import CaseOutcome, save_outcome
from .scan import check_formats, open_segmenter, segment_scan, write_scan
from .settings import BatchSettings

if TYPE_CHECKING:
    from ..inference.engine import Segmenter
    from ..inference.recipes import RecipeSegmenter
    from ..inference.result import Segmentation
    from ..volume import Scan

__all__ = ["CaseTask", "open_model", "run_case"]


@dataclass(frozen=True)
class CaseTask:
    """A case handed to a worker.

    Args:
        case: The scan.
        token: Of this handing out; a result with another one is never accepted.
        staging: Folder to write into; not there yet, on the file system of the results.
        settings: What to do.
        device: "auto", "cpu", "cuda" or "cuda:N", as the worker's process sees it.
    """

    case: CohortCase
    token: str
    staging: Path
    settings: BatchSettings
    device: str = "auto"


def run_case(task: CaseTask) -> CaseOutcome:
    """Segment a case and write its result aside, for the runner to put in place.

    Args:
        task: What to do.

    Returns:
        How it went; the folder `task.staging` is then whole and on the disk.

    Raises:
        AtlasTumorError: If anything about input, model, device or output cannot be used.
    """
    from ..scans import read_scan

    clock, settings = _Clock(), task.settings
    scan = read_scan(task.case.path, series=task.case.series)
    check_formats(settings, scan)
    clock.stop("read")
    segmentation, seconds = _engine.submit(_run_engine, task, scan).result()
    clock.stop("wait", less=seconds)
    clock.seconds["engine"] = seconds
    write_scan(segmentation, scan, task.staging, settings)
    clock.stop("write")
    record = segmentation.provenance
    outcome = CaseOutcome(
        task.case.id,
        task.token,
        settings.fingerprint(),
        task.case.size_bytes,
        task.case.modified_ns,
        clock.seconds,
        record.peak_host_bytes,
        record.peak_device_bytes,
        record.device,
    )
    save_outcome(task.staging, outcome)
    return outcome


def open_model(what: tuple[BatchSettings, str]) -> None:
    """Open the model of a process before its first case.

    Args:
        what: Settings and device of the cases to come.

    Raises:
        AtlasTumorError: If model, weights, device or packages do not allow it.
    """
    _engine.submit(_find_segmenter, *what).result()


# Of the process. Both are touched in the engine's own thread alone.
_engine = ThreadPoolExecutor(1, thread_name_prefix="engine")
_opened: dict[tuple[str, str], Segmenter | RecipeSegmenter] = {}


def _run_engine(task: CaseTask, scan: Scan) -> tuple[Segmentation, float]:
    """Segment in the engine's thread, and say how long it took; opening a model is not counted."""
    segmenter = _find_segmenter(task.settings, task.device)
    started = time.perf_counter()
    return segment_scan(segmenter, scan, task.settings), time.perf_counter() - started


def _find_segmenter(settings: BatchSettings, device: str) -> Segmenter | RecipeSegmenter:
    """The model that is open already, or a new one in its place."""
    key = settings.fingerprint(), device
    if key not in _opened:
        for old in _opened.values():
            backend = getattr(old, "backend", None)  # a recipe holds none between scans
            if backend is not None:
                backend.close()
        _opened.clear()
        _opened[key] = open_segmenter(settings, device)
    return _opened[key]


class _Clock:
    """Seconds by stage, one after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def stop(self, stage: str, *, less: float = 0.0) -> None:
        now = time.perf_counter()
        self.seconds[stage] = max(now - self._since - less, 0.0)
        self._since = now
