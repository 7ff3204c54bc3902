"""A probability map as large as a scan, among the nodes of the scene."""

from __future__ import annotations

from typing import Any

import numpy as np

SHAPE_KJI = (300, 512, 512)
N_BLOBS = 60
RADIUS = 9


def make_scene() -> tuple[Any, Any]:
    """Make a map with blobs whose probability falls off to their rim, and one reference segment."""
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy([0.7, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 1.5, 0, 0, 0, 0, 1])
    probability = np.zeros(SHAPE_KJI, np.float32)
    generator = np.random.default_rng(0)
    size = 2 * RADIUS + 1
    distance = np.linalg.norm(np.indices((size, size, size)) - RADIUS, axis=0) / RADIUS
    blob = np.clip(1.0 - distance, 0.0, 1.0).astype(np.float32)
    places = [(k, j, i) for k in range(3) for j in range(4) for i in range(5)]
    for k, j, i in places:
        jitter = generator.integers(0, 20, 3)
        start = np.array([30 + 90 * k, 40 + 110 * j, 40 + 85 * i]) + jitter
        where = tuple(slice(one, one + size) for one in start)
        probability[where] = blob
    first = tuple(slice(one - 3, one + 4) for one in start + RADIUS)
    mask = np.zeros(SHAPE_KJI, np.uint8)
    mask[first] = 1
    map_node = slicer.util.addVolumeFromArray(probability, ijkToRAS=matrix, name="Map")
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Reference")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(map_node)
    node.GetSegmentation().AddEmptySegment("tumor", "tumor")
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "tumor", map_node)
    return map_node, node
