"""The logic of a module whose heavy work is done by the worker."""

from collections.abc import Callable
from typing import Any

from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from .WorkerRun import WorkerRun

__all__ = ["ProgressCallback", "WorkerLogic"]

ProgressCallback = Callable[[float, str, "float | None"], None]
"""Called with the fraction in [0, 1], the stage, and the seconds left (None: unknown)."""


class WorkerLogic(ScriptedLoadableModuleLogic):
    """Knows the worker and the one run under way.

    Attributes:
        parametersClass: Makes the scene's parameter node typed.
        workerCommand: Words that start the worker.
    """

    parametersClass: type

    def __init__(self) -> None:
        """Start with nothing running."""
        super().__init__()
        self.workerCommand = ["-m", "atlastumor"]
        self._run: WorkerRun | None = None

    @property
    def isRunning(self) -> bool:
        """Whether a run is under way."""
        return self._run is not None and self._run.isRunning

    def getParameterNode(self) -> Any:
        """Give the scene's choices, typed."""
        return self.parametersClass(super().getParameterNode())

    def startRun(
        self, run: WorkerRun, onProgress: ProgressCallback | None = None, *, wait: bool
    ) -> Any:
        """Start a run, which is then the one that `cancel` stops.

        Args:
            run: Not started yet.
            onProgress: Told how far it is.
            wait: Return only when done. Windows stay alive meanwhile.

        Returns:
            The run's result, or with `wait=False` the run.
        """
        if onProgress is not None:
            run.progressed.connect(onProgress)
        run.start()
        self._run = run
        return run.wait() if wait else run

    def cancel(self) -> None:
        """Stop what is under way, if anything is."""
        if self._run is not None:
            self._run.cancel()
