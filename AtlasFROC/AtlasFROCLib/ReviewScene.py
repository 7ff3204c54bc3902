"""The scan under review in the scene: its image, and one segment for each candidate.

A segment's label map is as large as its candidate, so that a scan comes up in moments whatever its
size; the Segment Editor enlarges what is drawn upon.
"""

from pathlib import Path

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util import numpy_support

from atlastumor.organs import find_organ
from atlastumor.review import Item, Outline, make_outline
from atlastumor.review.session import ReviewSession
from AtlasTumorSlicer.Mrml import readGeometry
from AtlasTumorSlicer.Results import LesionRow
from AtlasTumorSlicer.Terminology import lesionStyle
from AtlasTumorSlicer.Views import jumpTo

from .ReviewLattice import Lattice, findLattice
from .ReviewVolume import loadReviewVolume

__all__ = ["ReviewScene", "describeItem", "segmentIdOf"]

_ACCEPTED, _REMOVED = (0.16, 0.80, 0.30), (0.55, 0.55, 0.55)
_FILL, _FILL_OF_CURRENT = 0.35, 0.12
"""The candidate that is looked at is filled less, so that its tissue is seen."""


class ReviewScene:
    """Keeps the scene in step with a session.

    Attributes:
        node: The segmentation; None without a scan.
        volumeNode: The image; None without a scan.
    """

    def __init__(self) -> None:
        """Show nothing."""
        self.node: slicer.vtkMRMLSegmentationNode | None = None
        self.volumeNode: slicer.vtkMRMLScalarVolumeNode | None = None
        self._outlines: dict[str, Outline] = {}
        self._lattice: Lattice | None = None

    def open(self, session: ReviewSession, scans: "Path | None") -> None:
        """Show the session's scan.

        Args:
            session: With a scan.
            scans: Folder of the CTs, or None.

        Raises:
            InputError: If its image or an outline cannot be used.
        """
        self.close()
        self.volumeNode = loadReviewVolume(session, scans)
        self._lattice = findLattice(session.scan.grid, readGeometry(self.volumeNode).local)
        scene = self.volumeNode.GetScene()
        name = _("{scan} review").format(scan=session.scan.name)
        self.node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        self.node.CreateDefaultDisplayNodes()
        self.node.SetReferenceImageGeometryParameterFromVolumeNode(self.volumeNode)
        self.update(session)

    def close(self) -> None:
        """Take the scan out of the scene."""
        for node in (self.node, self.volumeNode):
            if node is not None and node.GetScene() is not None:
                node.GetScene().RemoveNode(node)
        self.forget()

    def forget(self) -> None:
        """Let go of nodes that the scene has removed."""
        self.node = self.volumeNode = None
        self._outlines = {}

    def update(self, session: ReviewSession) -> None:
        """Show the candidates as they were decided, with the outlines that hold."""
        if self.node is None:
            return
        with slicer.util.NodeModify(self.node):
            items = session.items
            for key in set(self._outlines) - {item.key for item in items}:
                if self._has(key):
                    self.node.GetSegmentation().RemoveSegment(segmentIdOf(key))
                del self._outlines[key]
            for item in items:
                outline = session.outline_of(item)
                if not _same(self._outlines.get(item.key), outline) or not self._has(item.key):
                    self._setSegment(item, outline)
                self._paint(item, session)

    def center(self, item: Item) -> None:
        """Take the views to a candidate."""
        if self.node is not None:
            outline = self._outlines[item.key]
            r, a, s = (float(x) for x in outline.grid.to_ras(item.voxel))
            jumpTo((r, a, s))

    def readEdited(self, key: str) -> Outline | None:
        """Read the outline that the user left in a segment.

        Args:
            key: Of a candidate.

        Returns:
            The outline; None if it is as it was, or the segment is gone.
        """
        if self.node is None or not self._has(key):
            return None
        array = slicer.util.arrayFromSegmentBinaryLabelmap(
            self.node, segmentIdOf(key), self.volumeNode
        )
        before = self._outlines[key]
        mask = self._lattice.fromNode(array.T.astype(bool))
        outline = make_outline(mask, before.grid)
        return None if _same(before, outline) else outline

    def noteDrawn(self, key: str, outline: Outline) -> None:
        """Know that a segment already shows this outline, so that it is left as it is."""
        self._outlines[key] = outline

    def _has(self, key: str) -> bool:
        return self.node.GetSegmentation().GetSegment(segmentIdOf(key)) is not None

    def _setSegment(self, item: Item, outline: Outline) -> None:
        """Make or replace a candidate's segment."""
        segmentId = segmentIdOf(item.key)
        segmentation = self.node.GetSegmentation()
        if self._has(item.key):
            segmentation.RemoveSegment(segmentId)
        segment = slicer.vtkSegment()
        row = LesionRow(item.organ, item.index, item.volume_ml, 0.0, item.score, "", (0.0,) * 3)
        segment.SetName(describeItem(item))
        segment.SetTerminology(lesionStyle(row).terminology)
        name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
        segment.AddRepresentation(name, _makeImage(outline, self._lattice))
        segmentation.AddSegment(segment, segmentId)
        self._outlines[item.key] = outline

    def _paint(self, item: Item, session: ReviewSession) -> None:
        """Say by color and fill what was decided and which one is looked at."""
        segmentId, display = segmentIdOf(item.key), self.node.GetDisplayNode()
        isAccepted = session.scan_state.is_accepted(item.key)
        undecided = tuple(value / 255 for value in find_organ(item.organ).tumor_color)
        color = {None: undecided, True: _ACCEPTED, False: _REMOVED}[isAccepted]
        isCurrent = session.current is not None and session.current.key == item.key
        self.node.GetSegmentation().GetSegment(segmentId).SetColor(*color)
        display.SetSegmentVisibility(segmentId, isCurrent or isAccepted is not False)
        display.SetSegmentOpacity2DFill(segmentId, _FILL_OF_CURRENT if isCurrent else _FILL)


def segmentIdOf(key: str) -> str:
    """Give the id of a candidate's segment."""
    return f"AtlasTumor_review_{key}"


def describeItem(item: Item) -> str:
    """Name a candidate for people, such as "Liver 2"."""
    organ = _(find_organ(item.organ).name)
    if item.index:
        return _("{organ} {number}").format(organ=organ, number=item.index)
    return _("{organ} new {number}").format(organ=organ, number=item.key.rpartition("-")[2])


def _same(before: Outline | None, now: Outline) -> bool:
    return before is not None and before.box == now.box and bool((before.mask == now.mask).all())


def _makeImage(outline: Outline, lattice: Lattice) -> "slicer.vtkOrientedImageData":
    """A label map in the outline's own box; one empty voxel where nothing is left."""
    image = slicer.vtkOrientedImageData()
    mask, first = np.zeros((1, 1, 1), bool), (0, 0, 0)
    if outline.mask.size:
        mask, first = lattice.toNode(outline)
    extent = [x for f, n in zip(first, mask.shape, strict=True) for x in (f, f + n - 1)]
    image.SetExtent(*extent)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(lattice.node.affine.ravel().tolist())
    image.SetImageToWorldMatrix(matrix)
    flat = np.ascontiguousarray(mask.T).astype(np.uint8).ravel()
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(flat, deep=True))
    return image
