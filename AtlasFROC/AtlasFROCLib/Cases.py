"""One case of a cohort in the scene: its CT, its probability map, its lesions, its candidates."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util import numpy_support

from atlastumor.batch.cases import Case
from atlastumor.batch.viewing import MAP, SCAN, VIEW
from atlastumor.detection.reference import ReferenceLesions
from atlastumor.detection.tree import CandidateTree
from atlastumor.detection.view_files import load_view
from atlastumor.volume import Grid
from AtlasTumorSlicer.Mrml import matrixFromVtk

from .CasesOpening import OPENINGS
from .CasesWorker import ARRAYS
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
        folder: With the map's voxels, which are read from it as they are looked at; None if the
            map was in the scene before.
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
    folder: Path | None = None

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
        if self.folder is not None:
            OPENINGS.remove(self.folder)


def loadCase(
    case: Case, organ: str, *, scans: Path | None, floor: float, minVolumeMm3: float
) -> LoadedCase:
    """Read a case of two folders into the scene. Slicer's windows are alive meanwhile.

    Args:
        case: Of a cohort.
        organ: The organ's key.
        scans: Folder of the CTs; None looks beside reference and prediction only.
        floor: Lower probabilities are not looked at.
        minVolumeMm3: Smaller candidates and lesions do not count.

    Returns:
        The case.

    Raises:
        AtlasTumorError: If prediction or reference cannot be read or do not match, or `Cancelled`.
    """
    scan = findScan(case, scans)
    folder = OPENINGS.makeFolder()
    order = {"folder": str(folder), "name": case.name, "floor": floor}
    order |= {"prediction": str(case.prediction), "reference": str(case.reference)}
    order |= {"scan": str(scan) if scan else "", "minVolumeMm3": minVolumeMm3}
    try:
        OPENINGS.read(organ, order)
        tree, lesions = load_view(folder / VIEW)
        scanNode = _loadScan(scan, folder / SCAN, case.name) if scan else None
        name = _("{case} {organ} probability").format(case=case.name, organ=organ)
        grid = Grid(lesions.shape, np.load(folder / "affine.npy"))
        mapNode = _makeMap(name, np.load(folder / MAP, mmap_mode="c"), grid)
    finally:
        OPENINGS.remove(folder)  # Windows keeps what is mapped until the case is closed
    owned = tuple(node for node in (scanNode, mapNode) if node is not None)
    for node in owned:
        node.SetSaveWithScene(False)  # read again from the cohort's folders
    nodes = scanNode, mapNode
    return LoadedCase(case.name, organ, *nodes, grid, tree, lesions, minVolumeMm3, owned, folder)


def loadSceneCase(source: SceneSource, *, floor: float, minVolumeMm3: float) -> LoadedCase:
    """Look at nodes of the scene as a case. Slicer's windows are alive meanwhile.

    Args:
        source: The nodes; they stay when the case is closed.
        floor: Lower probabilities are not looked at.
        minVolumeMm3: Smaller candidates and lesions do not count.

    Returns:
        The case.

    Raises:
        AtlasTumorError: If the map cannot be used, or `Cancelled`.
    """
    node = source.mapNode
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    affine = matrixFromVtk(matrix)
    folder = OPENINGS.makeFolder()
    order = {"folder": str(folder), "affine": affine.tolist(), "floor": floor}
    try:
        arrays = slicer.util.arrayFromVolume(node), referenceMask(source)
        for name, array in zip(ARRAYS, arrays, strict=True):
            np.save(folder / name, array)
        OPENINGS.read(source.organ, order | {"minVolumeMm3": minVolumeMm3})
        tree, lesions = load_view(folder / VIEW)
    finally:
        OPENINGS.remove(folder)
    grid = Grid(lesions.shape, affine)
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


def _loadScan(path: Path, unpacked: Path, name: str) -> "slicer.vtkMRMLScalarVolumeNode":
    """Load a CT, from its copy without compression if the worker made one."""
    isUnpacked = unpacked.exists()
    node = slicer.util.loadVolume(
        str(unpacked if isUnpacked else path), properties={"name": name, "show": False}
    )
    if isUnpacked:
        node.GetStorageNode().SetFileName(str(path))
    return node


def _makeMap(name: str, array: np.ndarray, grid: Grid) -> "slicer.vtkMRMLScalarVolumeNode":
    """Make a node of probabilities (K, J, I); the node's image and the array share memory."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(grid.affine.ravel().tolist())
    image = vtk.vtkImageData()
    image.SetDimensions(*grid.shape)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(array.ravel(), deep=False))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(matrix)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(0)  # else Slicer looks at every voxel
    display.SetWindowLevelMinMax(0.0, 1.0)
    node.SetAndObserveImageData(image)
    return node
