"""Tests that run inside Slicer itself (Reload and Test, ctest), without weights or torch.

The wide tests are in Testing/Slicer and run on the test host; these are the ones that only the
real application can answer: its launcher, its process, its scene, its place mode. The worker is
the real one: Slicer has all that handcrafted tumors need.
"""
# ruff: noqa: PT009, PT027 - inside Slicer there is unittest, not pytest

import numpy as np
import slicer
import vtk

from atlastumor.errors import InputError
from atlastumor.organs import ORGANS
from AtlasTumorSlicer.ModuleTest import ModuleTest

from .Clicks import Clicks
from .HistoryTable import KEPT, readRows
from .Logic import AtlasTumorSynthLogic
from .Parameters import Settings

__all__ = ["AtlasTumorSynthTest"]

_SHAPE_KJI = (30, 60, 70)
_SPACING_MM = (-1.5, -1.5, 2.5)
_ORGAN_KJI, _ORGAN_MM = (15, 30, 35), 25.0


class AtlasTumorSynthTest(ModuleTest):
    """Grows a tumor in a made-up organ with the real worker."""

    logicClass = AtlasTumorSynthLogic

    def setUp(self) -> None:
        """Start from an empty scene, with the real worker."""
        super().setUp()
        self.logic.workerCommand = AtlasTumorSynthLogic().workerCommand
        self._makeScan()

    def tearDown(self) -> None:
        """End the worker."""
        self.logic.close()

    def runTest(self) -> None:
        """Run every test and end its worker; Slicer calls this one."""
        for name in sorted(dir(self)):
            if name.startswith("test_"):
                self.setUp()
                try:
                    getattr(self, name)()
                finally:
                    self.tearDown()

    def test_aTumorGrowsInACopyAndCanBeTakenBack(self) -> None:
        """Preview, keep, undo; the original stays as it was."""
        before = slicer.util.arrayFromVolume(self._volumeNode).copy()

        self.logic.place(*self._chosen(), Settings(diameter=15.0), self._center, wait=True)
        self.logic.keep()

        nodes = self.logic.nodes
        self.assertTrue(np.array_equal(slicer.util.arrayFromVolume(self._volumeNode), before))
        grown = slicer.util.arrayFromVolume(nodes.volumeNode)
        self.assertGreater(np.count_nonzero(grown != before), 0)
        self.assertIn("synthetic", nodes.volumeNode.GetName())
        self.assertEqual(nodes.segmentationNode.GetSegmentation().GetNumberOfSegments(), 1)
        self.assertEqual([row.state for row in readRows(nodes.tableNode)], [KEPT])
        self.logic.undo()
        self.logic.undo()
        grown = slicer.util.arrayFromVolume(nodes.volumeNode)
        self.assertTrue(np.array_equal(grown, before))

    def test_aClickOutsideTheOrganIsRefused(self) -> None:
        """One sentence, and nothing in the scene."""
        with self.assertRaises(InputError):
            self.logic.place(*self._chosen(), Settings(), (900.0, 0.0, 0.0), wait=True)

        self.assertIsNone(self.logic.nodes)

    def test_thePointOfSlicersPlaceModeIsHeard(self) -> None:
        """The real interaction node, the real point list."""
        clicks, heard = Clicks(), []
        clicks.clicked.connect(heard.append)
        clicks.start()
        self.assertTrue(clicks.isPlacing)

        clicks.node.AddControlPointWorld(1.0, 2.0, 3.0)
        slicer.app.processEvents()

        self.assertEqual([tuple(round(x, 3) for x in ras) for ras in heard], [(1.0, 2.0, 3.0)])
        clicks.remove()
        self.assertFalse(clicks.isPlacing)

    def _chosen(self) -> tuple:
        return self._volumeNode, self._segmentationNode

    def _makeScan(self) -> None:
        """A ball of organ in fat in air, and its outline."""
        matrix = vtk.vtkMatrix4x4()
        for axis, step in enumerate(_SPACING_MM):
            matrix.SetElement(axis, axis, step)
        middle = np.array(_ORGAN_KJI)[:, None, None, None]
        steps = np.abs(_SPACING_MM[::-1])[:, None, None, None]
        away = np.linalg.norm((np.indices(_SHAPE_KJI) - middle) * steps, axis=0)
        noise = np.random.default_rng(1).normal(0, 8, _SHAPE_KJI)
        organ = away < _ORGAN_MM
        hu = np.where(organ, 110, np.where(away < 1.4 * _ORGAN_MM, -100, -1000)) + noise
        self._volumeNode = slicer.util.addVolumeFromArray(
            hu.astype(np.int16), ijkToRAS=matrix, name="Scan"
        )
        self._volumeNode.CreateDefaultDisplayNodes()
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Organs")
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(self._volumeNode)
        segmentId = node.GetSegmentation().AddEmptySegment("", ORGANS[0].name)
        mask = organ.astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segmentId, self._volumeNode)
        self._segmentationNode = node
        k, j, i = _ORGAN_KJI
        self._center = tuple(x * step for x, step in zip((i, j, k), _SPACING_MM, strict=True))
