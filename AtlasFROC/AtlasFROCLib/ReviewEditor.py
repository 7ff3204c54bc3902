"""Handing one segment over to the Segment Editor, and taking back what was drawn."""

from collections.abc import Callable

import qt
import slicer

from AtlasTumorSlicer.Errors import showError

from .ReviewScene import ReviewScene, segmentIdOf

__all__ = ["BorderEditing", "openModule", "openSegmentEditor"]

_REST_MS = 2000
"""What was drawn is kept once drawing has rested for so long, and when the user comes back."""

_SINGLETON = "SegmentEditor"
"""The Segment Editor module follows the node of this tag (SegmentEditor.py, Slicer 5.12)."""


class BorderEditing:
    """A candidate whose border is being drawn in the Segment Editor.

    Args:
        scene: Which holds its segment.
        keep: Called with the candidate's key and its new outline; records it.

    Attributes:
        key: The candidate's; empty while nothing is drawn.
    """

    def __init__(self, scene: ReviewScene, keep: Callable[[str, object], object]) -> None:
        """Draw nothing yet."""
        self.key = ""
        self._scene, self._keep = scene, keep
        self._segmentation: slicer.vtkSegmentation | None = None
        self._tag: int | None = None
        self._timer = qt.QTimer()
        self._timer.singleShot = True
        self._timer.interval = _REST_MS
        self._timer.connect("timeout()", self.keepDrawn)

    def begin(self, key: str) -> None:
        """Open the Segment Editor on a candidate."""
        self.key = key
        self._segmentation = self._scene.node.GetSegmentation()
        self._tag = self._segmentation.AddObserver(
            slicer.vtkSegmentation.SourceRepresentationModified, self._onDrawn
        )
        openSegmentEditor(self._scene.node, self._scene.volumeNode, segmentIdOf(key))

    def end(self) -> None:
        """Take back what was drawn, and draw no more."""
        if self.key:
            self.keepDrawn()
        self.forget()

    def forget(self) -> None:
        """Draw no more; what was not kept is gone."""
        self._timer.stop()
        if self._segmentation is not None and self._tag is not None:
            self._segmentation.RemoveObserver(self._tag)
        self._segmentation = self._tag = None
        self.key = ""

    def keepDrawn(self) -> None:
        """Record what was drawn, if it differs from what is recorded."""
        self._timer.stop()
        try:
            outline = self._scene.readEdited(self.key)
            if outline is not None:
                self._keep(self.key, outline)
                self._scene.noteDrawn(self.key, outline)
        except Exception as error:  # noqa: BLE001 - a timer has no caller to raise to
            showError(error)

    def _onDrawn(self, _caller: object, _event: object) -> None:
        self._timer.start()


def openSegmentEditor(
    segmentationNode: "slicer.vtkMRMLSegmentationNode",
    volumeNode: "slicer.vtkMRMLScalarVolumeNode",
    segmentId: str,
) -> None:
    """Open the Segment Editor on a segment; drawing leaves other segments as they are.

    Args:
        segmentationNode: Which holds the segment.
        volumeNode: The image to draw on.
        segmentId: The segment.
    """
    scene = segmentationNode.GetScene()
    node = scene.GetSingletonNode(_SINGLETON, "vtkMRMLSegmentEditorNode")
    if node is None:
        node = slicer.vtkMRMLSegmentEditorNode()
        node.SetSingletonTag(_SINGLETON)
        node = scene.AddNode(node)
    node.SetAndObserveSegmentationNode(segmentationNode)
    node.SetAndObserveSourceVolumeNode(volumeNode)
    node.SetSelectedSegmentID(segmentId)
    node.SetOverwriteMode(node.OverwriteNone)
    openModule(_SINGLETON)


def openModule(name: str) -> None:
    """Open another module's panel."""
    slicer.util.selectModule(name)
