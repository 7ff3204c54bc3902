"""Scans from Slicer's scene to files, on exactly the node's grid.

Door no. 1 of axis order: Slicer's numpy arrays are (K, J, I), the backend's (I, J, K). A node's
IJK-to-RAS matrix is the backend's affine; a linear parent transform is multiplied onto it in the
file that the worker gets, so that the worker sees the patient as the slice views show it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from atlastumor.errors import GridMismatchError, InputError
from atlastumor.volume import Grid

__all__ = [
    "ScanGeometry",
    "checkScan",
    "checkUnchanged",
    "isNode",
    "matrixFromVtk",
    "readGeometry",
    "writeScan",
]

_SHEAR = 1e-3
"""Largest cosine between two axes that still counts as a right angle (0.06 degrees)."""


@dataclass(frozen=True, eq=False)
class ScanGeometry:
    """Where a volume node's voxels lie.

    Args:
        local: Its own grid, as its IJK-to-RAS matrix says.
        world: The same grid under its parent transform, as the slice views show it.
    """

    local: Grid
    world: Grid

    def toLocal(self, worldRas: tuple[float, float, float]) -> tuple[float, float, float]:
        """Carry a point, RAS mm, from the world into the node's own coordinates."""
        r, a, s = self.local.to_ras(self.world.to_ijk(worldRas))
        return float(r), float(a), float(s)


def matrixFromVtk(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    """Copy a matrix into a (4, 4) float64 array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def isNode(node: object, className: str) -> bool:
    """Tell whether something is a node of a class.

    Args:
        node: Anything at all.
        className: Such as "vtkMRMLSegmentationNode"; derived classes count.
    """
    return isinstance(node, slicer.vtkMRMLNode) and bool(node.IsA(className))


def checkScan(volumeNode: "slicer.vtkMRMLScalarVolumeNode") -> None:
    """Make sure that a volume node can be segmented.

    Args:
        volumeNode: The node, or None.

    Raises:
        InputError: If it is no 3-D gray-value volume of a scene, or lies under a transform that
            bends it.
    """
    if volumeNode is not None and not isNode(volumeNode, "vtkMRMLScalarVolumeNode"):
        raise InputError(
            _("'{given}' is no scan; a scalar volume node is needed.").format(
                given=type(volumeNode).__name__
            )
        )
    if volumeNode is None or volumeNode.GetImageData() is None:
        raise InputError(_("No scan is loaded. Load a CT, then choose it as the scan."))
    name = volumeNode.GetName()
    if volumeNode.GetScene() is None:
        raise InputError(
            _("'{name}' is not in the scene, or no longer. Add it, or choose another scan.").format(
                name=name
            )
        )
    if volumeNode.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputError(
            _("'{name}' is a label map; a CT is needed. Choose the scan itself.").format(name=name)
        )
    components = volumeNode.GetImageData().GetNumberOfScalarComponents()
    if components != 1:
        raise InputError(
            _("'{name}' has {n} values per voxel; a CT has one. Choose the CT itself.").format(
                name=name, n=components
            )
        )
    transform = volumeNode.GetParentTransformNode()
    if transform is not None and not transform.IsTransformToWorldLinear():
        raise InputError(
            _(
                "'{name}' is under the nonlinear transform '{transform}' (Slicer adds one to "
                "tilted or unevenly spaced series). Harden the transform or resample the scan onto "
                "a regular grid, then choose the result."
            ).format(name=name, transform=transform.GetName())
        )


def readGeometry(volumeNode: "slicer.vtkMRMLScalarVolumeNode") -> ScanGeometry:
    """Read where the voxels of a volume node lie.

    Args:
        volumeNode: A node that `checkScan` accepts.

    Returns:
        Its grid, bare and under its parent transform.

    Raises:
        InputError: If it has no volume, or its axes are not at right angles.
    """
    local = world = _localAffine(volumeNode)
    transform = volumeNode.GetParentTransformNode()
    if transform is not None:
        matrix = vtk.vtkMatrix4x4()
        transform.GetMatrixTransformToWorld(matrix)
        world = matrixFromVtk(matrix) @ local
    shape = volumeNode.GetImageData().GetDimensions()
    try:
        geometry = ScanGeometry(Grid(shape, local), Grid(shape, world))
    except ValueError as error:
        raise InputError(
            _("The geometry of '{name}' cannot be used: {error}").format(
                name=volumeNode.GetName(), error=error
            )
        ) from error
    axes = world[:3, :3] / np.linalg.norm(world[:3, :3], axis=0)
    if np.abs(axes.T @ axes - np.eye(3)).max() > _SHEAR:
        raise InputError(
            _(
                "The axes of '{name}' are not at right angles (a tilted gantry or a shearing "
                "transform). Resample the scan onto a regular grid, then choose the result."
            ).format(name=volumeNode.GetName())
        )
    return geometry


def writeScan(volumeNode: "slicer.vtkMRMLScalarVolumeNode", path: Path) -> ScanGeometry:
    """Write a volume node as the worker shall see it.

    The node itself, its storage and its file name in the scene stay as they are.

    Args:
        volumeNode: The scan.
        path: An NRRD file to make.

    Returns:
        Where its voxels lie, which the results must match.

    Raises:
        InputError: If the node cannot be segmented.
        OSError: If the file cannot be written.
    """
    checkScan(volumeNode)
    geometry = readGeometry(volumeNode)
    copy = slicer.vtkMRMLScalarVolumeNode()  # shares the voxels; never enters the scene
    copy.SetAndObserveImageData(volumeNode.GetImageData())
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(geometry.world.affine.ravel().tolist())
    copy.SetIJKToRASMatrix(matrix)
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    storage.SetUseCompression(0)  # read once by a process on the same machine
    if not storage.WriteData(copy) or not path.exists():
        raise OSError(_("the scan does not fit, or the folder is gone"))
    return geometry


def checkUnchanged(volumeNode: "slicer.vtkMRMLScalarVolumeNode", geometry: ScanGeometry) -> None:
    """Make sure that a scan still lies on the grid that the worker saw.

    Raises:
        GridMismatchError: If it was removed, cropped or moved without its parent transform.
    """
    if not _isOn(volumeNode, geometry.local):
        raise GridMismatchError(
            _("The scan was removed or changed while the worker ran. Press Apply again.")
        )


def _isOn(volumeNode: "slicer.vtkMRMLScalarVolumeNode", grid: Grid) -> bool:
    """Whether a node of a scene lies on a grid, whatever transform it is under."""
    image = volumeNode.GetImageData()
    if volumeNode.GetScene() is None or image is None or image.GetDimensions() != grid.shape:
        return False
    affine = _localAffine(volumeNode)
    isUsable = np.isfinite(affine).all() and np.linalg.det(affine) != 0.0
    return bool(isUsable) and Grid(grid.shape, affine).matches(grid)


def _localAffine(volumeNode: "slicer.vtkMRMLScalarVolumeNode") -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return matrixFromVtk(matrix)
