"""Telling whether a segment is still as AtlasTumor made it.

A fingerprint covers voxels, place, name and terminology. Slicer stores segments of one node in
shared layers and may crop or regroup these when it saves, so the fingerprint is taken of the
segment's own tight bounding box.
"""

import zlib
from collections.abc import Iterable

import numpy as np
import slicer
import vtk
from scipy import ndimage
from vtk.util import numpy_support

__all__ = ["findUntouched", "fingerprints", "stamp"]

_TAG = "AtlasTumor.Fingerprint"


def stamp(segmentationNode: "slicer.vtkMRMLSegmentationNode", segmentIds: Iterable[str]) -> None:
    """Write each segment's fingerprint into its tags."""
    segmentation = segmentationNode.GetSegmentation()
    for segmentId, mark in fingerprints(segmentationNode, segmentIds).items():
        segmentation.GetSegment(segmentId).SetTag(_TAG, mark)


def findUntouched(segmentationNode: "slicer.vtkMRMLSegmentationNode") -> list[str]:
    """List the segments that AtlasTumor made and that nobody changed since."""
    segmentation = segmentationNode.GetSegmentation()
    stamped: dict[str, str] = {}
    for segmentId in segmentation.GetSegmentIDs():
        mark = vtk.reference("")
        if segmentation.GetSegment(segmentId).GetTag(_TAG, mark):
            stamped[segmentId] = str(mark)
    now = fingerprints(segmentationNode, stamped)
    return [segmentId for segmentId, mark in stamped.items() if now[segmentId] == mark]


def fingerprints(
    segmentationNode: "slicer.vtkMRMLSegmentationNode", segmentIds: Iterable[str]
) -> dict[str, str]:
    """Compute fingerprints; each shared layer is searched only once."""
    segmentation = segmentationNode.GetSegmentation()
    layers: dict[str, tuple[np.ndarray, list]] = {}
    marks: dict[str, str] = {}
    for segmentId in segmentIds:
        segment = segmentation.GetSegment(segmentId)
        labelmap = segmentationNode.GetBinaryLabelmapInternalRepresentation(segmentId)
        text = f"{segment.GetName()}\n{segment.GetTerminology()}"
        voxels = b""
        if labelmap is not None and labelmap.GetPointData().GetScalars() is not None:
            key = labelmap.GetAddressAsString("vtkOrientedImageData")
            if key not in layers:
                layers[key] = _search(labelmap)
            array, boxes = layers[key]
            voxels = _describe(array, boxes, segment.GetLabelValue(), labelmap)
        marks[segmentId] = f"{zlib.crc32(voxels + text.encode()):08x}"
    return marks


def _search(labelmap: "slicer.vtkOrientedImageData") -> tuple[np.ndarray, list]:
    """A layer's voxels (K, J, I) and the bounding box of each value."""
    scalars = labelmap.GetPointData().GetScalars()
    shape = labelmap.GetDimensions()[::-1]
    array = numpy_support.vtk_to_numpy(scalars).reshape(shape)
    return array, ndimage.find_objects(array)


def _describe(
    array: np.ndarray, boxes: list, label: int, labelmap: "slicer.vtkOrientedImageData"
) -> bytes:
    """A segment's voxels in its own box, and where that box starts, to 0.1 mm."""
    box = boxes[label - 1] if 0 < label <= len(boxes) else None
    if box is None:
        return b""
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    first = labelmap.GetExtent()[::2]
    corner = [side.start + start for side, start in zip(reversed(box), first, strict=True)]
    place = [round(x, 1) + 0.0 for x in matrix.MultiplyPoint([*corner, 1.0])[:3]]
    mask = array[box] == label
    return f"{mask.shape} {place}\n".encode() + np.packbits(mask).tobytes()
