"""The module panel: its own controls, joined to the scene's choices and to the logic."""

from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from atlastumor.synthesis.methods import METHODS
from AtlasTumorSlicer.Errors import showError
from AtlasTumorSlicer.ModuleWidget import ModuleWidget
from AtlasTumorSlicer.RunControls import RunTexts
from AtlasTumorSlicer.Views import jumpTo
from AtlasTumorSlicer.WorkerRun import WorkerRun

from .ActionsPanel import ActionsPanel
from .BeforeAfter import BeforeAfter
from .Clicks import Clicks
from .HistoryPanel import HistoryPanel
from .Logic import AtlasTumorSynthLogic
from .Parameters import Parameters, Settings
from .SyntheticNodes import SyntheticNodes, isSynthetic
from .TumorPanel import TumorPanel
from .WeightsPanel import WeightsPanel

__all__ = ["AtlasTumorSynthWidget"]

_PATIENCE_MS = 150
"""How long a slider must rest before the preview is grown anew."""


class AtlasTumorSynthWidget(ModuleWidget):
    """The panel of AtlasTumorSynth."""

    logicClass = AtlasTumorSynthLogic

    def runTexts(self) -> RunTexts:
        """Texts of the button Find organs."""
        return RunTexts(
            start=_("Find organs"),
            startTip=_("Let the embedded model outline the organs, if nobody has."),
            cancelTip=_("Stop; nothing is added to the scene."),
        )

    def makeParts(self) -> None:
        """Make tumor, actions, history, clicks and views, and connect them."""
        ui, logic = self.ui, self.logic
        self._volumeNode = self._shownPlace = None
        self._tumor, self._weights = TumorPanel(ui), WeightsPanel(ui, logic)
        self._actions = ActionsPanel(ui, logic)
        self._history = HistoryPanel(ui.historyTable)
        self._clicks, self._views = Clicks(), BeforeAfter()
        self._patience = qt.QTimer()
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.connect("timeout()", self._onPatience)
        self._tumor.changed.connect(self._onTumorPanel)
        self._clicks.clicked.connect(self._onClicked)
        self._clicks.modeChanged.connect(self._onPlaceMode)
        logic.changed.connect(self._update)
        logic.grown.connect(self._onGrown)
        ui.placeButton.connect("toggled(bool)", self.onPlaceButton)
        ui.beforeButton.connect("toggled(bool)", lambda _on: self._compare(self._findNodes()))
        for button, slot in (
            (ui.surpriseButton, self.onSurpriseButton),
            (ui.undoButton, lambda: self._travel(logic.undo)),
            (ui.redoButton, lambda: self._travel(logic.redo)),
            (ui.keepButton, self.onKeepButton),
            (ui.judgeButton, self.onJudgeButton),
            (ui.cancelButton, logic.cancelGrowing),
        ):
            button.connect("clicked()", slot)

    def cleanup(self) -> None:
        """Stop what runs, before the panel goes."""
        super().cleanup()
        self._patience.stop()
        self._weights.cancel()
        self.logic.close()
        self._clicks.remove()

    def exit(self) -> None:
        """Leave place mode and the parameter node alone while another module is open."""
        self._clicks.stop()
        super().exit()

    def onSceneStartClose(self, _caller: object = None, _event: object = None) -> None:
        """Stop what runs and let go of the scene's nodes."""
        super().onSceneStartClose()
        self._patience.stop()
        self._clicks.remove()
        self.logic.leave()
        self._volumeNode = None
        self._update()

    def initializeParameterNode(self) -> None:
        """Follow the scene's parameter node; choose the first scan if none is chosen."""
        super().initializeParameterNode()
        if not self._parameterNode.inputVolume:
            for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
                if not isSynthetic(node) and not node.IsA("vtkMRMLLabelMapVolumeNode"):
                    self._parameterNode.inputVolume = node
                    return

    def startRun(self, parameters: Parameters) -> WorkerRun:
        """Start outlining the organs."""
        return self.logic.findOrgans(
            parameters.inputVolume, wait=False, onProgress=self.showProgress
        )

    def keepResult(self, run: WorkerRun, parameters: Parameters) -> None:
        """Choose the organs that were found."""
        parameters.organSegmentation = run.segmentationNode

    def findObstacle(self) -> str:
        """Why Find organs cannot be pressed; empty if it can."""
        if self._parameterNode is None or not self._parameterNode.inputVolume:
            return _("Choose a scan first.")
        return ""

    def showParameters(self, parameters: Parameters) -> None:
        """Show what is not connected through the .ui file; grow the preview anew if need be."""
        self._tumor.show(parameters)
        self._weights.show(parameters)
        if parameters.inputVolume is not self._volumeNode:
            self._volumeNode = parameters.inputVolume
            self._clicks.remove()
            self.logic.leave()
        if self.logic.state.preview:
            self._patience.start()
        self._update()

    def onPlaceButton(self, isChecked: bool) -> None:
        """Let the next click place a tumor, or let it be."""
        if isChecked:
            self._clicks.start()
        else:
            self._clicks.stop()

    def onSurpriseButton(self) -> None:
        """Let places be drawn; others than those that are shown."""
        parameters = self._parameterNode
        if self.logic.state.preview:
            parameters.seed = _nextSeed(parameters.seed, parameters.number)
        self._clicks.show(None)
        self._grow(None, parameters.number)

    def onKeepButton(self) -> None:
        """Keep what is shown; the next tumor is another one."""
        kept = self.logic.keep()
        if kept:
            self._clicks.show(None)
            self._parameterNode.seed = _nextSeed(self._parameterNode.seed, len(kept))
            self._actions.say(_("Kept. {n} in this scan.").format(n=len(self.logic.state.kept)))

    def onJudgeButton(self) -> None:
        """Let the model look for what is shown."""
        try:
            self.installer.ensure()
            self.logic.judge()
        except Exception as error:  # noqa: BLE001 - an outermost door of the panel
            showError(error)

    def _onTumorPanel(self) -> None:
        if self._parameterNode is not None:
            with slicer.util.NodeModify(self._parameterNode):
                self._tumor.write(self._parameterNode)

    def _onPlaceMode(self, isPlacing: bool) -> None:
        self.ui.placeButton.checked = isPlacing

    def _onClicked(self, ras: tuple[float, float, float]) -> None:
        if self._parameterNode is not None and not self._findPlaceObstacle():
            self._grow(ras, 1)

    def _grow(self, ras: "tuple[float, float, float] | None", number: int) -> None:
        self._patience.stop()
        if self._isReady():
            self._actions.say(_("Growing ..."))
            settings = Settings.read(self._parameterNode)
            self.logic.place(*self._chosen(), settings, ras, number=number)

    def _onPatience(self) -> None:
        """A slider came to rest."""
        if self._parameterNode is not None and self.logic.state.preview and self._isReady():
            self.logic.adjust(*self._chosen(), Settings.read(self._parameterNode))

    def _isReady(self) -> bool:
        """Whether the packages are there that the method needs; the user is asked for them."""
        method = METHODS.get(self._parameterNode.method)
        if method is None or not method.runs_network:
            return True
        try:
            self.installer.ensure()
        except Exception as error:  # noqa: BLE001 - an outermost door of the panel
            self._actions.showFailure(error)
            return False
        return self._parameterNode is not None  # the scene may have been closed meanwhile

    def _onGrown(self) -> None:
        """Show the new preview, and those without a click where they are."""
        self.ui.beforeButton.checked = False
        first = self.logic.state.preview[0]
        if first.request["center_ras"] is None and first.centerRas != self._shownPlace:
            jumpTo(first.centerRas)
        self._shownPlace = first.centerRas

    def _travel(self, go: Callable[[], None]) -> None:
        """Undo or redo, and show the choices that led there."""
        self._patience.stop()
        go()
        preview = self.logic.state.preview
        if preview:
            with slicer.util.NodeModify(self._parameterNode):
                preview[0].settings.write(self._parameterNode)
            self._patience.stop()
        isOne = len(preview) == 1
        self._clicks.show(preview[0].request["center_ras"] if isOne else None)

    def _chosen(self) -> tuple[object, object]:
        return self._parameterNode.inputVolume, self._parameterNode.organSegmentation

    def _findNodes(self) -> SyntheticNodes | None:
        nodes = self.logic.nodes
        return nodes or self.logic.findNodes(self._volumeNode)

    def _findPlaceObstacle(self) -> str:
        """Why no tumor can be placed; empty if one can."""
        obstacle = self.findObstacle()
        if not obstacle and not self._parameterNode.organSegmentation:
            obstacle = _("Choose outlines of the organs, or press Find organs.")
        return obstacle or self._tumor.findObstacle(self._parameterNode)

    def _update(self) -> None:
        """Show what is in the volume and what can be done."""
        nodes = self._findNodes()
        canCompare = nodes is not None and nodes.isAlive and nodes.originalNode is not None
        self._actions.update(self._findPlaceObstacle(), canCompare=canCompare)
        self._history.show(nodes, hasPreview=bool(self.logic.state.preview))
        if self.logic.nodes is not None:  # views show what they showed until something grows
            self._compare(self.logic.nodes)

    def _compare(self, nodes: SyntheticNodes | None) -> None:
        """Show the scan as it was or as it is."""
        isBefore = self.ui.beforeButton.checked
        self._views.show(nodes, isBefore=isBefore)
        self._clicks.setVisible(not isBefore)


def _nextSeed(seed: int, step: int) -> int:
    return (seed + step) % 1000000
