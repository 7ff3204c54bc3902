"""Tests that run inside Slicer itself (Reload and Test, ctest), without weights or torch.

The wide tests are in Testing/Slicer and run on the test host; these are the ones that only the
real application can answer: its launcher, its process, its import, its scene.
"""
# ruff: noqa: PT009, PT027 - inside Slicer there is unittest, not pytest

import numpy as np
import slicer
import vtk

from atlastumor.errors import Cancelled, InputError
from atlastumor.organs import KEYS
from AtlasTumorSlicer.ModuleTest import ModuleTest

from .Logic import AtlasTumorSegLogic

__all__ = ["AtlasTumorSegTest"]

_SHAPE_KJI = (7, 20, 18)


class AtlasTumorSegTest(ModuleTest):
    """Runs the whole way with a worker that needs no network."""

    logicClass = AtlasTumorSegLogic

    def test_aRunMakesSegmentsOnTheScansGrid(self) -> None:
        """Segments, their names and the reference geometry arrive."""
        volumeNode = self._makeScan()
        stages: list[str] = []

        node = self.logic.segment(
            volumeNode, KEYS[:2], onProgress=lambda _f, stage, _s: stages.append(stage)
        )

        segmentation = node.GetSegmentation()
        self.assertEqual(segmentation.GetNumberOfSegments(), 5)
        self.assertIn("Finding tumors", stages)
        segmentId = segmentation.GetNthSegmentID(0)
        array = slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, volumeNode)
        self.assertEqual(array.shape, _SHAPE_KJI)
        self.assertGreater(array.sum(), 0)
        role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
        self.assertEqual(node.GetNodeReferenceID(role), volumeNode.GetID())
        self.assertTrue(segmentation.GetSegment(segmentId).HasTerminology())

    def test_aRunCanBeCancelled(self) -> None:
        """Nothing is left in the scene."""
        run = self.logic.segment(self._makeScan(), wait=False)

        run.cancel()

        self.assertIsInstance(run.error, Cancelled)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 0)

    def test_aCohortOfLoadedScansComesBackAsSegmentations(self) -> None:
        """Each scan gets a segmentation beside it, and a case that fails has its reason."""
        scans = [self._makeScan(name) for name in ("Scan", "bad", "Other")]
        told: list[tuple[str, str]] = []

        result = self.logic.segmentCohort(
            scans,
            organs=KEYS[:1],
            loadResults=True,
            onCase=lambda case: told.append((case.id, case.state)),
        )

        self.assertEqual(result.counts["done"], 2)
        self.assertEqual(list(result.failed), ["bad"])
        self.assertEqual([one for one, _state in told], ["Scan", "bad", "Other"])
        self.assertIsNone(result.segmentationNodes[1])
        for volumeNode, node in zip(scans[::2], result.segmentationNodes[::2], strict=True):
            self.assertEqual(node.GetSegmentation().GetNumberOfSegments(), 3)
            role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
            self.assertEqual(node.GetNodeReferenceID(role), volumeNode.GetID())

    def test_aBentScanIsRefused(self) -> None:
        """A nonlinear parent transform cannot be written into a file's matrix."""
        volumeNode = self._makeScan()
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode")
        volumeNode.SetAndObserveTransformNodeID(transform.GetID())

        with self.assertRaises(InputError):
            self.logic.segment(volumeNode)

    def _makeScan(self, name: str = "Scan") -> "slicer.vtkMRMLScalarVolumeNode":
        """An oblique, anisotropic volume."""
        axes = np.array([[-0.8, 0, 0.6], [0, -1, 0], [0.6, 0, 0.8]]) * (0.9, 1.5, 3.0)
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = axes, (10, -20, 30)
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy(affine.ravel().tolist())
        array = np.zeros(_SHAPE_KJI, np.int16)
        return slicer.util.addVolumeFromArray(array, ijkToRAS=matrix, name=name)
