"""Nodes of the scene as a cohort of one case: written into folders that the worker reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util import numpy_support

from atlastumor.batch.layouts import PROBABILITIES, SEGMENTATIONS
from atlastumor.errors import InputError
from atlastumor.organs import find_organ
from AtlasTumorSlicer.Mrml import ScanGeometry, checkScan, readGeometry, writeScan

__all__ = ["SceneSource", "defaultSegments", "referenceMask", "writeSceneCase"]

_MORPHOLOGY = "49755003"
"""SNOMED CT's "Morphologically Altered Structure": the category of tumors, not of organs."""


@dataclass(frozen=True, eq=False)
class SceneSource:
    """A probability map and its reference among the nodes of the scene.

    Args:
        organ: Key of the organ that both are about.
        mapNode: Probabilities in [0, 1].
        referenceNode: Segmentation.
        segmentIds: Its segments that are tumors of the organ.
        scanNode: The CT, to look at; None if there is none.
    """

    organ: str
    mapNode: "slicer.vtkMRMLScalarVolumeNode"
    referenceNode: "slicer.vtkMRMLSegmentationNode"
    segmentIds: Sequence[str]
    scanNode: "slicer.vtkMRMLScalarVolumeNode | None" = None

    @property
    def caseName(self) -> str:
        """A name that can be a folder's; it says nothing of the patient."""
        return "scene"


def defaultSegments(segmentationNode: "slicer.vtkMRMLSegmentationNode | None") -> list[str]:
    """Guess which segments are tumors: those whose terminology says so, else all.

    Args:
        segmentationNode: The reference, or None.

    Returns:
        Ids of segments.
    """
    if segmentationNode is None:
        return []
    segmentation = segmentationNode.GetSegmentation()
    ids = list(segmentation.GetSegmentIDs())
    altered = [
        one for one in ids if f"^{_MORPHOLOGY}^" in segmentation.GetSegment(one).GetTerminology()
    ]
    return altered or ids


def referenceMask(source: SceneSource) -> np.ndarray:
    """Unite the tumor segments on the grid of the probability map.

    Args:
        source: The nodes.

    Returns:
        (K, J, I) bool.

    Raises:
        InputError: If a segment is gone.
    """
    node = source.referenceNode
    shape = source.mapNode.GetImageData().GetDimensions()[::-1]
    mask = np.zeros(shape, bool)
    for segmentId in source.segmentIds:
        if node.GetSegmentation().GetSegment(segmentId) is None:
            raise InputError(
                _("A segment of '{name}' is gone. Choose the tumor segments again.").format(
                    name=node.GetName()
                )
            )
        array = slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, source.mapNode)
        mask |= array.astype(bool)
    return mask


def writeSceneCase(source: SceneSource, folder: Path) -> tuple[Path, Path]:
    """Write the nodes as prediction and reference of one case.

    Args:
        source: The nodes.
        folder: An existing, empty folder.

    Returns:
        The folders of predictions and of references.

    Raises:
        InputError: If the nodes cannot be used.
        OSError: If a file cannot be written.
    """
    _check(source)
    organ = find_organ(source.organ)
    predictions, references = folder / "predictions", folder / "references"
    probabilities = predictions / source.caseName / PROBABILITIES
    masks = references / source.caseName / SEGMENTATIONS
    probabilities.mkdir(parents=True)
    masks.mkdir(parents=True)
    geometry = writeScan(source.mapNode, probabilities / f"{organ.key}_tumor.nii.gz")
    _writeMask(referenceMask(source), geometry, masks / f"{organ.tumor_files[0]}.nii.gz")
    return predictions, references


def _check(source: SceneSource) -> None:
    checkScan(source.mapNode)
    readGeometry(source.mapNode)
    if source.referenceNode is None:
        raise InputError(_("No reference is chosen. Choose the segmentation of the tumors."))


def _writeMask(mask: np.ndarray, geometry: ScanGeometry, path: Path) -> None:
    """Write a mask (K, J, I) on the grid that the worker sees; it never enters the scene."""
    image = vtk.vtkImageData()
    image.SetDimensions(*mask.shape[::-1])
    scalars = numpy_support.numpy_to_vtk(mask.astype(np.uint8).ravel(), deep=True)
    image.GetPointData().SetScalars(scalars)
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetAndObserveImageData(image)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(geometry.world.affine.ravel().tolist())
    node.SetIJKToRASMatrix(matrix)
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    if not storage.WriteData(node) or not path.exists():
        raise OSError(_("the reference does not fit, or the folder is gone"))
