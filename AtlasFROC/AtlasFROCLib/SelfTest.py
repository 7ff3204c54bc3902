"""Tests that run inside Slicer itself (Reload and Test, ctest), without weights or torch.

The wide tests are in Testing/Slicer and run on the test host; these are the ones that only the
real application can answer: its launcher, its process, its scene.
"""
# ruff: noqa: PT009 - inside Slicer there is unittest, not pytest

from pathlib import Path

import numpy as np
import slicer
import vtk

from atlastumor.errors import Cancelled
from atlastumor.organs import KEYS
from AtlasTumorSlicer.ModuleTest import ModuleTest

from .ChartDrawing import Colors, axesFor, drawChart
from .Logic import AtlasFROCLogic
from .Painting import writePng
from .SceneFiles import SceneSource, defaultSegments
from .Sources import SceneCohort

__all__ = ["AtlasFROCTest"]

_SHAPE_KJI = (12, 20, 24)
_LESION = (slice(2, 4), slice(2, 6), slice(2, 6))
_OTHER = (slice(8, 10), slice(12, 16), slice(15, 19))
_SIZE = (400, 300)


class AtlasFROCTest(ModuleTest):
    """Measures a map of the scene with a worker that needs no further packages."""

    logicClass = AtlasFROCLogic

    def test_aMapOfTheSceneIsMeasuredAndShown(self) -> None:
        """One lesion found at 0.9, one false positive from 0.6 on."""
        self.logic.measure(self._makeSource())

        curve = self.logic.curve.curve
        self.assertEqual([round(float(t), 4) for t in curve.thresholds], [0.9, 0.6])
        self.assertEqual(curve.tp.tolist(), [1, 1])
        self.assertEqual(curve.fp.tolist(), [0, 1])
        self.logic.openCase(self.logic.curve.sweeps[0].case)
        self.logic.setThreshold(0.6)
        self.assertEqual(len(self.logic.candidates.candidates), 2)
        self.logic.view.updateSurfaces()
        segmentation = self.logic.view.node.GetSegmentation()
        self.assertEqual(segmentation.GetNumberOfSegments(), 3)
        self.logic.closeCase()

    def test_theChartIsDrawn(self) -> None:
        """The real painter of the real Qt takes every shape."""
        self.logic.measure(self._makeSource())
        curve = self.logic.curve.curve
        path = Path(slicer.app.temporaryPath) / "AtlasFROC-self-test.png"

        shapes = drawChart(curve, axesFor(curve, _SIZE), row=0, target=0.9)
        writePng(path, shapes, _SIZE, Colors().background)

        self.assertGreater(path.stat().st_size, 1000)
        path.unlink()

    def test_aMeasurementCanBeCancelled(self) -> None:
        """Nothing is kept."""
        run = self.logic.measure(self._makeSource(), wait=False)

        run.cancel()

        self.assertIsInstance(run.error, Cancelled)
        self.assertIsNone(self.logic.cohort)

    def _makeSource(self) -> SceneCohort:
        """A map with a lesion and a false positive on an anisotropic, flipped grid."""
        probability = np.zeros(_SHAPE_KJI, np.float32)
        probability[_LESION], probability[_OTHER] = 0.9, 0.6
        mask = np.zeros(_SHAPE_KJI, np.uint8)
        mask[_LESION] = 1
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy([-1.5, 0, 0, 10, 0, -1.0, 0, -20, 0, 0, 2.0, 30, 0, 0, 0, 1])
        mapNode = slicer.util.addVolumeFromArray(probability, ijkToRAS=matrix, name="Map")
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Reference")
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(mapNode)
        segmentId = node.GetSegmentation().AddEmptySegment("tumor")
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segmentId, mapNode)
        return SceneCohort(SceneSource(KEYS[0], mapNode, node, tuple(defaultSegments(node))))
