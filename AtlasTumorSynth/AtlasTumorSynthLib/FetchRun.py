"""Fetching weights that others published, in the worker."""

from collections.abc import Sequence
from pathlib import Path

from atlastumor.models.published import PublishedFile, locate_file
from AtlasTumorSlicer.WorkerRun import WorkerRun

__all__ = ["FetchRun"]


class FetchRun(WorkerRun):
    """Fetches files to which the user has consented; what is broken off can be gone on with.

    Args:
        worker: As for `WorkerRun`.
        files: Which.
    """

    folderPrefix = "AtlasTumorSynth-fetch-"
    takeInStage = "Looking at the files"

    def __init__(self, worker: Sequence[str], files: Sequence[PublishedFile]) -> None:
        """Fetch nothing yet; a scene that closes does not stop it."""
        super().__init__(worker)
        self._files = tuple(files)

    def prepare(self, _folder: Path) -> Sequence[str]:
        """Name the files; the worker puts them into the models folder."""
        names = [published.name for published in self._files]
        return ["models", "fetch", *names, "--yes", "--pin", "--json-progress"]

    def takeIn(self, _folder: Path) -> tuple[Path | None, ...]:
        """Say where they are."""
        return tuple(locate_file(published) for published in self._files)
