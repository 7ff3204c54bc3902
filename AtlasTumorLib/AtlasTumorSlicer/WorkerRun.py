"""One run of the worker: files out, process, files in, clean up."""

import logging
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import slicer
from slicer.i18n import tr as _

from .Errors import temporaryFolderError
from .Jobs import Job
from .Signal import Signal

__all__ = ["WorkerRun"]

logger = logging.getLogger(__name__)

_TAKE_IN_FROM = 0.97
"""The worker's own work is this share of the whole; the rest is taking the result in."""


class WorkerRun(ABC):
    """A run under way. Exactly one of `finished` and `failed` is emitted.

    A derived class writes `prepare` and `takeIn`.

    Args:
        worker: Words that start the worker, such as `["-m", "atlastumor"]`.
        scene: Cancels the run when it begins to close; None lets the run go on.

    Attributes:
        folderPrefix: How the name of the temporary folder begins.
        takeInStage: What is said while the result is taken in; translated where it is shown.
        progressed: Emits the fraction in [0, 1], the stage, and the seconds left (None: unknown).
        told: Emits what else the worker tells, such as an event "case".
        finished: Emits the result.
        failed: Emits the error.
        result: What `takeIn` gave, or None.
        error: Why there is no result, or None.
    """

    folderPrefix: ClassVar[str] = "AtlasTumor-"
    takeInStage: ClassVar[str] = "Reading the result"

    def __init__(
        self, worker: Sequence[str], *, scene: "slicer.vtkMRMLScene | None" = None
    ) -> None:
        """Write nothing yet; `start` does."""
        self.progressed, self.told = Signal(), Signal()
        self.finished, self.failed = Signal(), Signal()
        self.result: Any = None
        self.error: Exception | None = None
        self._worker, self._scene = list(worker), scene
        self._sceneTag: int | None = None
        self._folder: Path | None = None
        self._job: Job | None = None

    @abstractmethod
    def prepare(self, folder: Path) -> Sequence[str]:
        """Write what the worker reads.

        Args:
            folder: Empty, and removed after the run.

        Returns:
            The worker's subcommand and its words; `--json-progress` among them.
        """

    @abstractmethod
    def takeIn(self, folder: Path) -> Any:
        """Read what the worker has written.

        Args:
            folder: The one that `prepare` got.

        Returns:
            The result.
        """

    def stands(self, _event: Mapping[str, Any], _error: Exception) -> bool:
        """Whether what the worker said counts, though it reported an error after it: no.

        Args:
            _event: What it said.
            _error: What it reported, or `Cancelled`.
        """
        return False

    @property
    def isRunning(self) -> bool:
        """Whether the worker runs."""
        return self._job is not None and self._job.isRunning

    @property
    def pid(self) -> int:
        """The operating system's number of the worker; 0 if it does not run."""
        return self._job.pid if self._job is not None else 0

    def start(self) -> None:
        """Write what the worker reads, start it and return at once.

        Raises:
            AtlasTumorError: What cannot be used as given.
            OutputError: If nothing can be written into Slicer's temporary folder.
            DependencyError: If Slicer's interpreter is missing.
        """
        try:
            folder = tempfile.mkdtemp(prefix=self.folderPrefix, dir=slicer.app.temporaryPath)
        except OSError as error:
            raise temporaryFolderError(error) from error
        self._folder = Path(folder)
        try:
            self._job = Job([*self._worker, *self.prepare(self._folder)])
            self._job.progressed.connect(self._onProgress)
            self._job.told.connect(self.told.emit)
            self._job.finished.connect(self._onJobFinished)
            self._job.failed.connect(self._onJobFailed)
            self._watchScene()
            self._job.start()
        except OSError as error:
            self._cleanUp()
            raise temporaryFolderError(error) from error
        except BaseException:
            self._cleanUp()
            raise

    def whenDone(
        self, finished: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        """Have the end told, also a failure that has come already.

        Where an interpreter cannot be started, some systems say so at once.

        Args:
            finished: Called with the result.
            failed: Called with the error.
        """
        self.finished.connect(finished)
        self.failed.connect(failed)
        if self.error is not None:
            failed(self.error)

    def cancel(self) -> None:
        """Stop the worker and all that it started; nothing is taken in."""
        if self._job is not None:
            self._job.cancel()

    def wait(self) -> Any:
        """Stay here until the result is there, with Slicer's windows alive.

        Returns:
            The result.

        Raises:
            AtlasTumorError: What the worker reported, or `Cancelled`.
            WorkerCrash: If it ended without a reason.
        """
        self._job.waitForEnd()
        if self.error is not None:
            raise self.error
        return self.result

    def _watchScene(self) -> None:
        if self._scene is not None:
            event = self._scene.StartCloseEvent
            self._sceneTag = self._scene.AddObserver(event, lambda *_ignored: self.cancel())

    def _onProgress(self, fraction: float, stage: str, secondsLeft: float | None) -> None:
        self.progressed.emit(fraction * _TAKE_IN_FROM, stage, secondsLeft)

    def _onJobFinished(self, _event: dict) -> None:
        try:
            self.progressed.emit(_TAKE_IN_FROM, self.takeInStage, None)
            self.result = self.takeIn(self._folder)
        except Exception as error:  # noqa: BLE001 - a slot has no caller to raise to
            self._fail(error)
            return
        self._cleanUp()
        self.progressed.emit(1.0, "Done", 0.0)
        self.finished.emit(self.result)

    def _onJobFailed(self, error: Exception) -> None:
        if self._job.said is not None and self.stands(self._job.said, error):
            self._onJobFinished(self._job.said)
        else:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._cleanUp()
        self.error = error
        self.failed.emit(error)

    def _cleanUp(self) -> None:
        if self._sceneTag is not None:
            self._scene.RemoveObserver(self._sceneTag)
            self._sceneTag = None
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._folder.exists():
            logger.warning(_("A temporary folder could not be removed."))
