"""Slicer's displayable managers draw the right thing at the right place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

SHAPE_KJI = (20, 40, 60)
SPACING_MM = (1.0, 1.5, 3.0)
BOX = (slice(8, 12), slice(5, 15), slice(10, 20))
CENTER_RAS = (-15.5, -15.75, -1.5)
"""Center of the box, by hand: origin (-30, -30, -30) + mean index (14.5, 9.5, 9.5) * spacing."""


@pytest.fixture
def a_picture_scene(a_scene: Any) -> Any:
    """A gray ramp that grows towards the patient's right, with a red box in it."""
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    for axis, spacing in enumerate(SPACING_MM):
        matrix.SetElement(axis, axis, spacing)
        matrix.SetElement(axis, 3, -30)
    ramp = np.broadcast_to(np.arange(60, dtype=np.int16) * 4, SHAPE_KJI)
    volume = slicer.util.addVolumeFromArray(ramp, ijkToRAS=matrix, name="Ramp")
    volume.CreateDefaultDisplayNodes()
    slicer.util.setSliceViewerLayers(background=volume)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.GetSegmentation().AddEmptySegment("box", "Box", (1.0, 0.0, 0.0))
    mask = np.zeros(SHAPE_KJI, np.uint8)
    mask[BOX] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "box", volume)
    assert a_scene is slicer.mrmlScene
    return node


def _is_red(picture: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    return (red > green + 60) & (red > blue + 60)


@pytest.mark.parametrize("name", ["Red", "Green", "Yellow"])
def test_a_segment_is_drawn_where_it_is(a_picture_scene: Any, name: str) -> None:
    from host import views

    assert a_picture_scene is not None
    picture = views.draw_slice(name, through=CENTER_RAS)

    rows, columns = np.nonzero(_is_red(picture))
    center = views.slice_pixel(name, CENTER_RAS)
    assert (rows.mean(), columns.mean()) == pytest.approx(center, abs=3)
    row, column = center
    assert _is_red(picture)[row - 3 : row + 4, column - 3 : column + 4].all()


def test_the_patients_right_is_on_the_left_of_an_axial_picture(a_picture_scene: Any) -> None:
    from host import views

    picture = views.draw_slice("Red", through=(0, 0, 20)).astype(int)

    assert a_picture_scene is not None
    assert picture[150, 20].mean() > picture[150, 280].mean() + 100
    np.testing.assert_array_equal(picture[..., 0], picture[..., 2])  # gray: the box is elsewhere


def test_a_hidden_segment_is_not_drawn(a_picture_scene: Any) -> None:
    from host import views

    a_picture_scene.GetDisplayNode().SetSegmentVisibility("box", False)

    assert not _is_red(views.draw_slice("Red", through=CENTER_RAS)).any()


def test_an_empty_scene_is_drawn_black(a_scene: Any) -> None:
    from host import views

    assert a_scene is not None
    assert views.draw_slice("Red").max() == 0


def test_a_surface_is_drawn_in_its_color_and_only_when_there_is_one(a_picture_scene: Any) -> None:
    from host import views

    assert not _is_red(views.draw_3d()).any()

    a_picture_scene.CreateClosedSurfaceRepresentation()

    rows, columns = np.nonzero(_is_red(views.draw_3d()))
    assert len(rows) > 100
    assert columns.mean() > 150  # seen from the front, the patient's left is on the right


def test_pictures_become_png_files(a_picture_scene: Any, tmp_path: Path) -> None:
    import qt
    from host import views

    assert a_picture_scene is not None
    picture = views.draw_slice("Red", size=(120, 80), through=CENTER_RAS)
    views.save_png(picture, tmp_path / "slice.png")
    image = qt.QImage(str(tmp_path / "slice.png"))

    assert (image.width(), image.height()) == (120, 80)
    row, column = views.slice_pixel("Red", CENTER_RAS)
    color = image.pixelColor(column, row)
    assert [color.red(), color.green(), color.blue()] == picture[row, column].tolist()


def test_a_panel_becomes_a_png_file(a_slicer: Any, tmp_path: Path) -> None:
    import qt
    from host import views

    assert a_slicer is not None
    label = qt.QLabel("Test host")
    label.resize(90, 40)
    views.grab_widget(label, tmp_path / "panel.png")

    assert qt.QImage(str(tmp_path / "panel.png")).width() == 90
