"""What the user painted: any segment of the scene, as the worker reads it.

A segment is named by its node's id and its own, with a space between them; so it can be a
parameter.
"""

import numpy as np
import slicer
from slicer.i18n import tr as _

from atlastumor.errors import InputError

from .SyntheticNodes import isSynthetic

__all__ = ["listSegments", "readMask"]


def listSegments() -> dict[str, str]:
    """List the segments of the scene, but those of synthetic tumors, which come and go.

    Returns:
        What people read, by name.
    """
    return {
        f"{node.GetID()} {segmentId}": f"{node.GetName()}: {segment.GetName()}"
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        if not isSynthetic(node)
        for segmentId in node.GetSegmentation().GetSegmentIDs()
        for segment in (node.GetSegmentation().GetSegment(segmentId),)
    }


def readMask(volumeNode: "slicer.vtkMRMLScalarVolumeNode", name: str) -> np.ndarray:
    """Read a segment on the scan's grid.

    Args:
        volumeNode: The scan.
        name: As `listSegments` gives it.

    Returns:
        (I, J, K) bool.

    Raises:
        InputError: If there is no such segment any more, or nothing of it lies in the scan.
    """
    text = listSegments().get(name)
    if text is None:
        raise InputError(_("The segment that was chosen is gone. Choose another one."))
    nodeId, segmentId = name.split(" ", 1)
    node = slicer.mrmlScene.GetNodeByID(nodeId)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, volumeNode)
    if array is None or not array.any():
        raise InputError(
            _(
                "Nothing of '{segment}' lies in the scan. Paint in it, or choose another one."
            ).format(segment=text)
        )
    return array.T.astype(bool)
