"""Where a cohort comes from: two folders, or nodes of the scene. Both answer the same questions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from slicer.i18n import tr as _

from atlastumor.batch.cohort import find_cases
from atlastumor.detection.case_sweep import SweepOptions
from atlastumor.errors import InputError

from .Cases import LoadedCase, loadCase, loadSceneCase
from .SceneFiles import SceneSource, writeSceneCase

__all__ = ["CohortSource", "FolderCohort", "SceneCohort"]


class CohortSource(Protocol):
    """Gives the worker its folders and the views their cases."""

    def prepare(self, temporary: Path) -> tuple[Path, Path]:
        """Give the folders of predictions and of references.

        Args:
            temporary: An empty folder that may be filled.
        """

    def load(self, name: str, organ: str, options: SweepOptions) -> LoadedCase:
        """Bring a case into the scene.

        Args:
            name: Of the case.
            organ: The organ's key.
            options: How the cohort was swept.
        """


@dataclass(frozen=True)
class FolderCohort:
    """Folders on disk.

    Args:
        predictions: With a folder or a label map per case.
        references: With the cases of the same names.
        scans: Folder of the CTs; None looks for `ct.nii.gz` beside reference and prediction.
    """

    predictions: Path
    references: Path
    scans: Path | None = None

    def prepare(self, _temporary: Path) -> tuple[Path, Path]:
        """Give the folders as they are.

        Raises:
            InputError: If one of them is not there.
        """
        for folder in (self.predictions, self.references):
            if not folder.is_dir():
                raise InputError(
                    _("The folder '{name}' is not there. Choose another.").format(name=folder.name)
                )
        return self.predictions, self.references

    def load(self, name: str, organ: str, options: SweepOptions) -> LoadedCase:
        """Read a case.

        Args:
            name: Of the case.
            organ: The organ's key.
            options: How the cohort was swept.

        Returns:
            The case.

        Raises:
            InputError: If it is not there any more or cannot be read.
        """
        cases = find_cases(self.predictions, self.references, organs=[organ]).cases
        case = next((one for one in cases if one.name == name), None)
        if case is None:
            raise InputError(
                _("The case '{name}' is not in the folders any more. Measure again.").format(
                    name=name
                )
            )
        return loadCase(
            case,
            organ,
            scans=self.scans,
            floor=options.floor,
            minVolumeMm3=options.min_volume_mm3,
        )


@dataclass(frozen=True)
class SceneCohort:
    """A probability map and a segmentation of the scene, as a cohort of one case."""

    nodes: SceneSource

    def prepare(self, temporary: Path) -> tuple[Path, Path]:
        """Write the nodes into a folder.

        Args:
            temporary: The folder, empty.

        Returns:
            Folders of prediction and reference in it.
        """
        return writeSceneCase(self.nodes, temporary)

    def load(self, _name: str, _organ: str, options: SweepOptions) -> LoadedCase:
        """Look at the nodes as they are now.

        Args:
            options: How they were swept.

        Returns:
            The case.
        """
        return loadSceneCase(self.nodes, floor=options.floor, minVolumeMm3=options.min_volume_mm3)
