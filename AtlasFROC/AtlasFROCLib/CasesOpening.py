"""Opening a case: the worker reads it, Slicer stays alive and takes over what is ready.

Reading a map, labeling its reference and building its tree take seconds for a large scan, which
Slicer's windows must not stand still for. One case is opened at a time: whoever asks for another
meanwhile gets that one, and the first ends as cancelled.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer

from AtlasTumorSlicer.Jobs import Job
from AtlasTumorSlicer.Signal import Signal

__all__ = ["OPENINGS", "Openings"]

_WORKER = Path(__file__).with_name("CasesWorker.py")


class Openings:
    """Has cases read by the worker, one at a time.

    Attributes:
        changed: Emitted when one begins to be read, and when none is read any more.
        progressed: Emits the fraction in [0, 1], the stage, and the seconds left (None: unknown).
        organ: Key of the organ that a case is being read for; empty if none is.
    """

    def __init__(self) -> None:
        """Read nothing yet."""
        self.changed, self.progressed = Signal(), Signal()
        self.organ = ""
        self._job: Job | None = None

    @property
    def isRunning(self) -> bool:
        """Whether a case is being read."""
        return self._job is not None

    def makeFolder(self) -> Path:
        """Make a folder for what the worker reads and writes; `remove` it afterwards."""
        return Path(tempfile.mkdtemp(prefix="AtlasFROC-case-", dir=slicer.app.temporaryPath))

    def remove(self, folder: Path) -> None:
        """Remove such a folder."""
        shutil.rmtree(folder, ignore_errors=True)

    def read(self, organ: str, order: Mapping[str, Any]) -> None:
        """Have the worker carry out an order; Slicer's windows are alive meanwhile.

        Args:
            organ: The organ's key.
            order: As `CasesWorker` takes it.

        Raises:
            AtlasTumorError: What the worker reported, or `Cancelled`, also if another case was
                asked for meanwhile.
            WorkerCrash: If it ended without a reason.
        """
        self.cancel()
        job = Job([str(_WORKER), json.dumps({"organ": organ, **order})])
        job.progressed.connect(self.progressed.emit)
        self._set(job, organ)
        try:
            job.start()
            job.wait()
        finally:
            if self._job is job:
                self._set(None, "")

    def cancel(self) -> None:
        """Stop reading, if a case is being read."""
        job = self._job
        if job is not None:
            self._set(None, "")
            job.cancel()

    def _set(self, job: Job | None, organ: str) -> None:
        self._job, self.organ = job, organ
        self.changed.emit()


OPENINGS = Openings()
"""The only ones: there is one scene, and one case in it."""
