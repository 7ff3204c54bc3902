"""The module panel: shows the parameter node, starts and stops runs, shows what came of them."""

import sys

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from atlastumor.errors import Cancelled
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Install import Installer
from AtlasTumorSlicer.Tables import findTable

from .Logic import AtlasTumorSegLogic
from .ModelPanel import ModelPanel
from .OperatingPanel import OperatingPanel
from .OrgansPanel import OrgansPanel
from .Parameters import Parameters, readMachine, writeMachine
from .ResultPanel import ResultPanel

__all__ = ["AtlasTumorSegWidget"]

_MACHINE_CHOICES = {
    "device": ("auto", "cpu", "cuda", "cuda:0", "cuda:1"),
    "backend": ("auto", "torch", "openvino"),
    "precision": ("auto", "fp32", "bf16", "fp16"),
}
_BAR = 1000


class AtlasTumorSegWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel of AtlasTumorSeg."""

    def __init__(self, parent: "slicer.qMRMLWidget | None" = None) -> None:
        """Start without scene and panel; `setup` makes them."""
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: AtlasTumorSegLogic | None = None
        self.installer: Installer | None = None
        self._parameterNode: Parameters | None = None
        self._guiTag = None
        self._isBusy = False
        self._run = None

    def setup(self) -> None:
        """Load the panel and connect it."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/AtlasTumorSeg.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = AtlasTumorSegLogic()
        self.installer = Installer()
        self._organs = OrgansPanel(self.ui.organsGridLayout, self.ui.thresholdsFormLayout)
        self._organs.changed.connect(self._onOrgansChanged)
        self._result = ResultPanel(self.ui.findingsLabel, self.ui.lesionTable)
        self._model = ModelPanel(self.ui.modelComboBox, self.ui.modelLabel)
        self._model.changed.connect(self._onModelChanged)
        self._point = OperatingPanel(
            self.ui.operatingPointLabel,
            self.ui.loadOperatingPointButton,
            self.ui.removeOperatingPointButton,
        )
        self._point.changed.connect(self._onPointChanged)
        self._fillMachineChoices()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.allOrgansButton.connect("clicked(bool)", lambda _on: self._organs.checkAll(True))
        self.ui.noOrgansButton.connect("clicked(bool)", lambda _on: self._organs.checkAll(False))
        self._showIdle()
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Stop what runs, before the panel goes."""
        self.cancel()
        self.setParameterNode(None)
        self.removeObservers()

    def onReload(self) -> None:
        """Reload the packages too, not the entry file alone."""
        self.cancel()
        for name in [*sys.modules]:
            if name.split(".")[0] in ("AtlasTumorSegLib", "AtlasTumorSlicer"):
                del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def enter(self) -> None:
        """Follow the parameter node while the module is open."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Leave the parameter node alone while another module is open."""
        self.setParameterNode(None)

    def onSceneStartClose(self, _caller: object = None, _event: object = None) -> None:
        """Stop what runs: its scan is about to go."""
        self.cancel()
        self.setParameterNode(None)
        self._result.show(None)

    def onSceneEndClose(self, _caller: object = None, _event: object = None) -> None:
        """Start afresh if the module is open."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, _caller: object = None, _event: object = None) -> None:
        """Show what a loaded scene brought."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Follow the scene's parameter node; choose the first scan if none is chosen."""
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.inputVolume:
            first = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if first and not first.IsA("vtkMRMLLabelMapVolumeNode"):
                self._parameterNode.inputVolume = first

    def setParameterNode(self, parameterNode: Parameters | None) -> None:
        """Follow another parameter node, or none."""
        modified = vtk.vtkCommand.ModifiedEvent
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode.parameterNode, modified, self._onParameters)
        self._parameterNode = parameterNode
        if parameterNode:
            self._guiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode.parameterNode, modified, self._onParameters)
            self._onParameters()

    def cancel(self) -> None:
        """Stop the package check or the run under way, if any."""
        if self.installer is not None:
            self.installer.cancel()
        if self.logic is not None:
            self.logic.cancel()

    def onApplyButton(self, _isChecked: bool = False) -> None:
        """Start a run; while one is under way, the same button cancels it."""
        if self._isBusy:
            self.cancel()
            return
        self._showBusy(_("Checking Python packages"))
        try:
            self.installer.ensure()
            if self._parameterNode is None:
                raise Cancelled(_("Cancelled."))  # the scene was closed meanwhile
            self._run = self._startRun()
        except Exception as error:  # noqa: BLE001 - the outermost door of the panel
            self._onFailed(error)

    def _startRun(self) -> object:
        parameters = self._parameterNode
        run = self.logic.segment(
            parameters.inputVolume,
            list(parameters.organs),
            model=parameters.model,
            thresholds=dict(parameters.thresholds),
            mirror=parameters.mirror,
            operatingPoint=parameters.operatingPoint,
            outputSegmentation=parameters.outputSegmentation,
            wait=False,
            onProgress=self._onProgress,
            **{name: readMachine(name) for name in _MACHINE_CHOICES},
        )
        run.finished.connect(self._onFinished)
        run.failed.connect(self._onFailed)
        return run

    def _onProgress(self, fraction: float, stage: str, secondsLeft: float | None) -> None:
        self.ui.progressBar.maximum = _BAR
        self.ui.progressBar.value = round(fraction * _BAR)
        text = _(stage)
        if secondsLeft is not None and fraction < 1.0:
            text = _("{stage}, about {time} left").format(stage=text, time=_time(secondsLeft))
        self.ui.stageLabel.text = text

    def _onFinished(self, segmentationNode: "slicer.vtkMRMLSegmentationNode") -> None:
        self._showIdle()
        if self._parameterNode is None:
            return
        with slicer.util.NodeModify(self._parameterNode):
            self._parameterNode.outputSegmentation = segmentationNode
            self._parameterNode.lesionTable = self._run.tableNode
        self._result.show(self._run.tableNode)

    def _onFailed(self, error: Exception) -> None:
        self._showIdle()
        self.ui.stageLabel.text = _("Cancelled") if isinstance(error, Cancelled) else ""
        self.ui.stageLabel.visible = bool(self.ui.stageLabel.text)
        showError(error)

    def _showBusy(self, stage: str) -> None:
        self._isBusy = True
        self.ui.applyButton.text = _("Cancel")
        self.ui.applyButton.toolTip = _("Stop; nothing is added to the scene.")
        self.ui.progressBar.maximum = 0  # moves without telling how far
        self.ui.stageLabel.text = stage
        for widget in (self.ui.progressBar, self.ui.stageLabel):
            widget.visible = True
        self._enableChoices(False)

    def _showIdle(self) -> None:
        self._isBusy = False
        self.ui.applyButton.text = _("Apply")
        self.ui.progressBar.visible = self.ui.stageLabel.visible = False
        self._enableChoices(True)
        self._checkCanApply()

    def _enableChoices(self, isEnabled: bool) -> None:
        for name in ("inputs", "organs", "advanced"):
            getattr(self.ui, f"{name}CollapsibleButton").enabled = isEnabled

    def _fillMachineChoices(self) -> None:
        """Fill the boxes whose choices stay with this computer."""
        for name, choices in _MACHINE_CHOICES.items():
            box = getattr(self.ui, f"{name}ComboBox")
            for choice in choices:
                box.addItem(choice)
            box.currentText = readMachine(name)
            box.connect("currentTextChanged(QString)", lambda text, n=name: writeMachine(n, text))

    def _onOrgansChanged(self) -> None:
        if self._parameterNode is None:
            return
        with slicer.util.NodeModify(self._parameterNode):
            self._parameterNode.organs = self._organs.organs
            self._parameterNode.thresholds = self._organs.thresholds

    def _onModelChanged(self) -> None:
        if self._parameterNode is not None:
            self._parameterNode.model = self._model.model

    def _onPointChanged(self) -> None:
        if self._parameterNode is not None:
            self._parameterNode.operatingPoint = self._point.text

    def _onParameters(self, _caller: object = None, _event: object = None) -> None:
        """Show what is not connected through the .ui file."""
        parameters = self._parameterNode
        self._organs.show(list(parameters.organs), dict(parameters.thresholds))
        self._model.show(parameters.model)
        self._point.show(parameters.operatingPoint, parameters.model)
        table = findTable(parameters.outputSegmentation) or parameters.lesionTable
        self._result.show(table)
        self._checkCanApply()

    def _checkCanApply(self) -> None:
        if self._isBusy:
            return
        obstacle = self._findObstacle()
        self.ui.applyButton.enabled = not obstacle
        self.ui.applyButton.toolTip = obstacle or _("Outline organs and tumors on the scan.")

    def _findObstacle(self) -> str:
        """Why Apply cannot be pressed; empty if it can."""
        parameters = self._parameterNode
        if parameters is None or not parameters.inputVolume:
            return _("Choose a scan first.")
        if not parameters.organs:
            return _("Check at least one organ.")
        if not self._model.has(parameters.model):
            return _("Choose a model under Advanced.")
        return self._point.obstacle


def _time(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return _("{n} s").format(n=max(1, round(seconds)))
    return _("{n} min").format(n=round(seconds / 60))
