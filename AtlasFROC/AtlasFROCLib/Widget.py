"""The module panel: its own controls, joined to the scene's choices and to the logic."""

from pathlib import Path

import slicer
from slicer.i18n import tr as _

from atlastumor.detection.rules import HIT_RULES
from atlastumor.errors import AtlasTumorError
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.Install import MEASURING_PACKAGES
from AtlasTumorSlicer.ModuleWidget import ModuleWidget
from AtlasTumorSlicer.RunControls import RunTexts

from .CasesPanel import CasesPanel
from .Cohort import MeasuredCohort, readCohort
from .CohortPanel import CohortPanel
from .ExportPanel import ExportPanel
from .Logic import AtlasFROCLogic
from .OperatingPanel import OperatingPanel
from .Parameters import Parameters
from .Problems import describeProblems
from .ReviewPanel import ReviewPanel
from .Run import Run

__all__ = ["AtlasFROCWidget"]


class AtlasFROCWidget(ModuleWidget):
    """The panel of AtlasFROC."""

    logicClass = AtlasFROCLogic
    packages = MEASURING_PACKAGES
    resting = (
        "inputsCollapsibleButton",
        "curveCollapsibleButton",
        "casesCollapsibleButton",
        "reviewCollapsibleButton",
        "openButton",
    )

    def runTexts(self) -> RunTexts:
        """Texts of the button Measure."""
        return RunTexts(
            start=_("Measure"),
            startTip=_("Count lesions found and false positives at every threshold."),
            cancelTip=_("Stop; nothing is kept."),
        )

    def makeParts(self) -> None:
        """Make cohort, operating point, exports, cases and review, and connect them."""
        self._cohort = CohortPanel(self.ui)
        self._operating = OperatingPanel(self.ui, self.logic)
        self._export = ExportPanel(self.ui, self.logic, self._operating)
        self._cases = CasesPanel(self.ui, self.logic)
        self.review = ReviewPanel(self.ui.reviewCollapsibleButton, self.logic, self.installer)
        self._cohort.changed.connect(self._onCohortPanel)
        for part in (self._operating, self._cases):
            part.changed.connect(self._onChosen)
        self.logic.cohortChanged.connect(self._showProblems)
        self.ui.openButton.connect("clicked(bool)", self.onOpenButton)

    def cleanup(self) -> None:
        """Stop what runs, before the panel goes."""
        super().cleanup()
        self._operating.stop()
        self._cases.stop()
        self.review.close()

    def enter(self) -> None:
        """Follow the parameter node, and go on with a review, while the module is open."""
        super().enter()
        self.review.enter()

    def exit(self) -> None:
        """Leave the parameter node alone while another module is open."""
        self.review.exit()
        super().exit()

    def onSceneStartClose(self, _caller: object = None, _event: object = None) -> None:
        """Stop what runs and let go of the scene's nodes."""
        super().onSceneStartClose()
        self.review.close()
        self.logic.setCohort(None)

    def onSceneEndImport(self, _caller: object = None, _event: object = None) -> None:
        """Show what a loaded scene brought, with its cohort if its results are still there."""
        super().onSceneEndImport()
        if not self.parent.isEntered:
            return
        results = self._parameterNode.results
        if self.logic.cohort is None and results and Path(results).is_dir():
            self._openResults()

    def onOpenButton(self, _isChecked: bool = False) -> None:
        """Read what was measured earlier."""
        try:
            self._openResults()
        except AtlasTumorError as error:
            showError(error)

    def startRun(self, parameters: Parameters) -> Run:
        """Start a measurement."""
        return self.logic.measure(
            self._cohort.source(parameters),
            Path(parameters.results) if parameters.results else None,
            minVolumeMm3=parameters.minVolume,
            target=parameters.target,
            wait=False,
            onProgress=self.showProgress,
        )

    def keepResult(self, _run: Run, parameters: Parameters) -> None:
        """Keep in the scene what was chosen in the measured cohort."""
        self._keepChosen(parameters)

    def showParameters(self, parameters: Parameters) -> None:
        """Show what is not connected through the .ui file."""
        self._cohort.show(parameters)
        self._operating.showTarget(parameters.target)
        self._operating.showRule(parameters.hitRule)
        rule = HIT_RULES.get(parameters.hitRule, next(iter(HIT_RULES.values())))
        self.logic.setRule(rule, strict=parameters.strict)

    def findObstacle(self) -> str:
        """Why Measure cannot be pressed; empty if it can."""
        if self._parameterNode is None:
            return _("Open the module first.")
        return self._cohort.findObstacle(self._parameterNode)

    def checkCanApply(self) -> None:
        """Let Measure and Open be pressed, or say why they cannot."""
        super().checkCanApply()
        if not self.isBusy:
            hasResults = bool(self._parameterNode and self._parameterNode.results)
            self.ui.openButton.enabled = hasResults and not self.findObstacle()

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

    def _showProblems(self, cohort: MeasuredCohort | None) -> None:
        text = describeProblems(cohort)
        self.ui.problemsLabel.text = text
        self.ui.problemsLabel.visible = bool(text)

    def _onCohortPanel(self) -> None:
        if self._parameterNode is not None:
            self._cohort.write(self._parameterNode)

    def _onChosen(self) -> None:
        """Keep in the scene what was chosen in the parts."""
        if self._parameterNode is not None:
            self._keepChosen(self._parameterNode)

    def _keepChosen(self, parameters: Parameters) -> None:
        with slicer.util.NodeModify(parameters):
            parameters.organ = self.logic.organ or ""
            parameters.thresholds = self.logic.thresholds
            parameters.hitRule = self._operating.rule
            parameters.caseName = self.logic.case.name if self.logic.case else ""
