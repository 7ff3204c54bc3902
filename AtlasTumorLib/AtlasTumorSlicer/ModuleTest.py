"""Tests that run inside Slicer itself (Reload and Test, ctest)."""

import inspect
from pathlib import Path

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from .WorkerLogic import WorkerLogic

__all__ = ["ModuleTest"]


class ModuleTest(ScriptedLoadableModuleTest):
    """Runs a module's logic with `FakeWorker.py`, which lies beside the derived class.

    Attributes:
        logicClass: Makes the logic.
        logic: New for every test.
    """

    logicClass: type[WorkerLogic]

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()
        self.logic = self.logicClass()
        fake = Path(inspect.getfile(type(self))).with_name("FakeWorker.py")
        self.logic.workerCommand = [str(fake)]

    def runTest(self) -> None:
        """Run every test; Slicer calls this one."""
        for name in sorted(dir(self)):
            if name.startswith("test_"):
                self.setUp()
                getattr(self, name)()
