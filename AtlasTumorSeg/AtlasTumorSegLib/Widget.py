"""The module panel: its own controls, joined to the scene's choices and to the logic."""

from typing import Any

import slicer
from slicer.i18n import tr as _

from atlastumor.errors import Cancelled
from atlastumor.inference.choices import BACKEND_NAMES, PRECISIONS
from AtlasTumorSlicer.ModuleWidget import ModuleWidget
from AtlasTumorSlicer.RunControls import RunTexts
from AtlasTumorSlicer.Tables import findTable

from .CohortCases import ShownCase
from .CohortPanel import CohortPanel
from .Logic import AtlasTumorSegLogic
from .ModelPanel import ModelPanel
from .ModelsDialog import ModelsDialog
from .OperatingPanel import OperatingPanel
from .OrgansPanel import OrgansPanel
from .Parameters import Parameters, readMachine, writeMachine
from .ResultPanel import ResultPanel
from .Run import Run
from .TaskTabs import TaskTabs

__all__ = ["AtlasTumorSegWidget"]

_MACHINE_CHOICES = {
    "device": ("auto", "cpu", "cuda", "cuda:0", "cuda:1"),
    "backend": ("auto", *BACKEND_NAMES),
    "precision": ("auto", *PRECISIONS),
}


class AtlasTumorSegWidget(ModuleWidget):
    """The panel of AtlasTumorSeg."""

    logicClass = AtlasTumorSegLogic
    resting = ("scanInputsWidget", "organsCollapsibleButton", "advancedCollapsibleButton")

    def runTexts(self) -> RunTexts:
        """Texts of the button Apply."""
        return RunTexts(
            start=_("Apply"),
            startTip=_("Outline organs and tumors on the scan."),
            cancelTip=_("Stop; nothing is added to the scene."),
        )

    def makeParts(self) -> None:
        """Make organs, result, model and operating point, and connect them."""
        ui = self.ui
        self._organs = OrgansPanel(ui.organsGridLayout, ui.thresholdsFormLayout)
        self._organs.changed.connect(self._onOrgansChanged)
        self._result = ResultPanel(ui.findingsLabel, ui.lesionTable)
        self._model = ModelPanel(ui.modelComboBox, ui.modelLabel)
        self._model.changed.connect(self._onModelChanged)
        self._models = ModelsDialog(
            self.resourcePath("UI/ModelsDialog.ui"), self.logic, lambda: self.installer
        )
        self._models.changed.connect(self._onInstalledChanged)
        ui.modelsButton.connect("clicked(bool)", lambda _on: self._models.show())
        self._point = OperatingPanel(
            ui.operatingPointLabel, ui.loadOperatingPointButton, ui.removeOperatingPointButton
        )
        self._point.changed.connect(self._onPointChanged)
        self._fillMachineChoices()
        self._tasks = TaskTabs(ui)
        self._cohort = CohortPanel(ui, self.logic, lambda: self.installer, self._cohortSettings)
        self._cohort.choices.changed.connect(self._onCohortChoices)
        self._cohort.stateChanged.connect(self._onCohortState)
        self._cohort.opening.finished.connect(self._onCase)
        self._tasks.cohortChosen.connect(self._cohort.showFolder)
        ui.allOrgansButton.connect("clicked(bool)", lambda _on: self._organs.checkAll(True))
        ui.noOrgansButton.connect("clicked(bool)", lambda _on: self._organs.checkAll(False))

    def cleanup(self) -> None:
        """Stop what runs, and close the window of the models."""
        self._models.close()
        self._cohort.close()
        super().cleanup()

    def onSceneStartClose(self, _caller: object = None, _event: object = None) -> None:
        """Stop the run on a scan, which is about to go; a cohort of files goes on."""
        self._cohort.onSceneStartClose()
        super().onSceneStartClose()
        self._result.show(None)

    def initializeParameterNode(self) -> None:
        """Follow the scene's parameter node; choose the first scan if none is chosen."""
        super().initializeParameterNode()
        if not self._parameterNode.inputVolume:
            first = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if first and not first.IsA("vtkMRMLLabelMapVolumeNode"):
                self._parameterNode.inputVolume = first

    def startRun(self, parameters: Parameters) -> Run:
        """Start a segmentation."""
        return self.logic.segment(
            parameters.inputVolume,
            outputSegmentation=parameters.outputSegmentation,
            wait=False,
            onProgress=self.showProgress,
            **_settings(parameters),
        )

    def keepResult(self, run: Run, parameters: Parameters) -> None:
        """Choose the new segmentation and show its lesions."""
        with slicer.util.NodeModify(parameters):
            parameters.outputSegmentation = run.segmentationNode
            parameters.lesionTable = run.tableNode
        self._result.show(run.tableNode)

    def showParameters(self, parameters: Parameters) -> None:
        """Show what is not connected through the .ui file."""
        self._organs.show(list(parameters.organs), dict(parameters.thresholds))
        self._model.show(parameters.model)
        self._point.show(parameters.operatingPoint, parameters.model)
        self._cohort.choices.show(parameters)
        table = findTable(parameters.outputSegmentation) or parameters.lesionTable
        self._result.show(table)

    def findObstacle(self) -> str:
        """Why Apply cannot be pressed; empty if it can."""
        if self._cohort.isBusy:
            return _("A cohort is running. Stop it first; it can be gone on with afterwards.")
        if self._parameterNode is None or not self._parameterNode.inputVolume:
            return _("Choose a scan first.")
        return self._findCommonObstacle()

    def onApplyButton(self, _isChecked: bool = False) -> None:
        """Start a run, or cancel the one under way; a cohort waits meanwhile."""
        super().onApplyButton()
        self.checkCanApply()

    def checkCanApply(self) -> None:
        """Let Apply and Start be pressed, or say why they cannot."""
        super().checkCanApply()
        if self.isBusy:
            self._cohort.setObstacle(_("A scan is being segmented. Wait for it or cancel it."))
        else:
            self._cohort.setObstacle(self._findCommonObstacle())

    def _findCommonObstacle(self) -> str:
        """Why neither a scan nor a cohort can be segmented; empty if they can."""
        parameters = self._parameterNode
        if parameters is None:
            return _("Open the module first.")
        if not parameters.organs:
            return _("Check at least one organ.")
        if not self._model.has(parameters.model):
            return _("Choose a model under Advanced.")
        return self._point.obstacle

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

    def _onInstalledChanged(self) -> None:
        self._model.refresh()
        if self._parameterNode is not None:
            self._model.show(self._parameterNode.model)
            self.checkCanApply()

    def _onPointChanged(self) -> None:
        if self._parameterNode is not None:
            self._parameterNode.operatingPoint = self._point.text

    def _cohortSettings(self) -> dict[str, Any]:
        if self._parameterNode is None:
            raise Cancelled(_("Cancelled."))  # the module was left meanwhile
        return _settings(self._parameterNode)

    def _onCohortChoices(self) -> None:
        if self._parameterNode is not None:
            self._cohort.choices.write(self._parameterNode)

    def _onCohortState(self) -> None:
        """One run at a time: the settings of a cohort rest while it runs."""
        if not self.isBusy:
            self._enableChoices(not self._cohort.isBusy)
            self._controls.showObstacle(self.findObstacle())

    def _onCase(self, case: ShownCase) -> None:
        """Choose the nodes of a case that was opened, and show its lesions."""
        if self._parameterNode is None:
            return
        with slicer.util.NodeModify(self._parameterNode):
            self._parameterNode.inputVolume = case.volumeNode
            self._parameterNode.outputSegmentation = case.segmentationNode
            self._parameterNode.lesionTable = case.tableNode


def _settings(parameters: Parameters) -> dict[str, Any]:
    """What a scan and the scans of a cohort are segmented with."""
    return {
        "organs": list(parameters.organs),
        "model": parameters.model,
        "thresholds": dict(parameters.thresholds),
        "mirror": parameters.mirror,
        "operatingPoint": parameters.operatingPoint,
        **{name: readMachine(name) for name in _MACHINE_CHOICES},
    }
