"""Candidates and lesions of the current case as a segmentation that follows the threshold.

The label map is one array that stays; a new threshold clears the old candidates' boxes in it and
fills the new ones, so that the effort depends on the candidates and not on the scan. Surfaces for
the 3-D views are made box by box too, once the threshold rests.
"""

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util import numpy_support

from atlastumor.detection.tree import Candidate, Candidates
from atlastumor.organs import find_organ

from .Cases import LoadedCase
from .Surfaces import makeSurface

__all__ = ["CandidatesView"]

_LESIONS, _HITS, _OTHERS = "AtlasFROC_lesions", "AtlasFROC_hits", "AtlasFROC_others"
_HIT_VALUE, _OTHER_VALUE = 1, 2
_COLORS = {_LESIONS: (1.0, 1.0, 1.0), _HITS: (0.16, 0.80, 0.30), _OTHERS: (0.95, 0.25, 0.20)}
_FILLS = {_LESIONS: 0.0, _HITS: 0.35, _OTHERS: 0.35}
_SURFACE_OPACITY = {_LESIONS: 0.35, _HITS: 1.0, _OTHERS: 1.0}


class CandidatesView:
    """Keeps one segmentation in step with case and threshold.

    Attributes:
        node: The segmentation; None without a case.
    """

    def __init__(self) -> None:
        """Show nothing."""
        self.node: slicer.vtkMRMLSegmentationNode | None = None
        self._case: LoadedCase | None = None
        self._voxels: np.ndarray | None = None
        self._image: slicer.vtkOrientedImageData | None = None
        self._shown: list[tuple[slice, slice, slice]] = []
        self._parts: dict[str, list[tuple[np.ndarray, tuple[int, int, int]]]] = {}
        self._lesions: vtk.vtkPolyData | None = None

    def open(self, case: LoadedCase | None) -> None:
        """Show the lesions of another case, or nothing.

        Args:
            case: The case; None takes the segmentation out of the scene.
        """
        if self.node is not None and self.node.GetScene() is not None:
            self.node.GetScene().RemoveNode(self.node)
        self.node = self._voxels = self._image = None
        self._shown, self._parts, self._case, self._lesions = [], {}, case, None
        if case is not None:
            self._makeNode(case)

    def show(self, candidates: Candidates | None) -> None:
        """Show other candidates in the slice views; 3-D views follow on `updateSurfaces`.

        Args:
            candidates: Of the case, or None.
        """
        if self.node is None or self._voxels is None:
            return
        for box in self._shown:
            self._voxels[box] = 0
        self._shown, self._parts = [], {_HITS: [], _OTHERS: []}
        for candidate in candidates.candidates if candidates is not None else ():
            self._paint(candidates, candidate)
        self._image.GetPointData().GetScalars().Modified()
        self._image.Modified()

    def updateSurfaces(self) -> None:
        """Make the surfaces of the candidates that are shown."""
        if self.node is None:
            return
        # A changed label map makes Slicer drop every surface, so that of the lesions comes again.
        self._setSurface(_LESIONS, self._lesions)
        for segmentId, parts in self._parts.items():
            self._setSurface(segmentId, makeSurface(parts, self._case.grid.affine))

    def setVisibility3D(self, isVisible: bool) -> None:
        """Show or hide everything in the 3-D views."""
        if self.node is not None and self.node.GetDisplayNode() is not None:
            self.node.GetDisplayNode().SetVisibility3D(isVisible)

    def _paint(self, candidates: Candidates, candidate: Candidate) -> None:
        inner = tuple(
            slice(part.start - whole.start, part.stop - whole.start)
            for part, whole in zip(candidate.box, candidates.box, strict=True)
        )
        mask = candidates.labels[inner] == candidate.index
        isHit = bool((self._case.lesions.parts_in(candidate.box)[mask] > 0).any())
        box = candidate.box[::-1]
        self._voxels[box][mask.T] = _HIT_VALUE if isHit else _OTHER_VALUE
        self._shown.append(box)
        corner = tuple(part.start for part in candidate.box)
        self._parts[_HITS if isHit else _OTHERS].append((mask, corner))

    def _makeNode(self, case: LoadedCase) -> None:
        scene = case.mapNode.GetScene()
        name = _("{case} candidates").format(case=case.name)
        self.node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        self.node.CreateDefaultDisplayNodes()
        self.node.SetSaveWithScene(False)  # made again from the case
        self.node.GetDisplayNode().SetPreferredDisplayRepresentationName2D(_labelmaps())
        self.node.GetDisplayNode().SetPreferredDisplayRepresentationName3D(_surfaces())
        self.node.SetReferenceImageGeometryParameterFromVolumeNode(case.mapNode)
        self.node.SetAndObserveTransformNodeID(case.mapNode.GetTransformNodeID())
        self._voxels, self._image = _makeImage(case)
        parts = case.lesions.parts
        lesions, image = _makeImage(case)
        where = [slice(o, o + n) for o, n in zip(case.lesions.offset, parts.shape, strict=True)]
        lesions[tuple(where[::-1])] = (parts > 0).T
        self._addSegment(_LESIONS, _("Lesions of the reference"), image, 1)
        self._addSegment(_HITS, _("Candidates on a lesion"), self._image, _HIT_VALUE)
        self._addSegment(_OTHERS, _("Candidates elsewhere"), self._image, _OTHER_VALUE)
        boxes = [(lesion.index, lesion.box) for lesion in case.lesions.lesions]
        solid = [
            (case.lesions.parts_in(box) == index, tuple(part.start for part in box))
            for index, box in boxes
        ]
        self._lesions = makeSurface(solid, case.grid.affine)

    def _addSegment(
        self, segmentId: str, name: str, image: "slicer.vtkOrientedImageData", value: int
    ) -> None:
        segment = slicer.vtkSegment()
        segment.SetName(
            _("{organ}: {what}").format(organ=_(find_organ(self._case.organ).name), what=name)
        )
        segment.SetColor(*_COLORS[segmentId])
        segment.SetLabelValue(value)
        segment.AddRepresentation(_labelmaps(), image)
        self.node.GetSegmentation().AddSegment(segment, segmentId)
        display = self.node.GetDisplayNode()
        display.SetSegmentOpacity2DFill(segmentId, _FILLS[segmentId])
        display.SetSegmentOpacity3D(segmentId, _SURFACE_OPACITY[segmentId])

    def _setSurface(self, segmentId: str, surface: vtk.vtkPolyData) -> None:
        self.node.GetSegmentation().GetSegment(segmentId).AddRepresentation(_surfaces(), surface)


def _surfaces() -> str:
    return slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()


def _labelmaps() -> str:
    return slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()


def _makeImage(case: LoadedCase) -> tuple[np.ndarray, "slicer.vtkOrientedImageData"]:
    """An empty label map on the case's grid; the array (K, J, I) and the image share memory."""
    voxels = np.zeros(case.grid.shape[::-1], np.uint8)
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*case.grid.shape)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(case.grid.affine.ravel().tolist())
    image.SetImageToWorldMatrix(matrix)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(voxels.ravel(), deep=False))
    return voxels, image
