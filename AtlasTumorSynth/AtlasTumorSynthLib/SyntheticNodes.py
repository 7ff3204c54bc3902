"""The nodes that belong to a synthetic scan: the volume, its tumors' segments, and their table.

The volume is a copy that is marked as synthetic and refers to no DICOM file any more; the nodes
find one another through references, which are saved with the scene.
"""

from collections.abc import Sequence

import slicer
from slicer.i18n import tr as _

from atlastumor.synthesis.result import SYNTHETIC_NOTE
from AtlasTumorSlicer.Segments import placeInStudy

__all__ = ["SyntheticNodes", "findSynthetic", "isSynthetic", "makeSynthetic"]

_SYNTHETIC = "AtlasTumor.Synthetic"
_ORIGINAL = "AtlasTumor.Original"
_TUMORS = "AtlasTumor.Tumors"
_TABLE = "AtlasTumor.Table"
_DERIVATION = "DICOM.DerivationDescription"
_IMAGE_TYPE = "DICOM.ImageType"
_MOST_LETTERS = 1024  # of DICOM's value representation ST
_OF_FILES = ("DICOM.instanceUIDs", "DicomRtImport.DoseUnitName")


class SyntheticNodes:
    """A synthetic scan's nodes; segmentation and table are made when they are first needed.

    Args:
        volumeNode: The synthetic volume.
    """

    def __init__(self, volumeNode: "slicer.vtkMRMLScalarVolumeNode") -> None:
        """Know the volume; the others are found through it."""
        self.volumeNode = volumeNode

    @property
    def isAlive(self) -> bool:
        """Whether the volume is still in the scene."""
        return self.volumeNode.GetScene() is not None

    @property
    def originalNode(self) -> "slicer.vtkMRMLScalarVolumeNode | None":
        """The scan that it is a copy of."""
        return self.volumeNode.GetNodeReference(_ORIGINAL)

    @property
    def segmentationNode(self) -> "slicer.vtkMRMLSegmentationNode | None":
        """The tumors' segments, if there were any yet."""
        return self.volumeNode.GetNodeReference(_TUMORS)

    @property
    def tableNode(self) -> "slicer.vtkMRMLTableNode | None":
        """The tumors' table, if there were any yet."""
        return self.volumeNode.GetNodeReference(_TABLE)

    def ensureSegmentation(self) -> "slicer.vtkMRMLSegmentationNode":
        """Give the segmentation; make it if it is not there."""
        if self.segmentationNode is None:
            node = self._make("vtkMRMLSegmentationNode", _("{scan} tumors"), _TUMORS)
            node.CreateDefaultDisplayNodes()
            node.SetAndObserveTransformNodeID(self.volumeNode.GetTransformNodeID())
            node.SetReferenceImageGeometryParameterFromVolumeNode(self.volumeNode)
        return self.segmentationNode

    def ensureTable(self) -> "slicer.vtkMRMLTableNode":
        """Give the table; make it if it is not there."""
        if self.tableNode is None:
            self._make("vtkMRMLTableNode", _("{scan} history"), _TABLE)
        return self.tableNode

    def describe(self, tumors: Sequence[str]) -> None:
        """Write into the volume what DICOM calls the derivation description.

        Args:
            tumors: What is to be said of each; what does not fit into DICOM's limit is left out.
        """
        text = " ".join([SYNTHETIC_NOTE, *tumors])
        self.volumeNode.SetAttribute(_DERIVATION, text[:_MOST_LETTERS])

    def _make(self, className: str, text: str, role: str) -> "slicer.vtkMRMLNode":
        scene = self.volumeNode.GetScene()
        name = text.format(scan=self.volumeNode.GetName())
        node = scene.AddNewNodeByClass(className, scene.GenerateUniqueName(name))
        node.SetAttribute(_SYNTHETIC, "1")
        self.volumeNode.SetNodeReferenceID(role, node.GetID())
        placeInStudy(node, self.volumeNode)
        return node


def isSynthetic(node: "slicer.vtkMRMLNode | None") -> bool:
    """Tell whether a node was made here."""
    return node is not None and node.GetAttribute(_SYNTHETIC) is not None


def findSynthetic(
    volumeNode: "slicer.vtkMRMLScalarVolumeNode | None",
) -> SyntheticNodes | None:
    """Find the synthetic scan that was made of a scan.

    Args:
        volumeNode: The original, or None.

    Returns:
        Its nodes; None if there are none.
    """
    if volumeNode is None:
        return None
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        if isSynthetic(node) and node.GetNodeReference(_ORIGINAL) is volumeNode:
            return SyntheticNodes(node)
    return None


def makeSynthetic(volumeNode: "slicer.vtkMRMLScalarVolumeNode") -> SyntheticNodes:
    """Copy a scan and mark the copy as synthetic.

    Args:
        volumeNode: The original; not changed.

    Returns:
        The copy, whose voxels are still the original's.
    """
    scene = volumeNode.GetScene()
    name = scene.GenerateUniqueName(_("{scan} synthetic").format(scan=volumeNode.GetName()))
    node = slicer.modules.volumes.logic().CloneVolume(scene, volumeNode, name)
    node.SetName(name)  # cloning makes a name unique once more
    for attribute in _OF_FILES:
        node.RemoveAttribute(attribute)
    node.SetAttribute(_SYNTHETIC, "1")
    node.SetAttribute(_IMAGE_TYPE, "DERIVED\\SECONDARY")
    node.SetDescription(SYNTHETIC_NOTE)
    node.SetNodeReferenceID(_ORIGINAL, volumeNode.GetID())
    placeInStudy(node, volumeNode)
    nodes = SyntheticNodes(node)
    nodes.describe([])
    return nodes
