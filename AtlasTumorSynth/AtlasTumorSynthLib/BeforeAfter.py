"""Showing the scan as it was and as it is: the same views, one volume in the place of the other."""

import slicer

from .SyntheticNodes import SyntheticNodes

__all__ = ["BeforeAfter"]


class BeforeAfter:
    """Exchanges the two volumes in the slice views that show one of them."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._shown: tuple[str, bool] | None = None

    def show(self, nodes: SyntheticNodes | None, *, isBefore: bool) -> None:
        """Show one of the volumes; views are left alone if nothing else was asked for before.

        Args:
            nodes: The synthetic scan; None lets go.
            isBefore: Whether the original is shown.
        """
        if nodes is None or not nodes.isAlive or nodes.originalNode is None:
            self._shown = None
            return
        asked = (nodes.volumeNode.GetID(), isBefore)
        if asked == self._shown:
            return
        self._shown = asked
        pair = (nodes.volumeNode, nodes.originalNode)
        shown, hidden = reversed(pair) if isBefore else pair
        _copyWindow(hidden, shown)
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            if composite.GetBackgroundVolumeID() == hidden.GetID():
                composite.SetBackgroundVolumeID(shown.GetID())
        segmentationNode = nodes.segmentationNode
        if segmentationNode is not None and segmentationNode.GetDisplayNode() is not None:
            segmentationNode.GetDisplayNode().SetVisibility(not isBefore)


def _copyWindow(
    source: "slicer.vtkMRMLScalarVolumeNode", target: "slicer.vtkMRMLScalarVolumeNode"
) -> None:
    """Show one volume as bright as the other."""
    old, new = source.GetDisplayNode(), target.GetDisplayNode()
    if old is None or new is None or target.GetImageData() is None:
        return
    new.SetAutoWindowLevel(old.GetAutoWindowLevel())
    if not old.GetAutoWindowLevel():
        new.SetWindowLevel(old.GetWindow(), old.GetLevel())
