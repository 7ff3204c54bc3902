"""A click into a slice view does what it does in Slicer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

POINT = (7.0, -11.0, 5.0)


@pytest.fixture
def a_volume(a_scene: Any) -> Any:
    """A gray volume in all slice views."""
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    for axis, (spacing, origin) in enumerate([(1.0, -30.0), (1.5, -40.0), (2.0, -20.0)]):
        matrix.SetElement(axis, axis, spacing)
        matrix.SetElement(axis, 3, origin)
    array = np.random.default_rng(1).integers(0, 200, (20, 50, 60)).astype(np.int16)
    volume = slicer.util.addVolumeFromArray(array, ijkToRAS=matrix)
    volume.CreateDefaultDisplayNodes()
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    assert a_scene is slicer.mrmlScene
    return volume


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
def test_in_place_mode_a_click_places_a_point_and_ends_the_mode(a_volume: Any, view: str) -> None:
    import slicer
    from host.clicks import click_slice

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    logic = slicer.modules.markups.logic()
    logic.SetActiveList(node)
    logic.StartPlaceMode(False)

    click_slice(view, POINT)

    assert a_volume is not None
    assert node.GetNumberOfDefinedControlPoints() == 1
    assert np.allclose(node.GetNthControlPointPositionWorld(0), POINT, atol=0.5)
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() != interaction.Place


def test_outside_place_mode_a_click_places_nothing(a_volume: Any) -> None:
    import slicer
    from host.clicks import click_slice

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")

    click_slice("Red", POINT)

    assert a_volume is not None
    assert node.GetNumberOfControlPoints() == 0
