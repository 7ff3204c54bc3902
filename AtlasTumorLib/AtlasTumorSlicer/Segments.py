"""A result becomes segments: one import of one label map, then names, colors, terminology, tags.

Segments that somebody else made, or that somebody changed, are never touched: every segment made
here carries a fingerprint of its voxels, name and meaning, and a later run replaces only those
whose fingerprint still holds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from atlastumor.components import find_boxes
from atlastumor.errors import InputError
from atlastumor.organs import ORGANS

from .Fingerprints import findUntouched, stamp
from .Mrml import ScanGeometry, isNode
from .Results import Result, paintLesions
from .Terminology import SegmentStyle, lesionStyle, organStyle

__all__ = ["checkTarget", "importSegments", "placeInStudy"]

_NAMES_TAKEN_LIMIT = 1000


def checkTarget(
    segmentationNode: "slicer.vtkMRMLSegmentationNode | None",
    volumeNode: "slicer.vtkMRMLScalarVolumeNode",
) -> None:
    """Make sure that new segments can go into a segmentation.

    Args:
        segmentationNode: Where they shall go; None makes a new one later and is always fine.
        volumeNode: The scan.

    Raises:
        InputError: If it is none of a scene, holds surfaces as its source, or moves with another
            transform.
    """
    if segmentationNode is None:
        return
    if not isNode(segmentationNode, "vtkMRMLSegmentationNode"):
        raise InputError(
            _("'{given}' takes no segments; a segmentation node is needed.").format(
                given=type(segmentationNode).__name__
            )
        )
    name = segmentationNode.GetName()
    if segmentationNode.GetScene() is None:
        raise InputError(
            _("The segmentation '{name}' is not in the scene. Add it, or choose another.").format(
                name=name
            )
        )
    source = segmentationNode.GetSegmentation().GetSourceRepresentationName()
    if source != slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName():
        raise InputError(
            _(
                "The segmentation '{name}' is stored as '{source}'; label maps are needed. Choose "
                "a new segmentation, or make the binary label map its source in Segmentations."
            ).format(name=name, source=source)
        )
    if segmentationNode.GetParentTransformNode() is not volumeNode.GetParentTransformNode():
        raise InputError(
            _(
                "The segmentation '{name}' and the scan are under different transforms. Put both "
                "under the same one, or choose a new segmentation."
            ).format(name=name)
        )


def importSegments(
    result: Result,
    geometry: ScanGeometry,
    volumeNode: "slicer.vtkMRMLScalarVolumeNode",
    segmentationNode: "slicer.vtkMRMLSegmentationNode | None" = None,
) -> tuple["slicer.vtkMRMLSegmentationNode", list[str]]:
    """Bring a result into the scene.

    Args:
        result: What the worker found.
        geometry: Where the scan's voxels lie.
        volumeNode: The scan.
        segmentationNode: Where the segments go; None makes a new segmentation.

    Returns:
        The segmentation, and the id of each lesion's segment in the order of `result.lesions`.

    Raises:
        InputError: If the segmentation cannot take them.
    """
    checkTarget(segmentationNode, volumeNode)
    values, styles = _describe(result, geometry)
    node = segmentationNode or _makeSegmentation(volumeNode)
    with slicer.util.NodeModify(node):
        segmentation = node.GetSegmentation()
        for segmentId in findUntouched(node):
            segmentation.RemoveSegment(segmentId)
        if segmentation.GetNumberOfSegments() == 0:
            node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        ids = [_freeId(segmentation, style.baseId) for style in styles]
        _importLabels(values, ids, volumeNode, node)
        _dress(node, ids, styles, result.provenance)
    nLesions = len(result.lesions)
    return node, ids[len(ids) - nLesions :]


def _describe(result: Result, geometry: ScanGeometry) -> tuple[np.ndarray, list[SegmentStyle]]:
    """Give each segment a value 1..N, (I, J, K), and say how it presents itself, in that order."""
    table = np.zeros(256, np.uint16)
    styles: list[SegmentStyle] = []
    present = find_boxes(result.labels)
    for organ in ORGANS:
        sides = organ.sides or (None,)
        for label, side in zip(organ.labels, sides, strict=True):
            if label in present:
                styles.append(organStyle(organ, side))
                table[label] = len(styles)
    values = table[result.labels]
    paintLesions(values, result, geometry.world, first=len(styles) + 1)
    styles += [lesionStyle(lesion) for lesion in result.lesions]
    return values, styles


def _makeSegmentation(
    volumeNode: "slicer.vtkMRMLScalarVolumeNode",
) -> "slicer.vtkMRMLSegmentationNode":
    """Make an empty segmentation in the volume's study and under its transform."""
    name = _("{scan} tumors").format(scan=volumeNode.GetName())
    scene = volumeNode.GetScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    placeInStudy(node, volumeNode)
    return node


