"""The module panel: shows the parameter node, starts and stops measurements, joins its parts."""

import sys
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from atlastumor.detection.rules import HIT_RULES
from atlastumor.errors import AtlasTumorError, Cancelled
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Install import MEASURING_PACKAGES, Installer

from .CasesPanel import CasesPanel
from .Cohort import MeasuredCohort, readCohort
from .CohortPanel import CohortPanel
from .ExportPanel import ExportPanel
from .Logic import AtlasFROCLogic
from .OperatingPanel import OperatingPanel
from .Parameters import Parameters
from .Problems import describeProblems, describeTime
from .ReviewPanel import ReviewPanel

__all__ = ["AtlasFROCWidget"]

_BAR = 1000
_SECTIONS = ("inputs", "curve", "cases", "review")


class AtlasFROCWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel of AtlasFROC."""

    def __init__(self, parent: "slicer.qMRMLWidget | None" = None) -> None:
        """Start without scene and panel; `setup` makes them."""
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: AtlasFROCLogic | None = None
        self.installer: Installer | None = None
        self._parameterNode: Parameters | None = None
        self._guiTag = None
        self._isBusy = False

    def setup(self) -> None:
        """Load the panel and connect it."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/AtlasFROC.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = AtlasFROCLogic()
        self.installer = Installer(packages=MEASURING_PACKAGES)
        self._makePanels()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.openButton.connect("clicked(bool)", self.onOpenButton)
        self._showIdle()
        self.initializeParameterNode()

    def _makePanels(self) -> None:
        self._cohort = CohortPanel(self.ui)
        self._operating = OperatingPanel(self.ui, self.logic)
        self._export = ExportPanel(self.ui, self.logic, self._operating)
        self._cases = CasesPanel(self.ui, self.logic)
        self.review = ReviewPanel(self.ui.reviewCollapsibleButton, self.logic, self.installer)
        self._cohort.changed.connect(self._onCohortPanel)
        for part in (self._operating, self._cases):
            part.changed.connect(self._onChosen)
        self.logic.cohortChanged.connect(self._showProblems)

    def cleanup(self) -> None:
        """Stop what runs, before the panel goes."""
        self.cancel()
        self._operating.stop()
        self._cases.stop()
        self.review.close()
        self.setParameterNode(None)
        self.removeObservers()

    def onReload(self) -> None:
        """Reload the packages too, not the entry file alone."""
        self.cancel()
        for name in [*sys.modules]:
            if name.split(".")[0] in ("AtlasFROCLib", "AtlasTumorSlicer"):
                del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def enter(self) -> None:
        """Follow the parameter node while the module is open."""
        self.initializeParameterNode()
        self.review.enter()

    def exit(self) -> None:
        """Leave the parameter node alone while another module is open."""
        self.review.exit()
        self.setParameterNode(None)

    def onSceneStartClose(self, _caller: object = None, _event: object = None) -> None:
        """Stop what runs and let go of the scene's nodes."""
        self.cancel()
        self.review.close()
        self.setParameterNode(None)
        self.logic.setCohort(None)

    def onSceneEndClose(self, _caller: object = None, _event: object = None) -> None:
        """Start afresh if the module is open."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, _caller: object = None, _event: object = None) -> None:
        """Show what a loaded scene brought, with its cohort if its results are still there."""
        if not self.parent.isEntered:
            return
        self.initializeParameterNode()
        results = self._parameterNode.results
        if self.logic.cohort is None and results and Path(results).is_dir():
            self._openResults()

    def initializeParameterNode(self) -> None:
        """Follow the scene's parameter node."""
        self.setParameterNode(self.logic.getParameterNode())

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
        """Stop the package check or the measurement under way, if any."""
        if self.installer is not None:
            self.installer.cancel()
        if self.logic is not None:
            self.logic.cancel()

    def onApplyButton(self, _isChecked: bool = False) -> None:
        """Start a measurement; while one is under way, the same button cancels it."""
        if self._isBusy:
            self.cancel()
            return
        self._showBusy(_("Checking Python packages"))
        try:
            self.installer.ensure()
            if self._parameterNode is None:
                raise Cancelled(_("Cancelled."))  # the scene was closed meanwhile
            self._startRun()
        except Exception as error:  # noqa: BLE001 - the outermost door of the panel
            self._onFailed(error)

    def onOpenButton(self, _isChecked: bool = False) -> None:
        """Read what was measured earlier."""
        try:
            self._openResults()
        except AtlasTumorError as error:
            showError(error)

    def _startRun(self) -> None:
        parameters = self._parameterNode
        run = self.logic.measure(
            self._cohort.source(parameters),
            Path(parameters.results) if parameters.results else None,
            minVolumeMm3=parameters.minVolume,
            target=parameters.target,
            wait=False,
            onProgress=self._onProgress,
        )
        run.finished.connect(self._onMeasured)
        run.failed.connect(self._onFailed)

    def _openResults(self) -> None:
        parameters = self._parameterNode
        self.logic.setCohort(
            readCohort(Path(parameters.results)),
            self._cohort.source(parameters),
            thresholds=dict(parameters.thresholds),
            organ=parameters.organ,
        )
        if parameters.caseName:
            self._cases.open(parameters.caseName)

    def _onMeasured(self, _cohort: MeasuredCohort) -> None:
        self._showIdle()
        self._onChosen()

    def _onProgress(self, fraction: float, stage: str, secondsLeft: float | None) -> None:
        self.ui.progressBar.maximum = _BAR
        self.ui.progressBar.value = round(fraction * _BAR)
        text = _(stage)
        if secondsLeft is not None and fraction < 1.0:
            text = _("{stage}, about {time} left").format(
                stage=text, time=describeTime(secondsLeft)
            )
        self.ui.stageLabel.text = text

    def _onFailed(self, error: Exception) -> None:
        self._showIdle()
        self.ui.stageLabel.text = _("Cancelled") if isinstance(error, Cancelled) else ""
        self.ui.stageLabel.visible = bool(self.ui.stageLabel.text)
        showError(error)

    def _showBusy(self, stage: str) -> None:
        self._isBusy = True
        self.ui.applyButton.text = _("Cancel")
        self.ui.applyButton.toolTip = _("Stop; nothing is kept.")
        self.ui.progressBar.maximum = 0  # moves without telling how far
        self.ui.stageLabel.text = stage
        for widget in (self.ui.progressBar, self.ui.stageLabel):
            widget.visible = True
        self._enableChoices(False)

    def _showIdle(self) -> None:
        self._isBusy = False
        self.ui.applyButton.text = _("Measure")
        self.ui.progressBar.visible = self.ui.stageLabel.visible = False
        self._enableChoices(True)
        self._checkCanApply()

    def _enableChoices(self, isEnabled: bool) -> None:
        for name in _SECTIONS:
            getattr(self.ui, f"{name}CollapsibleButton").enabled = isEnabled
        self.ui.openButton.enabled = isEnabled

    def _showProblems(self, cohort: MeasuredCohort | None) -> None:
        text = describeProblems(cohort)
        self.ui.problemsLabel.text = text
        self.ui.problemsLabel.visible = bool(text)

    def _onCohortPanel(self) -> None:
        if self._parameterNode is not None:
            self._cohort.write(self._parameterNode)

    def _onChosen(self) -> None:
        """Keep in the scene what was chosen in the parts."""
        if self._parameterNode is None:
            return
        with slicer.util.NodeModify(self._parameterNode):
            self._parameterNode.organ = self.logic.organ or ""
            self._parameterNode.thresholds = self.logic.thresholds
            self._parameterNode.hitRule = self._operating.rule
            self._parameterNode.caseName = self.logic.case.name if self.logic.case else ""

    def _onParameters(self, _caller: object = None, _event: object = None) -> None:
        """Show what is not connected through the .ui file."""
        parameters = self._parameterNode
        self._cohort.show(parameters)
        self._operating.showTarget(parameters.target)
        self._operating.showRule(parameters.hitRule)
        rule = HIT_RULES.get(parameters.hitRule, next(iter(HIT_RULES.values())))
        self.logic.setRule(rule, strict=parameters.strict)
        self._checkCanApply()

    def _checkCanApply(self) -> None:
        if self._isBusy:
            return
        obstacle = _("Open the module first.")
        if self._parameterNode is not None:
            obstacle = self._cohort.findObstacle(self._parameterNode)
        self.ui.applyButton.enabled = not obstacle
        self.ui.applyButton.toolTip = obstacle or _(
            "Count lesions found and false positives at every threshold."
        )
        hasResults = bool(self._parameterNode and self._parameterNode.results)
        self.ui.openButton.enabled = hasResults and not obstacle
