"""One synthetic scan that is being worked on: what the worker reads, and what was grown so far."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from atlastumor.synthesis.painting import Painting
from AtlasTumorSlicer.Errors import temporaryFolderError
from AtlasTumorSlicer.Fingerprints import fingerprints
from AtlasTumorSlicer.Mrml import checkScan, readGeometry, writeScan

from .Montage import Montage
from .OrganLabels import findLabels, makeLabels
from .Segments import readMask
from .SyntheticNodes import SyntheticNodes, findSynthetic, isSynthetic, makeSynthetic
from .Tumors import History, State, transition

__all__ = ["Session", "findNodes"]


class Session:
    """A scan and the outlines of its organs, written for the worker, and the history since.

    Nothing enters the scene before the first tumor is grown.

    Args:
        volumeNode: The scan, or a synthetic scan, which is then gone on with.
        segmentationNode: Outlines of its organs, or None.

    Attributes:
        history: The states there were.
        folder: Where the worker reads and writes; removed by `close`.

    Raises:
        InputError: If scan or outlines cannot be used.
        OutputError: If the files cannot be written.
    """

    def __init__(
        self,
        volumeNode: "slicer.vtkMRMLScalarVolumeNode",
        segmentationNode: "slicer.vtkMRMLSegmentationNode | None",
    ) -> None:
        """Write the files."""
        checkScan(volumeNode)
        self._geometry = readGeometry(volumeNode)
        self._volumeNode, self._segmentationNode = volumeNode, segmentationNode
        self._nodes = findNodes(volumeNode)
        tumors = self._nodes.segmentationNode if self._nodes else None
        labels = makeLabels(volumeNode, segmentationNode, tumors)
        self._times, self._marks = self._readTimes(), self._readMarks()
        self.history = History()
        self._montage: Montage | None = None
        self._told: tuple[Any, ...] | None = None
        prefix = "AtlasTumorSynth-"
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir=slicer.app.temporaryPath))
        except OSError as error:
            raise temporaryFolderError(error) from error
        try:
            writeScan(self._nodes.volumeNode if self._nodes else volumeNode, self._scan)
            np.save(self._labels, labels)
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise temporaryFolderError(error) from error

    @property
    def state(self) -> State:
        """What is in the synthetic volume."""
        return self.history.state

    @property
    def nodes(self) -> SyntheticNodes | None:
        """The synthetic scan; None before the first tumor."""
        return self._nodes

    def serves(
        self,
        volumeNode: "slicer.vtkMRMLScalarVolumeNode | None",
        segmentationNode: "slicer.vtkMRMLSegmentationNode | None",
    ) -> bool:
        """Tell whether it is about this scan and these outlines, as they are now."""
        isSame = volumeNode is self._volumeNode and segmentationNode is self._segmentationNode
        isThere = isSame and volumeNode.GetScene() is not None
        if not isThere or (self._montage and not self._nodes.isAlive):
            return False
        if not readGeometry(volumeNode).world.matches(self._geometry.world):
            return False
        times = self._readTimes()
        if times != self._times:  # saving the scene alone may regroup segments
            if self._readMarks() != self._marks:
                return False
            self._times = times
        return True

    def prepare(self, *, isWarm: bool) -> list[dict[str, Any]]:
        """Say what the worker must be told before it is asked for a tumor.

        Args:
            isWarm: Whether it still knows what it was told.

        Returns:
            Messages; the worker then has the scan with the tumors that were kept.
        """
        messages: list[dict[str, Any]] = []
        if self._told is None or not isWarm:
            messages.append({"do": "open", "scan": str(self._scan), "labels": str(self._labels)})
            self._told = ()
        leaving, coming = transition(self._told, self.state.kept)
        messages += [{"do": "revert", "edit": str(tumor.file)} for tumor in leaving]
        messages += [{"do": "apply", "edit": str(tumor.file)} for tumor in coming]
        self._told = self.state.kept
        return messages

    def writePainting(self, segment: str) -> tuple[str, float]:
        """Write a segment for the worker.

        Args:
            segment: As `listSegments` names it.

        Returns:
            The file, another for other voxels, and the diameter of the ball of equal volume, mm.

        Raises:
            InputError: As `readMask`.
            OutputError: If the file cannot be written.
        """
        mask = readMask(self._volumeNode, segment)
        digest = hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()[:16]
        path = self.folder / f"painting-{digest}.npy"
        if not path.exists():
            try:
                np.save(path, mask)
            except OSError as error:
                path.unlink(missing_ok=True)
                raise temporaryFolderError(error) from error
        return str(path), Painting(mask, self._geometry.world).diameter_mm

    def forgetTold(self) -> None:
        """Tell the worker everything anew next time."""
        self._told = None

    def show(self, state: State) -> None:
        """Bring a state into the scene.

        Args:
            state: One of the history's.
        """
        if self._montage is None:
            self._nodes = self._nodes or makeSynthetic(self._volumeNode)
            self._montage = Montage(self._nodes, self._geometry)
        if self._nodes.isAlive:
            self._montage.show(state)

    def updateTable(self) -> None:
        """Write what became known of the tumors into the table."""
        if self._montage is not None and self._nodes.isAlive:
            self._montage.updateTable()

    def close(self) -> None:
        """Take the preview out of the volume and remove the files."""
        if self._montage is not None and self._nodes.isAlive:
            self._montage.show(State(self.state.kept))
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _scan(self) -> Path:
        return self.folder / "scan.nrrd"

    @property
    def _labels(self) -> Path:
        return self.folder / "labels.npy"

    def _readTimes(self) -> dict[str, int]:
        """When each segment's voxels changed last."""
        node = self._segmentationNode
        times = {}
        for segmentId in findLabels(node) if node is not None else ():
            image = node.GetBinaryLabelmapInternalRepresentation(segmentId)
            times[segmentId] = image.GetMTime() if image is not None else 0
        return times

    def _readMarks(self) -> Mapping[str, str]:
        node = self._segmentationNode
        return fingerprints(node, findLabels(node)) if node is not None else {}


def findNodes(
    volumeNode: "slicer.vtkMRMLScalarVolumeNode | None",
) -> SyntheticNodes | None:
    """Find the synthetic scan that belongs to a choice: the one made of it, or it itself."""
    if isSynthetic(volumeNode):
        return SyntheticNodes(volumeNode)
    return findSynthetic(volumeNode)
