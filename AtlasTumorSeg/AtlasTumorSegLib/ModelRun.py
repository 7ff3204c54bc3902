"""Fetching, importing and verifying models, in the worker."""

from collections.abc import Sequence
from pathlib import Path

from AtlasTumorSlicer.WorkerRun import WorkerRun

__all__ = ["ModelRun"]


class ModelRun(WorkerRun):
    """One `models` command of the worker; the models folder is what it changes.

    Args:
        worker: As for `WorkerRun`.
        words: What follows "models", such as `["verify", "freetumor-flare"]`.
    """

    folderPrefix = "AtlasTumorSeg-models-"
    takeInStage = "Looking at the models"

    def __init__(self, worker: Sequence[str], words: Sequence[str]) -> None:
        """Do nothing yet; a scene that closes does not stop it."""
        super().__init__(worker)
        self._words = tuple(words)

    def prepare(self, _folder: Path) -> Sequence[str]:
        """Name what is to be done."""
        return ["models", *self._words, "--json-progress"]

    def takeIn(self, _folder: Path) -> tuple[str, ...]:
        """Say what was done."""
        return self._words
