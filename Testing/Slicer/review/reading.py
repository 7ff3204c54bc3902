"""What the tests of the review's panel share: pressing keys, reading rows, drawing, pointing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from atlastumor.detection.operating_point import OperatingPoint
from atlastumor.review import read_log
from Backend.review.cohort import GRID, ONE, PAIR

THRESHOLDS = {ONE.key: 0.25, PAIR.key: 0.4}


def a_point(organ: str, **changes: object) -> OperatingPoint:
    values = {
        "model_id": "a-model",
        "weights_sha256": "ab" * 32,
        "organ": organ,
        "threshold": THRESHOLDS[organ],
        "data_set": "a cohort",
        "hit_rule": "union-iou",
        "hit_threshold": 0.1,
        "hit_guard": True,
        "hit_text": "a rule",
        "false_positives": "lenient",
        "min_volume_mm3": 30.0,
        "floor": 0.01,
        "target": "90 %",
        "sensitivity": 0.9,
        "fp_per_scan": 1.0,
        "n_lesions": 10,
        "n_scans": 10,
    }
    return OperatingPoint(**(values | changes))  # type: ignore[arg-type]


class FakeLogic:
    """What the review asks of the module's logic."""

    def __init__(self) -> None:
        from AtlasTumorSlicer.Signal import Signal

        self.cohortChanged = Signal()
        self.cohort: Any = None
        self.thresholds: dict[str, float] = {}
        self.workerCommand = ["-m", "atlastumor"]
        self.nClosed = 0

    def getParameterNode(self) -> Any:
        return SimpleNamespace(predictions="", scans="")

    def closeCase(self) -> None:
        self.nClosed += 1


def press(panel: Any, key: str) -> None:
    """Press a key of the main window, as Qt tells the shortcut."""
    for keys in (panel._keys, panel._returnKey):
        for shortcut in keys._shortcuts:
            if shortcut.key.toString() == key:
                shortcut.activated.emit()
                return
    raise AssertionError(f"the key {key} does nothing")


def rows(panel: Any) -> list[list[str]]:
    table = panel.ui.candidateTable
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def logged(folders: Any) -> list[tuple[str, str]]:
    return [(entry.kind, entry.candidate) for entry in read_log(folders.review).entries]


def world_of(node: Any, ijk: Any) -> Any:
    """RAS mm of a voxel of a volume node."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix.MultiplyPoint([*map(float, ijk), 1.0])[:3]


def draw(scene: Any, segment_id: str, where: Any) -> None:
    """Draw over a segment, as the Segment Editor would; `where` is on the grid of the maps."""
    import slicer

    mask = np.zeros(GRID.shape, np.uint8)
    mask[where] = 1
    flipped = np.ascontiguousarray(mask[:, :, ::-1].T)  # GRID is left-handed, nodes are not
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        flipped, scene.node, segment_id, scene.volumeNode
    )


def point_at(ras: Any) -> None:
    import slicer

    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    node.SetCrosshairRAS(*[float(x) for x in ras])
    node.SetCursorPositionInvalid()
