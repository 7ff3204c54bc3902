"""From the segments of a segmentation to the label map that the worker reads.

Which organ a segment is, its terminology says, or else its name, in the words of the organ table
and of the data sets that it knows.
"""

import re

import numpy as np
import slicer
from slicer.i18n import tr as _

from atlastumor.errors import InputError
from atlastumor.organs import ORGANS, Organ

__all__ = ["findLabels", "makeLabels"]

_MORPHOLOGY = "49755003"
"""SNOMED CT's "Morphologically Altered Structure": the category of tumors, not of organs."""


def findLabels(segmentationNode: "slicer.vtkMRMLSegmentationNode") -> dict[str, int]:
    """Say which segments are organs or tumors of these, and which value they have.

    Args:
        segmentationNode: The segmentation.

    Returns:
        Label by segment id, organs before tumors.
    """
    segmentation = segmentationNode.GetSegmentation()
    found = {}
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId)
        label = _labelOfCodes(segment.GetTerminology()) or _labelOfName(segment.GetName())
        if label:
            found[segmentId] = label
    tumors = {organ.tumor_label for organ in ORGANS}
    return dict(sorted(found.items(), key=lambda item: item[1] in tumors))


def makeLabels(
    volumeNode: "slicer.vtkMRMLScalarVolumeNode",
    *segmentationNodes: "slicer.vtkMRMLSegmentationNode | None",
) -> np.ndarray:
    """Write all that is known of the organs into one label map on the scan's grid.

    Args:
        volumeNode: The scan.
        segmentationNodes: Outlines; later ones lie above earlier ones, tumors above organs.

    Returns:
        AbdomenAtlas 2.0 numbers, (I, J, K) uint8.

    Raises:
        InputError: If no segment is known to be an organ.
    """
    shape = volumeNode.GetImageData().GetDimensions()
    labels = np.zeros(shape, np.uint8)
    parts = [
        (node, segmentId, label)
        for node in segmentationNodes
        if node is not None
        for segmentId, label in findLabels(node).items()
    ]
    if not parts:
        names = ", ".join(_(organ.name) for organ in ORGANS)
        raise InputError(
            _(
                "No segment is known to be one of these organs: {names}. Name the segments so, or "
                "press Find organs."
            ).format(names=names)
        )
    for node, segmentId, label in parts:
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, volumeNode)
        if mask is not None:
            labels[mask.T.astype(bool)] = label
    return labels


def _labelOfCodes(terminology: str) -> int:
    """The label that a serialized terminology entry stands for; 0 if for none."""
    parts = [part.split("^") for part in terminology.split("~")]
    codes = [part[1] if len(part) > 1 else "" for part in parts] + [""] * 7
    category, kind, modifier, region = codes[1], codes[2], codes[3], codes[5]
    for organ in ORGANS:
        if category == _MORPHOLOGY and region == organ.snomed.value:
            return organ.tumor_label
        for side in organ.sides:
            isSide = kind == organ.snomed.value and modifier == side.modifier.value
            if isSide or kind == side.snomed.value:
                return side.label
        if kind == organ.snomed.value:
            return organ.labels[0]
    return 0


def _labelOfName(name: str) -> int:
    """The label that a name such as "kidney_left" or "Left kidney" stands for; 0 if for none."""
    words = frozenset(re.findall(r"[a-z]+", name.lower()))
    for organ in ORGANS:
        for text, label in _names(organ):
            if words == frozenset(re.findall(r"[a-z]+", text.lower())):
                return label
    return 0


def _names(organ: Organ) -> list[tuple[str, int]]:
    organs = [*zip(organ.organ_files, organ.labels, strict=True), (organ.name, organ.labels[0])]
    sides = [(side.snomed.meaning, side.label) for side in organ.sides]
    return [*organs, *sides, *((text, organ.tumor_label) for text in organ.tumor_files)]
