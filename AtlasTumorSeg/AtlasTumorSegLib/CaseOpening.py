"""A case of a cohort in the scene: its scan, its segments, its table.

Reading a scan takes seconds, which Slicer's windows must not stand still for: the worker reads, and
the scene takes over what is ready. One case is shown at a time. The one before goes, unless
somebody changed its segments: then it stays, and is saved with the scene like anything else.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from atlastumor.errors import InputError
from AtlasTumorSlicer.Jobs import Job
from AtlasTumorSlicer.Mrml import checkScan, readGeometry
from AtlasTumorSlicer.Results import readResult
from AtlasTumorSlicer.Segments import importSegments
from AtlasTumorSlicer.Signal import Signal
from AtlasTumorSlicer.Tables import updateTable

from .CaseWorker import SCAN
from .CohortCases import DONE, CaseRow, ShownCase

__all__ = ["CaseOpening"]

_WORKER = Path(__file__).with_name("CaseWorker.py")
_WINDOW, _LEVEL = 400, 40


class CaseOpening:
    """Brings cases into the scene, one at a time.

    Attributes:
        progressed: Emits the fraction in [0, 1], the stage, and the seconds left (None: unknown).
        finished: Emits the `ShownCase`.
        failed: Emits the error.
        shown: The case that is shown, or None.
    """

    def __init__(self) -> None:
        """Show nothing yet."""
        self.progressed, self.finished, self.failed = Signal(), Signal(), Signal()
        self.shown: ShownCase | None = None
        self._job: Job | None = None
        self._temporary: Path | None = None
        self._wanted: tuple[str, Path] | None = None
        self._known: dict[str, ShownCase] = {}

    @property
    def isRunning(self) -> bool:
        """Whether a case is being read."""
        return self._job is not None

    def open(self, case: CaseRow, results: Path | None) -> None:
        """Begin to read a case; whichever is being read is let go.

        Args:
            case: That is done.
            results: Folder of the cohort; None if it was a temporary one.

        Raises:
            InputError: If there is no result, or nobody knows where its scan is.
            DependencyError: If Slicer's interpreter is missing.
        """
        folder = results / "cases" / case.id if results is not None else None
        if self._wanted is not None and self._wanted == (case.id, folder):
            return  # a double click
        self.cancel()
        if self._showAgain(case, folder):
            return
        if case.state != DONE or folder is None:
            raise InputError(_("The case has no result yet."))
        if not case.path:
            raise InputError(_("It is not known where the scan of this case is."))
        self._start(case, folder)

    def know(self, cases: Iterable[ShownCase]) -> None:
        """Take note of cases whose nodes are in the scene anyway."""
        self._known.update({case.id: case for case in cases})

    def cancel(self) -> None:
        """Stop reading, if a case is being read."""
        if self._job is not None:
            job, self._job = self._job, None
            job.cancel()
        self._clear()

    def forget(self) -> None:
        """Let go of the shown case; its nodes stay where they are."""
        self.cancel()
        self.shown = None
        self._known.clear()

    def _showAgain(self, case: CaseRow, folder: Path | None) -> bool:
        """Show a case whose nodes are in the scene; whether they are."""
        shown = self._known.get(case.id)
        if shown is None and self.shown is not None and self.shown.folder == folder:
            shown = self.shown
        if shown is None or not shown.isThere:
            return False
        if shown is not self.shown:
            self._close()
        self.shown = shown
        _show(shown.volumeNode)
        self.finished.emit(shown)
        return True

    def _start(self, case: CaseRow, folder: Path) -> None:
        prefix = "AtlasTumorSeg-case-"
        self._temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=slicer.app.temporaryPath))
        self._wanted = case.id, folder
        order = {"path": case.path, "series": case.series, "results": str(folder)}
        job = Job([str(_WORKER), json.dumps(order | {"folder": str(self._temporary)})])
        job.progressed.connect(self.progressed.emit)
        job.finished.connect(lambda _event: self._onRead(job))
        job.failed.connect(lambda error: self._onFailed(job, error))
        self._job = job
        try:
            job.start()
        except BaseException:
            self._job = None
            self._clear()
            raise

    def _onRead(self, job: Job) -> None:
        if job is not self._job:
            return
        try:
            self._close()
            self.shown = _bringIn(*self._wanted, self._temporary)
        except Exception as error:  # noqa: BLE001 - a slot has no caller to raise to
            self._onFailed(job, error)
            return
        self._job = None
        self._clear()
        self.finished.emit(self.shown)

    def _onFailed(self, job: Job, error: Exception) -> None:
        if job is self._job:
            self._job = None
            self._clear()
            self.failed.emit(error)

    def _clear(self) -> None:
        self._wanted = None
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def _close(self) -> None:
        """Take the shown case out of the scene, if nothing of it was changed."""
        shown, self.shown = self.shown, None
        if shown is not None and shown.isOwn and shown.isThere and shown.isUntouched:
            for node in (shown.tableNode, shown.segmentationNode, shown.volumeNode):
                slicer.mrmlScene.RemoveNode(node)


def _bringIn(caseId: str, folder: Path, ready: Path) -> ShownCase:
    """Make the nodes of a case of what the worker got ready; none if that fails."""
    properties = {"name": caseId, "show": False}
    volumeNode = slicer.util.loadVolume(str(ready / SCAN), properties=properties)
    made: list[Any] = [volumeNode]
    try:
        storage = volumeNode.GetStorageNode()
        if storage is not None:
            slicer.mrmlScene.RemoveNode(storage)  # its file goes
        checkScan(volumeNode)
        _setWindow(volumeNode)
        geometry = readGeometry(volumeNode)
        result = readResult(ready, geometry.world)
        segmentationNode, ids = importSegments(result, geometry, volumeNode)
        made.append(segmentationNode)
        tableNode = updateTable(result, geometry, segmentationNode, ids, volumeNode)
    except Exception:
        for node in made:
            slicer.mrmlScene.RemoveNode(node)
        raise
    _show(volumeNode)
    return ShownCase(caseId, folder, volumeNode, segmentationNode, tableNode)


def _show(volumeNode: "slicer.vtkMRMLScalarVolumeNode") -> None:
    """Show a scan in the slice views."""
    slicer.util.setSliceViewerLayers(background=volumeNode, fit=True)


def _setWindow(volumeNode: "slicer.vtkMRMLScalarVolumeNode") -> None:
    """Show soft tissue."""
    volumeNode.CreateDefaultDisplayNodes()
    display = volumeNode.GetDisplayNode()
    display.SetAutoWindowLevel(0)
    display.SetWindowLevel(_WINDOW, _LEVEL)
