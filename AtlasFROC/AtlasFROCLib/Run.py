"""One measurement of a cohort by the worker: `atlastumor froc`, in a process of its own."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import slicer

from AtlasTumorSlicer.Jobs import Job
from AtlasTumorSlicer.Signal import Signal

from .Cohort import MeasuredCohort, readCohort
from .Sources import CohortSource

__all__ = ["Run"]

_READ_FROM = 0.97


class Run:
    """A measurement under way. Exactly one of `finished` and `failed` is emitted.

    Args:
        source: Where predictions and references are.
        results: Folder to make; None keeps no files.
        worker: Words that start the worker, such as `["-m", "atlastumor"]`.
        options: More words for its `froc` command.

    Attributes:
        progressed: Emits the fraction in [0, 1], the stage, and the seconds left (None: unknown).
        finished: Emits the measured cohort.
        failed: Emits the error.
        cohort: The result, or None.
        error: Why there is no result, or None.
    """

    def __init__(
        self,
        source: CohortSource,
        results: Path | None,
        *,
        worker: Sequence[str],
        options: Sequence[str],
    ) -> None:
        """Prepare folders and worker; `start` starts it."""
        self.progressed, self.finished, self.failed = Signal(), Signal(), Signal()
        self.cohort: MeasuredCohort | None = None
        self.error: Exception | None = None
        self._temporary = Path(tempfile.mkdtemp(prefix="AtlasFROC-", dir=slicer.app.temporaryPath))
        self._results = results or self._temporary / "results"
        try:
            folders = source.prepare(self._temporary)
        except BaseException:
            self._removeTemporary()
            raise
        words = ["froc", *map(str, folders), "-o", str(self._results), "--json-progress"]
        self._job = Job([*worker, *words, *options])
        self._job.progressed.connect(self._onProgress)
        self._job.finished.connect(self._onJobFinished)
        self._job.failed.connect(self._fail)

    @property
    def isRunning(self) -> bool:
        """Whether the worker runs."""
        return self._job.isRunning

    def start(self) -> None:
        """Start the worker and return at once."""
        try:
            self._job.start()
        except BaseException:
            self._removeTemporary()
            raise

    def cancel(self) -> None:
        """Stop the worker and all that it started."""
        self._job.cancel()

    def wait(self) -> MeasuredCohort:
        """Stay here until the cohort is measured, with Slicer's windows alive.

        Raises:
            AtlasTumorError: What the worker reported, or `Cancelled`.
            WorkerCrash: If it ended without a reason.
        """
        self._job.wait()
        if self.error is not None:
            raise self.error
        return self.cohort

    def _onProgress(self, fraction: float, stage: str, secondsLeft: float | None) -> None:
        self.progressed.emit(fraction * _READ_FROM, stage, secondsLeft)

    def _onJobFinished(self, _event: dict) -> None:
        try:
            self.progressed.emit(_READ_FROM, "Reading the result", None)
            self.cohort = readCohort(self._results)
        except Exception as error:  # noqa: BLE001 - a slot has no caller to raise to
            self._fail(error)
            return
        self._removeTemporary()
        self.progressed.emit(1.0, "Done", 0.0)
        self.finished.emit(self.cohort)

    def _fail(self, error: Exception) -> None:
        self._removeTemporary()
        self.error = error
        self.failed.emit(error)

    def _removeTemporary(self) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)
