"""A small scripted module in Slicer's usual form: the host's own tests drive it."""

import enum
from pathlib import Path
from typing import Annotated

import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class Side(enum.Enum):
    above = 1
    below = 2


class Counter(ScriptedLoadableModule):
    """Counts the voxels above a threshold."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Counter")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Examples")]
        slicer.app.connect("startupCompleted()", self.onStartup)
        self.isStarted = False

    def onStartup(self):
        self.isStarted = True


@parameterNodeWrapper
class CounterParameterNode:
    volume: vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(-100, 500)] = 100
    invert: bool = False
    side: Side = Side.below
    method: Annotated[str, Choice(["fast", "exact"])] = "exact"
    folder: Path = Path("results")
    labels: list[int]
    limits: dict[str, float]


class CounterWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = self._parameterNode = self._tag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/Counter.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = CounterLogic()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, lambda *_: self.setParameterNode(None))
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.setParameterNode(self.logic.getParameterNode())

    def cleanup(self):
        self.removeObservers()

    def enter(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, node):
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._tag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.update)
        self._parameterNode = node
        if node:
            self._tag = node.connectGui(self.ui)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.update)
            self.update()

    def update(self, caller=None, event=None):  # noqa: ARG002 - Slicer calls it so
        self.ui.applyButton.enabled = self._parameterNode.volume is not None

    def onApply(self):
        with slicer.util.tryWithErrorDisplay(_("Counting failed.")):
            node = self._parameterNode
            count = self.logic.count(node.volume, node.threshold, node.invert)
            self.ui.resultLabel.text = _("{n} voxels").format(n=count)


class CounterLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return CounterParameterNode(super().getParameterNode())

    def count(self, volume, threshold, invert):
        array = slicer.util.arrayFromVolume(volume)
        if array.min() < 0:
            raise ValueError("The volume has negative voxels.")
        return int((array > threshold).sum() if not invert else (array <= threshold).sum())


class CounterTest(ScriptedLoadableModuleTest):
    def runTest(self):
        self.delayDisplay("Nothing to test here", 0)
