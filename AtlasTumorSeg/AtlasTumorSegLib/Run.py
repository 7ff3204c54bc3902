"""One segmentation, from the scan node to the segments."""

from collections.abc import Sequence
from pathlib import Path

import slicer

from atlastumor.errors import InputError
from AtlasTumorSlicer.Mrml import ScanGeometry, checkUnchanged, writeScan
from AtlasTumorSlicer.Results import readResult
from AtlasTumorSlicer.Segments import checkTarget, importSegments
from AtlasTumorSlicer.Tables import updateTable
from AtlasTumorSlicer.WorkerRun import WorkerRun

__all__ = ["Run"]


class Run(WorkerRun):
    """A segmentation; its result is the segmentation node.

    Args:
        volumeNode: The scan. If its scene closes, the run is cancelled.
        segmentationNode: Where the segments go. None makes a new one, and so does one that went
            or takes them no more when they have been found.
        worker: Words that start the worker, such as `["-m", "atlastumor"]`.
        options: Words for its `segment` command.
        operatingPoint: Content of an operating-point file; empty for none.

    Attributes:
        segmentationNode: The result, or None.
        tableNode: Its lesion table, or None.
    """

    takeInStage = "Importing segments"

    def __init__(
        self,
        volumeNode: "slicer.vtkMRMLScalarVolumeNode",
        segmentationNode: "slicer.vtkMRMLSegmentationNode | None",
        *,
        worker: Sequence[str],
        options: Sequence[str],
        operatingPoint: str = "",
    ) -> None:
        """Check where the segments go; `start` writes the scan and starts the worker."""
        super().__init__(worker, scene=volumeNode.GetScene())
        checkTarget(segmentationNode, volumeNode)
        self.segmentationNode = self.tableNode = None
        self._volumeNode, self._target = volumeNode, segmentationNode
        self._options, self._operatingPoint = options, operatingPoint
        self._geometry: ScanGeometry | None = None

    def prepare(self, folder: Path) -> Sequence[str]:
        """Write the scan and the operating point."""
        scan = folder / "scan.nrrd"
        self._geometry = writeScan(self._volumeNode, scan)
        words = ["segment", str(scan), "-o", str(folder / "results")]
        words += ["--no-report", "--json-progress"]
        if self._operatingPoint:
            point = folder / "operating-points.json"
            point.write_text(self._operatingPoint, encoding="utf-8")
            words += ["--operating-point", str(point)]
        return [*words, *self._options]

    def takeIn(self, folder: Path) -> "slicer.vtkMRMLSegmentationNode":
        """Bring segments and table into the scene."""
        checkUnchanged(self._volumeNode, self._geometry)
        result = readResult(folder / "results", self._geometry.world)
        node, ids = importSegments(result, self._geometry, self._volumeNode, self._findTarget())
        self.tableNode = updateTable(result, self._geometry, node, ids, self._volumeNode)
        self.segmentationNode = node
        return node

    def _findTarget(self) -> "slicer.vtkMRMLSegmentationNode | None":
        """Where the segments go now.

        None, which makes a new one, where the chosen one went or no longer fits: what took minutes
        to find is not thrown away for that.
        """
        try:
            checkTarget(self._target, self._volumeNode)
        except InputError:
            return None
        return self._target
