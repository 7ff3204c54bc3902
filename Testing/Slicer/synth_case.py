"""A made-up scan with its organs as nodes, oblique and anisotropic, and a user who clicks in it."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import numpy as np

from Backend.synthesis.made_case import CENTERS_RAS, make_case, turn_by

__all__ = [
    "CENTERS_RAS",
    "add_organs",
    "add_scan",
    "backgrounds",
    "cells",
    "click",
    "digest",
    "make_body",
    "make_nodes",
    "place",
    "settings",
    "synthetic",
    "voxels",
]

SPACING_MM = (3.0, 3.0, 4.0)


def make_body() -> Any:
    """The case, as the backend sees it."""
    return make_case(SPACING_MM, turn_by(15.0))


def add_scan(body: Any, name: str = "Scan") -> Any:
    """Its scan as a volume."""
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(body.scan.grid.affine.ravel().tolist())
    array = np.ascontiguousarray(body.scan.array.T)
    node = slicer.util.addVolumeFromArray(array, ijkToRAS=matrix, name=name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(0)
    node.GetDisplayNode().SetWindowLevel(400, 40)
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    return node


def add_organs(body: Any, volume: Any, names: dict[str, int]) -> Any:
    """Segments of these names and labels, one above the other."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Organs")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for name, label in names.items():
        segment = node.GetSegmentation().AddEmptySegment("", name)
        mask = np.ascontiguousarray((body.labels.array == label).T).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment, volume)
    return node


def digest(volume: Any) -> str:
    """Hash of a volume's voxels."""
    import slicer

    array = slicer.util.arrayFromVolume(volume)
    return hashlib.sha256(array.tobytes() + f"{array.shape}{array.dtype}".encode()).hexdigest()


def make_nodes() -> SimpleNamespace:
    """Body, volume and segmentation with the organs named as TotalSegmentator names them."""
    body = make_body()
    volume = add_scan(body)
    names = {"liver": 5, "pancreas": 6, "kidney_left": 3, "kidney_right": 4, "colon": 14}
    names |= {"Esophagus": 16, "uterus": 26, "spine": 99}
    return SimpleNamespace(body=body, volume=volume, organs=add_organs(body, volume, names))


def settings(**more: Any) -> Any:
    """Those of a small dark tumor."""
    from AtlasTumorSynthLib.Parameters import Settings

    return Settings(**{"diameter": 16.0, "autoContrast": False, "contrast": -70.0, **more})


def place(logic: Any, body: Any, ras: Any = CENTERS_RAS["liver"], **more: Any) -> Any:
    """Grow a tumor as a preview, and wait for it."""
    return logic.place(body.volume, body.organs, settings(**more), ras, wait=True)


def voxels(node: Any) -> np.ndarray:
    """A copy of them, (K, J, I)."""
    import slicer

    return slicer.util.arrayFromVolume(node).copy()


def click(panel: Any, ras: tuple[float, float, float], view: str = "Red") -> None:
    """Press Place and click into a slice view."""
    from host.clicks import click_slice

    panel.ui.placeButton.click()
    assert panel.ui.placeButton.checked
    click_slice(view, ras)
    assert not panel.ui.placeButton.checked


def synthetic() -> Any:
    """The synthetic volume."""
    import slicer

    return slicer.util.getNode("Scan synthetic")


def cells(panel: Any) -> list[list[str]]:
    """The texts of the history."""
    table = panel.ui.historyTable
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def backgrounds() -> set[str]:
    """Names of the volumes that slice views show."""
    import slicer

    nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return {slicer.mrmlScene.GetNodeByID(one.GetBackgroundVolumeID()).GetName() for one in nodes}
