"""What the panels of all modules do alike; each adds its own controls."""

import sys
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from .Errors import showError
from .Install import PACKAGES, Installer, Package
from .RunControls import RunControls, RunTexts
from .WorkerLogic import WorkerLogic
from .WorkerRun import WorkerRun

__all__ = ["ModuleWidget"]


class ModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin, ABC):
    """Follows the parameter node, starts and cancels runs, and lets go of a scene that closes.

    A derived class is called `<Module>Widget` and writes the abstract methods. Its
    `Resources/UI/<Module>.ui` holds `applyButton`, `progressBar` and `stageLabel`.

    Attributes:
        logicClass: Makes the logic.
        packages: What the worker needs; the user is asked for them when a run starts.
        resting: Names of the widgets that cannot be used during a run.
        ui: The widgets of the .ui file.
        logic: The module's logic.
        installer: Makes sure that the packages are there.
    """

    logicClass: ClassVar[type[WorkerLogic]]
    packages: ClassVar[tuple[Package, ...]] = PACKAGES
    resting: ClassVar[tuple[str, ...]] = ("inputsCollapsibleButton",)

    def __init__(self, parent: "slicer.qMRMLWidget | None" = None) -> None:
        """Start without scene and panel; `setup` makes them."""
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: Any = None
        self.installer: Installer | None = None
        self._parameterNode: Any = None
        self._guiTag = None

    @property
    def isBusy(self) -> bool:
        """Whether packages are looked at or a run is under way."""
        return self._controls.isBusy

    @abstractmethod
    def makeParts(self) -> None:
        """Make and connect the module's own controls; `ui`, `logic` and `installer` are there."""

    @abstractmethod
    def runTexts(self) -> RunTexts:
        """What the button says that starts a run."""

    @abstractmethod
    def showParameters(self, parameters: Any) -> None:
        """Show what is not connected through the .ui file.

        Args:
            parameters: The parameter node, typed.
        """

    @abstractmethod
    def findObstacle(self) -> str:
        """Why no run can be started; empty if one can. There may be no parameter node."""

    @abstractmethod
    def startRun(self, parameters: Any) -> WorkerRun:
        """Start a run with `wait=False` and `onProgress=self.showProgress`.

        Args:
            parameters: The parameter node, typed.
        """

    @abstractmethod
    def keepResult(self, run: WorkerRun, parameters: Any) -> None:
        """Keep in the scene, and show, what a finished run gave.

        Args:
            run: Finished.
            parameters: The parameter node with which it was started, typed, in the scene. Another
                module may be open by now.
        """

    def setup(self) -> None:
        """Load the panel and connect it."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = self.logicClass()
        self.installer = Installer(packages=self.packages)
        self._controls = RunControls(self.ui, self.runTexts())
        self.makeParts()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
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
            if name.split(".")[0] in (f"{self.moduleName}Lib", "AtlasTumorSlicer"):
                del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def enter(self) -> None:
        """Follow the parameter node while the module is open."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Leave the parameter node alone while another module is open."""
        self.setParameterNode(None)

    def onSceneStartClose(self, _caller: object = None, _event: object = None) -> None:
        """Stop what runs and let go of the scene's nodes."""
        self.cancel()
        self.setParameterNode(None)

    def onSceneEndClose(self, _caller: object = None, _event: object = None) -> None:
        """Start afresh if the module is open."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, _caller: object = None, _event: object = None) -> None:
        """Show what a loaded scene brought."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Follow the scene's parameter node."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode: Any) -> None:
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
        if self.isBusy:
            self.cancel()
            return
        parameters = self._parameterNode or self.logic.getParameterNode()
        self._controls.showBusy(_("Checking Python packages"))
        self._enableChoices(False)
        try:
            self.installer.ensure()
            run = self.startRun(parameters)
            run.whenDone(lambda _result: self._onFinished(run, parameters), self._onFailed)
        except Exception as error:  # noqa: BLE001 - the outermost door of the panel
            self._onFailed(error)

    def showProgress(self, fraction: float, stage: str, secondsLeft: float | None) -> None:
        """Tell how far a run is.

        Args:
            fraction: In [0, 1].
            stage: What it does, as the worker says it.
            secondsLeft: None if unknown.
        """
        self._controls.showProgress(fraction, stage, secondsLeft)

    def checkCanApply(self) -> None:
        """Let the button start a run, or say why it cannot; during a run it cancels."""
        if not self.isBusy:
            self._controls.showObstacle(self.findObstacle())

    def _onFinished(self, run: WorkerRun, parameters: Any) -> None:
        self._showIdle()
        if parameters.parameterNode.GetScene() is not None:
            self.keepResult(run, parameters)

    def _onFailed(self, error: Exception) -> None:
        self._showIdle()
        self._controls.showFailure(error)
        showError(error)

    def _showIdle(self) -> None:
        self._controls.showIdle()
        self._enableChoices(True)
        self.checkCanApply()

    def _enableChoices(self, isEnabled: bool) -> None:
        for name in self.resting:
            getattr(self.ui, name).enabled = isEnabled

    def _onParameters(self, _caller: object = None, _event: object = None) -> None:
        self.showParameters(self._parameterNode)
        self.checkCanApply()
