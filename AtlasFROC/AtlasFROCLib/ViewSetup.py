"""What the views show when a case is opened."""

import slicer

from .Cases import LoadedCase

__all__ = ["jumpToCase", "showCase"]

_WINDOW, _LEVEL = 400, 40


def showCase(case: LoadedCase) -> None:
    """Show the case's CT in the slice views, in an abdominal window if it is one of ours.

    The probability map lies over it, unseen until its opacity is raised in the slice controllers.

    Args:
        case: The open case.
    """
    if case.scanNode is not None and case.scanNode in case.owned:
        case.scanNode.CreateDefaultDisplayNodes()
        display = case.scanNode.GetDisplayNode()
        display.SetAutoWindowLevel(0)
        display.SetWindowLevel(_WINDOW, _LEVEL)
    foreground = case.mapNode if case.scanNode is not None else None
    slicer.util.setSliceViewerLayers(
        background=case.volumeNode, foreground=foreground, foregroundOpacity=0.0, fit=True
    )


def jumpToCase(case: LoadedCase) -> None:
    """Take the slice views to the largest lesion of a case, if it has one.

    Args:
        case: The open case.
    """
    if not case.lesions.lesions:
        return
    largest = max(case.lesions.lesions, key=lambda lesion: lesion.volume_ml)
    ras = case.toWorld(largest.center_ijk)
    node = slicer.vtkMRMLSliceNode
    node.JumpAllSlices(slicer.mrmlScene, *ras, node.CenteredJumpSlice)
