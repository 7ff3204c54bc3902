"""Taking the slice views and the 3-D views to a point."""

import slicer

__all__ = ["jumpTo"]


def jumpTo(ras: tuple[float, float, float]) -> None:
    """Center every slice view on a point and turn the 3-D views towards it.

    The cameras keep their direction and distance; only what they look at moves.

    Args:
        ras: RAS mm, world.
    """
    scene = slicer.mrmlScene
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *ras, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
        focus, position = camera.GetFocalPoint(), camera.GetPosition()
        moved = [p + new - old for p, new, old in zip(position, ras, focus, strict=True)]
        camera.SetPosition(*moved)
        camera.SetFocalPoint(*ras)
        camera.ResetClippingRange()
