"""One segmentation, from the scan node to the segments: files out, worker, files in, clean up."""

import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from AtlasTumorSlicer.Jobs import Job
from AtlasTumorSlicer.Mrml import checkUnchanged, writeScan
from AtlasTumorSlicer.Results import readResult
from AtlasTumorSlicer.Segments import checkTarget, importSegments
from AtlasTumorSlicer.Signal import Signal
from AtlasTumorSlicer.Tables import updateTable

__all__ = ["Run"]

logger = logging.getLogger(__name__)

_IMPORT_FROM = 0.97
"""The worker's own work is this share of the whole; the rest is bringing the result in."""


class Run:
    """A segmentation under way. Exactly one of `finished` and `failed` is emitted.

    Args:
        volumeNode: The scan.
        segmentationNode: Where the segments go; None makes a new one.
        worker: Words that start the worker, such as `["-m", "atlastumor"]`.
        options: Words for its `segment` command.
        operatingPoint: Content of an operating-point file; empty for none.

    Attributes:
        progressed: Emits the fraction in [0, 1], the stage, and the seconds left (None: unknown).
        finished: Emits the segmentation node.
        failed: Emits the error.
        segmentationNode: The result, or None.
        tableNode: Its lesion table, or None.
        error: Why there is no result, or None.
    """

    def __init__(
        self,
        volumeNode: "slicer.vtkMRMLScalarVolumeNode",
        segmentationNode: "slicer.vtkMRMLSegmentationNode | None",
        *,
        worker: Sequence[str],
        options: Sequence[str],
        operatingPoint: str = "",
    ) -> None:
        """Write the scan for the worker; `start` starts it."""
        self.progressed, self.finished, self.failed = Signal(), Signal(), Signal()
        self.segmentationNode = self.tableNode = self.error = None
        self._volumeNode, self._target = volumeNode, segmentationNode
        checkTarget(segmentationNode, volumeNode)
        self._folder = Path(tempfile.mkdtemp(prefix="AtlasTumor-", dir=slicer.app.temporaryPath))
        try:
            scan, results = self._folder / "scan.nrrd", self._folder / "results"
            self._geometry = writeScan(volumeNode, scan)
            words = ["segment", str(scan), "-o", str(results), "--no-report", "--json-progress"]
            if operatingPoint:
                point = self._folder / "operating-points.json"
                point.write_text(operatingPoint, encoding="utf-8")
                words += ["--operating-point", str(point)]
            self._job = Job([*worker, *words, *options])
        except BaseException:
            self._removeFolder()
            raise
        self._job.progressed.connect(self._onProgress)
        self._job.finished.connect(self._onJobFinished)
        self._job.failed.connect(self._fail)
        self._sceneTag = None

    @property
    def isRunning(self) -> bool:
        """Whether the worker runs."""
        return self._job.isRunning

    @property
    def pid(self) -> int:
        """The operating system's number of the worker; 0 if it does not run."""
        return self._job.pid

    def start(self) -> None:
        """Start the worker and return at once."""
        scene = self._volumeNode.GetScene()
        self._sceneTag = scene.AddObserver(scene.StartCloseEvent, lambda *_ignored: self.cancel())
        self._scene = scene
        try:
            self._job.start()
        except BaseException:
            self._cleanUp()
            raise

    def cancel(self) -> None:
        """Stop the worker and all that it started; nothing enters the scene."""
        self._job.cancel()

    def wait(self) -> "slicer.vtkMRMLSegmentationNode":
        """Stay here until the segments are in the scene, with Slicer's windows alive.

        Raises:
            AtlasTumorError: What the worker reported, or `Cancelled`.
            WorkerCrash: If it ended without a reason.
        """
        self._job.wait()
        if self.error is not None:
            raise self.error
        return self.segmentationNode

    def _onProgress(self, fraction: float, stage: str, secondsLeft: float | None) -> None:
        self.progressed.emit(fraction * _IMPORT_FROM, stage, secondsLeft)

    def _onJobFinished(self, _event: dict) -> None:
        try:
            self.progressed.emit(_IMPORT_FROM, "Importing segments", None)
            self._import()
        except Exception as error:  # noqa: BLE001 - a slot has no caller to raise to
            self._fail(error)
            return
        self._cleanUp()
        self.progressed.emit(1.0, "Done", 0.0)
        self.finished.emit(self.segmentationNode)

    def _import(self) -> None:
        checkUnchanged(self._volumeNode, self._geometry)
        result = readResult(self._folder / "results", self._geometry.world)
        target = self._target
        if target is not None and target.GetScene() is None:
            target = None  # deleted meanwhile: a new one takes its place
        node, ids = importSegments(result, self._geometry, self._volumeNode, target)
        self.tableNode = updateTable(result, self._geometry, node, ids, self._volumeNode)
        self.segmentationNode = node

    def _fail(self, error: Exception) -> None:
        self._cleanUp()
        self.error = error
        self.failed.emit(error)

    def _cleanUp(self) -> None:
        if self._sceneTag is not None:
            self._scene.RemoveObserver(self._sceneTag)
            self._sceneTag = None
        self._removeFolder()

    def _removeFolder(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._folder.exists():
            logger.warning(_("A temporary folder could not be removed."))
