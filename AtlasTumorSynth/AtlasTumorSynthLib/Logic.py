"""Nodes in, tumors out; without any widget: `slicer.util.getModuleLogic("AtlasTumorSynth")`."""

from typing import Any

import slicer

from AtlasTumorSlicer.WorkerLogic import ProgressCallback, WorkerLogic

from .Growing import Grower, Wish
from .Parameters import Parameters, Settings
from .Session import findNodes
from .SyntheticNodes import SyntheticNodes
from .Tumors import State, Tumor

__all__ = ["AtlasTumorSynthLogic"]

Position = tuple[float, float, float]


class AtlasTumorSynthLogic(WorkerLogic):
    """Grows synthetic tumors in a copy of a scan.

    >>> logic = slicer.util.getModuleLogic("AtlasTumorSynth")
    >>> logic.place(volumeNode, segmentationNode, Settings(diameter=15), (-30, 12, 80), wait=True)
    >>> logic.keep()

    Attributes:
        changed: Emitted when what is in the volume, or what can be done, may have changed.
        grown: Emitted when there is a new preview.
        said: Emits a sentence for the user.
        failed: Emits the error if a request came to nothing; never `Cancelled`.
    """

    parametersClass = Parameters

    def __init__(self) -> None:
        """Start with nothing grown and nothing running."""
        super().__init__()
        self._grower = grower = Grower(self.workerCommand)
        self.changed, self.grown = grower.changed, grower.grown
        self.said, self.failed = grower.said, grower.failed

    @property
    def isBusy(self) -> bool:
        """Whether a tumor is being grown or judged."""
        return self._grower.isBusy

    @property
    def workerPid(self) -> int:
        """The operating system's number of the warm worker; 0 if it does not run."""
        return self._grower.pid

    @property
    def state(self) -> State:
        """What is in the synthetic volume, of this session."""
        return self._session.state if self._session else State()

    @property
    def nodes(self) -> SyntheticNodes | None:
        """The synthetic scan that is worked on, if there is one."""
        return self._session.nodes if self._session else None

    @property
    def canUndo(self) -> bool:
        """Whether there is something to take back."""
        return self._session is not None and self._session.history.canUndo

    @property
    def canRedo(self) -> bool:
        """Whether something was taken back."""
        return self._session is not None and self._session.history.canRedo

    @property
    def _session(self) -> Any:
        return self._grower.session

    def findNodes(
        self, volumeNode: "slicer.vtkMRMLScalarVolumeNode | None"
    ) -> SyntheticNodes | None:
        """Find the synthetic scan that belongs to a scan."""
        return findNodes(volumeNode)

    def place(
        self,
        volumeNode: "slicer.vtkMRMLScalarVolumeNode",
        segmentationNode: "slicer.vtkMRMLSegmentationNode | None",
        settings: Settings,
        ras: Position | None = None,
        *,
        number: int = 1,
        wait: bool = False,
    ) -> State:
        """Grow tumors as a preview, in place of the preview that there may be.

        Args:
            volumeNode: The CT; never changed. The tumors grow in a copy of it.
            segmentationNode: Outlines of its organs.
            settings: What the tumors are to be like.
            ras: Center, RAS mm, world; None draws a place for each tumor, inside the settings'
                segment if there is one. A painted shape then stays where it was painted.
            number: How many, where places are drawn.
            wait: Return only when done. Windows stay alive meanwhile.

        Returns:
            With `wait`, what is in the volume then; without, what was in it before.

        Raises:
            AtlasTumorError: With `wait`, why there is no tumor; without, `failed` emits it.
        """
        isOne = ras is not None or settings.isPainted
        places = tuple((n, settings.organ, ras) for n in range(1 if isOne else number))
        self._grower.workerCommand = self.workerCommand
        self._grower.ask(Wish(volumeNode, segmentationNode, settings, places))
        return self.wait() if wait else self.state

    def adjust(
        self,
        volumeNode: "slicer.vtkMRMLScalarVolumeNode",
        segmentationNode: "slicer.vtkMRMLSegmentationNode | None",
        settings: Settings,
    ) -> None:
        """Grow the preview anew at the same places, if it is to be different.

        Args:
            volumeNode: As for `place`.
            segmentationNode: As for `place`.
            settings: What the tumors are to be like now.
        """
        preview = self.state.preview
        if not preview or settings == self._grower.asked:
            return
        places = tuple(tumor.findPlace(settings) for tumor in preview)
        self._grower.ask(Wish(volumeNode, segmentationNode, settings, places))

    def keep(self) -> tuple[Tumor, ...]:
        """Keep the preview.

        Returns:
            The tumors that were kept; none if there was no preview.
        """
        state = self.state
        if not state.preview:
            return ()
        self._grower.cancel()  # what is kept is what is seen
        kept = State(state.layers)
        self._session.show(kept)
        self._session.history.add(kept)
        self.changed.emit()
        return state.preview

    def undo(self) -> None:
        """Take the last step back, voxel by voxel."""
        if self.canUndo:
            self._goTo(self._session.history.undo())

    def redo(self) -> None:
        """Take the last undo back."""
        if self.canRedo:
            self._goTo(self._session.history.redo())

    def judge(self, *, wait: bool = False) -> None:
        """Let the model look for the preview's tumors; their `quality` says how much it found.

        Args:
            wait: Return only when done. Windows stay alive meanwhile.

        Raises:
            AtlasTumorError: If nothing is shown; with `wait` also why there is no answer.
        """
        self._grower.judge()
        if wait:
            self.wait()

    def findOrgans(
        self,
        volumeNode: "slicer.vtkMRMLScalarVolumeNode",
        *,
        wait: bool = True,
        onProgress: ProgressCallback | None = None,
    ) -> Any:
        """Let AtlasTumorSeg outline the organs, and the tumors that are there already.

        Args:
            volumeNode: The CT.
            wait: Return only when done. Windows stay alive meanwhile.
            onProgress: Told how far it is.

        Returns:
            The segmentation node, or with `wait=False` the run.

        Raises:
            AtlasTumorError: As `AtlasTumorSegLogic.segment`.
        """
        logic = slicer.util.getModuleLogic("AtlasTumorSeg")
        result = logic.segment(volumeNode, wait=wait, onProgress=onProgress)
        self._run = None if wait else result
        return result

    def cancelGrowing(self) -> None:
        """Stop growing or judging; the preview stays as it was."""
        self._grower.cancel()

    def cancel(self) -> None:
        """Stop all that is under way; the preview stays as it was."""
        super().cancel()
        self._grower.cancel()

    def wait(self) -> State:
        """Stay here until nothing is under way, with Slicer's windows alive.

        Returns:
            What is in the volume then.

        Raises:
            AtlasTumorError: Why the last request came to nothing.
        """
        self._grower.wait()
        if self._grower.error is not None:
            raise self._grower.error
        return self.state

    def leave(self) -> None:
        """End the work on a scan: its preview goes, what was kept stays."""
        self._grower.leave()

    def close(self) -> None:
        """End the work and the worker."""
        self._grower.close()

    def _goTo(self, state: State) -> None:
        """Show a state of the history; its settings are those that hold then."""
        self._grower.cancel()
        self._session.show(state)
        self._grower.asked = state.preview[0].settings if state.preview else None
        self.said.emit("")
        self.changed.emit()
