"""Signs that the reader is there: slices that move, and the mouse in a slice view."""

from collections.abc import Callable

import slicer
import vtk

__all__ = ["ReviewSigns"]


class ReviewSigns:
    """Calls a function at every sign of the reader.

    Args:
        function: What to call.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        """Look at nothing yet."""
        self._function = function
        self._tags: list[tuple[vtk.vtkObject, int]] = []

    def start(self) -> None:
        """Look from now on; nothing happens if it looks already."""
        if self._tags:
            return
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            self._observe(node, vtk.vtkCommand.ModifiedEvent)
        for node in slicer.util.getNodesByClass("vtkMRMLCrosshairNode"):
            self._observe(node, slicer.vtkMRMLCrosshairNode.CursorPositionModifiedEvent)

    def stop(self) -> None:
        """Look no more."""
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        self._tags.clear()

    def _observe(self, node: vtk.vtkObject, event: int) -> None:
        self._tags.append((node, node.AddObserver(event, lambda *_ignored: self._function())))
