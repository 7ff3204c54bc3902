"""Where the user clicks: a point of Slicer's own, in Slicer's own place mode.

The point stays where the tumor grew and can be dragged. It belongs to the work, not to its result,
and is not saved with the scene.
"""

import qt
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from AtlasTumorSlicer.Signal import Signal

__all__ = ["Clicks"]

_GLYPH_PERCENT = 1.0


class Clicks(VTKObservationMixin):
    """Lets the user click once, and drag what was clicked.

    Attributes:
        clicked: Emits the point, RAS mm, world.
        modeChanged: Emits whether the next click places the point.
    """

    def __init__(self) -> None:
        """Place nothing yet."""
        VTKObservationMixin.__init__(self)
        self.clicked, self.modeChanged = Signal(), Signal()
        self._node = None
        self._isShowing = False

    @property
    def isPlacing(self) -> bool:
        """Whether the next click places the point."""
        selection = slicer.app.applicationLogic().GetSelectionNode()
        mode = self._interaction.GetCurrentInteractionMode()
        isOurs = self._node and selection.GetActivePlaceNodeID() == self._node.GetID()
        return bool(isOurs and mode == slicer.vtkMRMLInteractionNode.Place)

    @property
    def node(self) -> "slicer.vtkMRMLMarkupsFiducialNode | None":
        """The point list; None while there is none."""
        return self._node

    def start(self) -> None:
        """Let the next click place the point."""
        self._ensureNode()
        logic = slicer.modules.markups.logic()
        logic.SetActiveList(self._node)
        logic.StartPlaceMode(False)

    def stop(self) -> None:
        """Let clicks move views again."""
        if self.isPlacing:
            self._interaction.SwitchToViewTransformMode()

    def show(self, ras: "tuple[float, float, float] | None") -> None:
        """Show the point elsewhere, or nowhere, without emitting `clicked`."""
        if ras is None and self._node is None:
            return
        self._ensureNode()
        with slicer.util.NodeModify(self._node):
            self._node.RemoveAllControlPoints()
            if ras is not None:
                self._isShowing = True
                self._node.AddControlPointWorld(*ras)
                self._isShowing = False

    def setVisible(self, isVisible: bool) -> None:
        """Show or hide the point."""
        if self._node is not None and self._node.GetDisplayNode() is not None:
            self._node.GetDisplayNode().SetVisibility(isVisible)

    def remove(self) -> None:
        """Leave place mode and take the point out of the scene."""
        self.stop()
        node = self._node
        self.forget()
        if node is not None and node.GetScene() is not None:
            node.GetScene().RemoveNode(node)

    def forget(self) -> None:
        """Let go of a point that the scene has removed."""
        self.removeObservers()
        self._node = None

    @property
    def _interaction(self) -> "slicer.vtkMRMLInteractionNode":
        return slicer.app.applicationLogic().GetInteractionNode()

    def _ensureNode(self) -> None:
        if self._node is not None and self._node.GetScene() is not None:
            return
        self.forget()
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", _("Tumor"))
        node.SetSaveWithScene(False)
        node.SetHideFromEditors(True)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetPointLabelsVisibility(False)
        display.SetGlyphScale(_GLYPH_PERCENT)
        self._node = node
        kind = slicer.vtkMRMLMarkupsNode
        for event in (kind.PointPositionDefinedEvent, kind.PointEndInteractionEvent):
            self.addObserver(node, event, self._onPoint)
        mode = slicer.vtkMRMLInteractionNode.InteractionModeChangedEvent
        self.addObserver(self._interaction, mode, self._onMode)

    def _onMode(self, _caller: object = None, _event: object = None) -> None:
        self.modeChanged.emit(self.isPlacing)

    def _onPoint(self, _caller: object = None, _event: object = None) -> None:
        if not self._isShowing:
            qt.QTimer.singleShot(0, self._take)  # the list is still being changed

    def _take(self) -> None:
        """Keep the newest point alone and tell where it is."""
        node = self._node
        if node is None or node.GetScene() is None:
            return
        defined = [
            n
            for n in range(node.GetNumberOfControlPoints())
            if node.GetNthControlPointPositionStatus(n) == node.PositionDefined
        ]
        if not defined:
            return
        r, a, s = node.GetNthControlPointPositionWorld(defined[-1])
        for n in reversed(defined[:-1]):
            node.RemoveNthControlPoint(n)
        self.clicked.emit((r, a, s))
