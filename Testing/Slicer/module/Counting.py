"""The smallest module on the shared base: its own controls, its own run, and nothing else."""

from pathlib import Path

import slicer
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

from AtlasTumorSlicer.About import describeModule
from AtlasTumorSlicer.ModuleTest import ModuleTest
from AtlasTumorSlicer.ModuleWidget import ModuleWidget
from AtlasTumorSlicer.RunControls import RunTexts
from AtlasTumorSlicer.WorkerLogic import WorkerLogic
from AtlasTumorSlicer.WorkerRun import WorkerRun


class Counting(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        describeModule(parent)
        parent.title = "Counting"


@parameterNodeWrapper
class Parameters:
    text: str
    count: int = -1


class Run(WorkerRun):
    """Counts the letters of a text in another process."""

    def __init__(self, text, worker):
        super().__init__(worker, scene=slicer.mrmlScene)
        self.text = text

    def prepare(self, folder):
        (folder / "text").write_text(self.text, encoding="utf-8")
        return [str(folder)]

    def takeIn(self, folder):
        return int((folder / "count").read_text(encoding="utf-8"))


class CountingLogic(WorkerLogic):
    parametersClass = Parameters

    def count(self, text, *, wait=True, onProgress=None):
        return self.startRun(Run(text, self.workerCommand), onProgress, wait=wait)


class CountingWidget(ModuleWidget):
    logicClass = CountingLogic
    packages = ()
    resting = ("textLineEdit",)

    def runTexts(self):
        return RunTexts(start="Count", startTip="Count the letters.", cancelTip="Stop counting.")

    def makeParts(self):
        self.logic.workerCommand = [str(Path(__file__).with_name("FakeWorker.py"))]

    def showParameters(self, parameters):
        self.ui.countLabel.text = str(parameters.count)

    def findObstacle(self):
        return "" if self._parameterNode and self._parameterNode.text else "Write a text first."

    def startRun(self, parameters):
        return self.logic.count(parameters.text, wait=False, onProgress=self.showProgress)

    def keepResult(self, run, parameters):
        parameters.count = run.result


class CountingTest(ModuleTest):
    logicClass = CountingLogic

    def test_lettersAreCounted(self):
        self.assertEqual(self.logic.count("abc"), 3)  # noqa: PT009 - inside Slicer