def placeInStudy(node: "slicer.vtkMRMLNode", volumeNode: "slicer.vtkMRMLNode") -> None:
    """Put a node beside the volume in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volumeNode.GetScene())
    parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volumeNode))
    item = hierarchy.GetItemByDataNode(node)
    if parent and item:
        hierarchy.SetItemParent(item, parent)


def _freeId(segmentation: "slicer.vtkSegmentation", baseId: str) -> str:
    if segmentation.GetSegment(baseId) is None:
        return baseId
    return segmentation.GenerateUniqueSegmentID(baseId)


def _importLabels(
    values: np.ndarray,
    ids: Sequence[str],
    volumeNode: "slicer.vtkMRMLScalarVolumeNode",
    segmentationNode: "slicer.vtkMRMLSegmentationNode",
) -> None:
    """Import all segments at once, so that they share one layer; value N becomes the Nth id."""
    if not ids:
        return
    scene = volumeNode.GetScene()
    labelNode = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "AtlasTumor temporary labels")
    try:
        labelNode.CopyOrientation(volumeNode)
        labelNode.SetAndObserveTransformNodeID(segmentationNode.GetTransformNodeID())
        narrow = values.astype(np.uint8 if len(ids) < 256 else np.int16, copy=False)
        slicer.util.updateVolumeFromArray(labelNode, narrow.T)  # (I, J, K) to Slicer's (K, J, I)
        segmentIds = vtk.vtkStringArray()
        for segmentId in ids:
            segmentIds.InsertNextValue(segmentId)
        logic = slicer.modules.segmentations.logic()
        if not logic.ImportLabelmapToSegmentationNode(labelNode, segmentationNode, segmentIds):
            raise RuntimeError("The label map could not be imported into the segmentation.")
    finally:
        scene.RemoveNode(labelNode)


def _dress(
    segmentationNode: "slicer.vtkMRMLSegmentationNode",
    ids: Sequence[str],
    styles: Sequence[SegmentStyle],
    provenance: Mapping[str, Any],
) -> None:
    """Name, color and tag the new segments."""
    segmentation = segmentationNode.GetSegmentation()
    display = segmentationNode.GetDisplayNode()
    algorithm = " ".join(
        str(provenance.get(key, "")) for key in ("software", "version", "model_id", "model_version")
    )
    new = set(ids)
    taken = {
        segmentation.GetSegment(segmentId).GetName()
        for segmentId in segmentation.GetSegmentIDs()
        if segmentId not in new
    }
    for segmentId, style in zip(ids, styles, strict=True):
        segment = segmentation.GetSegment(segmentId)
        segment.SetName(_freeName(style.name, taken))
        segment.SetColor(*style.color)
        segment.SetTerminology(style.terminology)
        segment.SetTag("DICOM.SegmentAlgorithmType", "AUTOMATIC")
        segment.SetTag("DICOM.SegmentAlgorithmName", algorithm.strip())
        display.SetSegmentOpacity2DFill(segmentId, style.fillOpacity)
    stamp(segmentationNode, ids)


def _freeName(name: str, taken: set[str]) -> str:
    """The name, or with a number where somebody's own segment already has it."""
    candidates = (name, *(f"{name} ({n})" for n in range(2, _NAMES_TAKEN_LIMIT)))
    return next(candidate for candidate in candidates if candidate not in taken)
