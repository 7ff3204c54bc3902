"""One case of a cohort in the scene: its CT, its probability map, its lesions, its candidates."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from atlastumor.batch.cohort import Case, read_probability, read_reference
from atlastumor.batch.volumes import check_same_grid
from atlastumor.detection.reference import ReferenceLesions, find_reference_lesions
from atlastumor.detection.tree import CandidateTree
from atlastumor.volume import Grid
from AtlasTumorSlicer.Mrml import matrixFromVtk

from .SceneFiles import SceneSource, referenceMask

__all__ = ["LoadedCase", "findScan", "loadCase", "loadSceneCase"]

_ENDINGS = (".nii.gz", ".nii")


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case that is being looked at.

    Args:
        name: Its name in the cohort.
        organ: Key of the organ that its map is about.
        scanNode: The CT; None if there is none.
        mapNode: The probability map.
        grid: Of the map, in the map node's own coordinates.
        tree: Gives the candidates at any threshold.
        lesions: Of the reference.
        minVolumeMm3: Smaller candidates do not count.
        owned: Nodes that were made for it and go with it.
    """

    name: str
    organ: str
    scanNode: "slicer.vtkMRMLScalarVolumeNode | None"
    mapNode: "slicer.vtkMRMLScalarVolumeNode"
    grid: Grid
    tree: CandidateTree
    lesions: ReferenceLesions
    minVolumeMm3: float
    owned: tuple["slicer.vtkMRMLNode", ...] = ()

    @property
    def volumeNode(self) -> "slicer.vtkMRMLScalarVolumeNode":
        """What the views show: the CT, or the map where there is none."""
        return self.scanNode or self.mapNode

    def toWorld(self, ijk: tuple[float, float, float]) -> tuple[float, float, float]:
        """Carry a voxel of the map to RAS mm, as the slice views show it."""
        ras = [float(x) for x in self.grid.to_ras(ijk)]
        world = [0.0, 0.0, 0.0]
        self.mapNode.TransformPointToWorld(ras, world)
        return world[0], world[1], world[2]

    def close(self) -> None:
        """Take the nodes that were made for it out of the scene."""
        for node in self.owned:
            if node.GetScene() is not None:
                node.GetScene().RemoveNode(node)


def loadCase(
    case: Case, organ: str, *, scans: Path | None, floor: float, minVolumeMm3: float
) -> LoadedCase:
    """Read a case of two folders into the scene.

    Args:
        case: Of a cohort.
        organ: The organ's key.
        scans: Folder of the CTs; None looks beside reference and prediction only.
        floor: Lower probabilities are not looked at.
        minVolumeMm3: Smaller candidates and lesions do not count.

    Returns:
        The case.

    Raises:
        InputError: If prediction or reference cannot be read or do not match.
    """
    probability, grid = read_probability(case, organ)
    mask, _organ, referenceGrid = read_reference(case, organ)
    check_same_grid(grid, referenceGrid, ("The prediction", "the reference"))
    lesions = find_reference_lesions(mask, spacing_mm=grid.spacing_mm, min_volume_mm3=minVolumeMm3)
    tree = CandidateTree.of(probability, grid.spacing_mm, floor=floor)
    path = findScan(case, scans)
    scanNode = None
    if path is not None:
        properties = {"name": case.name, "show": False}
        scanNode = slicer.util.loadVolume(str(path), properties=properties)
    mapNode = _makeMap(
        _("{case} {organ} probability").format(case=case.name, organ=organ), probability, grid
    )
    owned = tuple(node for node in (scanNode, mapNode) if node is not None)
    for node in owned:
        node.SetSaveWithScene(False)  # read again from the cohort's folders
    return LoadedCase(case.name, organ, scanNode, mapNode, grid, tree, lesions, minVolumeMm3, owned)


def loadSceneCase(source: SceneSource, *, floor: float, minVolumeMm3: float) -> LoadedCase:
    """Look at nodes of the scene as a case.

    Args:
        source: The nodes; they stay when the case is closed.
        floor: Lower probabilities are not looked at.
        minVolumeMm3: Smaller candidates and lesions do not count.

    Returns:
        The case.
    """
    node = source.mapNode
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    probability = slicer.util.arrayFromVolume(node).T
    grid = Grid(probability.shape, matrixFromVtk(matrix))
    lesions = find_reference_lesions(
        referenceMask(source).T, spacing_mm=grid.spacing_mm, min_volume_mm3=minVolumeMm3
    )
    tree = CandidateTree.of(probability.astype(np.float32), grid.spacing_mm, floor=floor)
    return LoadedCase(
        source.caseName, source.organ, source.scanNode, node, grid, tree, lesions, minVolumeMm3
    )


def findScan(case: Case, scans: Path | None) -> Path | None:
    """Find the CT of a case.

    Args:
        case: Of a cohort.
        scans: A folder of `CASE/ct.nii.gz`, `CASE.nii.gz` or `CASE_0000.nii.gz`, or None.

    Returns:
        The file; None if there is none.
    """
    return next((path for path in _places(case, scans) if path.is_file()), None)


def _places(case: Case, scans: Path | None) -> Iterator[Path]:
    for ending in _ENDINGS:
        if scans is not None:
            yield scans / case.name / f"ct{ending}"
            yield scans / f"{case.name}{ending}"
            yield scans / f"{case.name}_0000{ending}"
        yield case.reference / f"ct{ending}"
        yield case.prediction / f"ct{ending}"


def _makeMap(name: str, probability: np.ndarray, grid: Grid) -> "slicer.vtkMRMLScalarVolumeNode":
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(grid.affine.ravel().tolist())
    array = np.ascontiguousarray(probability.T)
    node = slicer.util.addVolumeFromArray(array, ijkToRAS=matrix, name=name)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(0)
    display.SetWindowLevelMinMax(0.0, 1.0)
    return node
