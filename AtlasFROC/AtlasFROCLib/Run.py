"""One measurement of a cohort by the worker: `atlastumor froc`, in a process of its own."""

from collections.abc import Sequence
from pathlib import Path

from AtlasTumorSlicer.WorkerRun import WorkerRun

from .Cohort import MeasuredCohort, readCohort
from .Sources import CohortSource

__all__ = ["Run"]


class Run(WorkerRun):
    """A measurement; its result is the measured cohort.

    Args:
        source: Where predictions and references are.
        results: Folder to make; None keeps no files.
        worker: Words that start the worker, such as `["-m", "atlastumor"]`.
        options: More words for its `froc` command.
    """

    folderPrefix = "AtlasFROC-"

    def __init__(
        self,
        source: CohortSource,
        results: Path | None,
        *,
        worker: Sequence[str],
        options: Sequence[str],
    ) -> None:
        """Write nothing yet; `start` does."""
        super().__init__(worker)
        self._source, self._results, self._options = source, results, options

    def prepare(self, folder: Path) -> Sequence[str]:
        """Write what the source keeps in the scene."""
        folders = map(str, self._source.prepare(folder))
        words = ["froc", *folders, "-o", str(self._place(folder)), "--json-progress"]
        return [*words, *self._options]

    def takeIn(self, folder: Path) -> MeasuredCohort:
        """Read what was measured."""
        return readCohort(self._place(folder))

    def _place(self, folder: Path) -> Path:
        return self._results or folder / "results"
