"""Tumors into and out of the synthetic volume, with their segments and the lines of their table.

Voxels, segments and table always say the same, so that the scene can be saved at any moment.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util import numpy_support

from atlastumor import __version__
from atlastumor.organs import find_organ
from AtlasTumorSlicer.Mrml import ScanGeometry
from AtlasTumorSlicer.Results import LesionRow
from AtlasTumorSlicer.Terminology import lesionStyle

from .HistoryTable import KEPT, PREVIEW, Row, readRows, writeRows
from .SyntheticNodes import SyntheticNodes
from .Tumors import State, Tumor, transition

__all__ = ["Montage"]

_FILL = 0.0
"""The tumor's tissue is what is looked at, so only its outline is drawn."""


class Montage:
    """Keeps a synthetic scan's nodes in step with a state.

    Args:
        nodes: The nodes.
        geometry: Where the volume's voxels lie.

    Attributes:
        state: What the nodes show.
    """

    def __init__(self, nodes: SyntheticNodes, geometry: ScanGeometry) -> None:
        """Take what is in the volume already as given: it can no longer be taken out."""
        self.nodes, self._geometry = nodes, geometry
        self.state = State()
        self._given = [replace(row, state=KEPT) for row in readRows(nodes.tableNode)]

    def show(self, state: State) -> None:
        """Make voxels, segments and table those of a state."""
        leaving, coming = transition(self.state.layers, state.layers)
        array = slicer.util.arrayFromVolume(self.nodes.volumeNode).T
        for tumor in leaving:
            tumor.pop(array)
            self._removeSegment(tumor)
        number = self._lastNumber(len(self.state.layers) - len(leaving))
        for tumor in coming:
            number += 1
            tumor.number = number
            tumor.push(array)
            self._addSegment(tumor)
        self.state = state
        if leaving or coming:
            slicer.util.arrayFromVolumeModified(self.nodes.volumeNode)
        self.updateTable()

    def updateTable(self) -> None:
        """Write the table anew."""
        kept = [self._describe(tumor, KEPT) for tumor in self.state.kept]
        preview = [self._describe(tumor, PREVIEW) for tumor in self.state.preview]
        rows = [*self._given, *kept, *preview]
        if rows or self.nodes.tableNode is not None:
            writeRows(self.nodes.ensureTable(), rows)
        self.nodes.describe([_derivation(row) for row in rows])

    def _lastNumber(self, nLayers: int) -> int:
        """The highest number in use by what is given and by the lowest layers."""
        layers: Sequence[Tumor] = self.state.layers[:nLayers]
        return max([0, *(row.number for row in self._given), *(one.number for one in layers)])

    def _describe(self, tumor: Tumor, state: str) -> Row:
        r, a, s = self._geometry.toLocal(tumor.centerRas)
        return Row(
            number=tumor.number,
            state=state,
            organ=tumor.organ,
            method=tumor.settings.method,
            shape=tumor.request["shape"],
            segment=tumor.segmentId,
            asked_mm=tumor.request["diameter_mm"],
            diameter_mm=tumor.diameterMm,
            contrast_hu=tumor.contrastHu,
            seed=tumor.request["seed"],
            quality=tumor.quality,
            r=r,
            a=a,
            s=s,
        )

    def _addSegment(self, tumor: Tumor) -> None:
        node = self.nodes.ensureSegmentation()
        segment = slicer.vtkSegment()
        lesion = LesionRow(
            tumor.organ, tumor.number, tumor.volumeMl, 0.0, 0.0, tumor.side, tumor.centerRas
        )
        style = lesionStyle(lesion)
        segment.SetName(_("Synthetic {tumor}").format(tumor=style.name.lower()))
        segment.SetColor(*(value / 255 for value in find_organ(tumor.organ).tumor_color))
        segment.SetTerminology(style.terminology)
        segment.SetTag("AtlasTumor.Synthetic", "1")
        segment.SetTag("DICOM.SegmentAlgorithmType", "AUTOMATIC")
        algorithm = f"AtlasTumor {__version__} {tumor.settings.method} (synthetic tumor)"
        segment.SetTag("DICOM.SegmentAlgorithmName", algorithm)
        name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
        segment.AddRepresentation(name, self._makeImage(tumor))
        segmentation = node.GetSegmentation()
        tumor.segmentId = segmentation.GenerateUniqueSegmentID(
            f"AtlasTumor_synthetic_{tumor.number}"
        )
        segmentation.AddSegment(segment, tumor.segmentId)
        node.GetDisplayNode().SetSegmentOpacity2DFill(tumor.segmentId, _FILL)

    def _removeSegment(self, tumor: Tumor) -> None:
        node = self.nodes.segmentationNode
        if node is not None:
            node.GetSegmentation().RemoveSegment(tumor.segmentId)
        tumor.segmentId = ""

    def _makeImage(self, tumor: Tumor) -> "slicer.vtkOrientedImageData":
        """A label map in the tumor's own box."""
        mask, image = tumor.edit.mask, slicer.vtkOrientedImageData()
        sides = zip(tumor.edit.start, mask.shape, strict=True)
        image.SetExtent(*[x for first, n in sides for x in (first, first + n - 1)])
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy(self._geometry.local.affine.ravel().tolist())
        image.SetImageToWorldMatrix(matrix)
        flat = np.ascontiguousarray(mask.T).astype(np.uint8).ravel()
        image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(flat, deep=True))
        return image


def _derivation(row: Row) -> str:
    """What a DICOM file's derivation would say of a tumor."""
    return (
        f"Tumor {row.number}: {row.organ}, {row.diameter_mm:.1f} mm, method '{row.method}', seed "
        f"{row.seed}."
    )
