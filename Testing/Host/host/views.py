"""Pictures of the scene and of panels: test-host pictures, never screenshots of Slicer.

Slices and 3-D views are drawn by Slicer's own displayable managers in a VTK window without a screen
(EGL). Around them is nothing of Slicer's layout. Pictures are arrays (rows, columns, 3) of uint8,
the first row on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

__all__ = ["draw_3d", "draw_slice", "grab_widget", "save_png", "slice_pixel"]

_SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
)
_VIEW_MANAGERS = (
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
)


_views: dict[str, _View] = {}
"""Views drawn so far. Like Slicer's they live as long as the process."""


@dataclass(frozen=True)
class _View:
    window: Any
    renderers: tuple[Any, ...]
    group: Any


def _make_view(factory: Any, names: tuple[str, ...], layers: int, node: Any) -> _View:
    window = _make_window()
    window.SetNumberOfLayers(layers)
    renderers = tuple(vtk.vtkRenderer() for _ in range(layers))
    for layer, renderer in enumerate(renderers):
        renderer.SetLayer(layer)
        window.AddRenderer(renderer)
    for name in names:
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.Initialize(factory, renderers[-1])
    group.SetMRMLDisplayableNode(node)
    for one in (group, window):
        one.Register(None)  # Python's order of destruction at the end crashes VTK
    return _View(window, renderers, group)


def _make_window() -> Any:
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetAlphaBitPlanes(1)
    interactor = vtk.vtkGenericRenderWindowInteractor()  # markups look for one
    interactor.SetRenderWindow(window)
    window.SetInteractor(interactor)
    interactor.Register(None)
    return window


def _read_window(window: Any) -> NDArray[np.uint8]:
    window.Render()
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.SetInputBufferTypeToRGB()
    grabber.ReadFrontBufferOff()
    grabber.Update()
    image = grabber.GetOutput()
    columns, rows, _ = image.GetDimensions()
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    return values.reshape(rows, columns, 3)[::-1].copy()


def _show_background(logic: Any, renderer: Any) -> None:
    renderer.RemoveAllViewProps()
    layers = (logic.GetBackgroundLayer(), logic.GetForegroundLayer(), logic.GetLabelLayer())
    if not any(layer.GetVolumeNode() for layer in layers):
        return
    mapper = vtk.vtkImageMapper()
    mapper.SetColorWindow(255)
    mapper.SetColorLevel(127.5)
    mapper.SetInputConnection(logic.GetImageDataConnection())
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetDisplayLocationToBackground()
    renderer.AddViewProp(actor)


def draw_slice(
    name: str,
    *,
    size: tuple[int, int] = (300, 300),
    through: tuple[float, float, float] | None = None,
) -> NDArray[np.uint8]:
    """Draw a slice view with its volumes, segments and markups.

    Args:
        name: "Red" (axial), "Green" (coronal) or "Yellow" (sagittal).
        size: Columns and rows.
        through: A point (RAS mm) that the slice goes through; None shows the middle.

    Returns:
        The picture, (rows, columns, 3).
    """
    logic = slicer.app.applicationLogic().GetSliceLogicByLayoutName(name)
    logic.ResizeSliceNode(*size)
    logic.FitSliceToBackground()
    if through is not None:
        logic.GetSliceNode().JumpSliceByOffsetting(*through)
    logic.UpdatePipeline()
    if name not in _views:
        _views[name] = _make_slice_view(logic)
    view = _views[name]
    _show_background(logic, view.renderers[0])
    view.window.SetSize(*size)
    return _read_window(view.window)


def _make_slice_view(logic: Any) -> _View:
    factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
    view = _make_view(factory, _SLICE_MANAGERS, 2, logic.GetSliceNode())
    for renderer in view.renderers:
        renderer.GetActiveCamera().ParallelProjectionOn()
    return view


def slice_pixel(name: str, ras_mm: tuple[float, float, float]) -> tuple[int, int]:
    """Give the row and column at which the last `draw_slice` of this view shows a point."""
    node = slicer.app.applicationLogic().GetSliceLogicByLayoutName(name).GetSliceNode()
    to_xy = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), to_xy)
    x, y, _, _ = to_xy.MultiplyPoint((*ras_mm, 1.0))
    return node.GetDimensions()[1] - 1 - round(y), round(x)


def _view_node(scene: Any) -> Any:
    node = scene.GetSingletonNode("TestHost", "vtkMRMLViewNode")
    if node is None:
        node = slicer.vtkMRMLViewNode()
        node.SetSingletonTag("TestHost")
        node.SetLayoutName("TestHost")
        node = scene.AddNode(node)
    return node


def draw_3d(*, size: tuple[int, int] = (300, 300)) -> NDArray[np.uint8]:
    """Draw the surfaces and markups of the scene, seen from the front.

    Args:
        size: Columns and rows.

    Returns:
        The picture, (rows, columns, 3).
    """
    node = _view_node(slicer.mrmlScene)
    if "3D" not in _views:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        _views["3D"] = _make_view(factory, _VIEW_MANAGERS, 1, node)
    view = _views["3D"]
    if view.group.GetMRMLDisplayableNode() is not node:
        view.group.SetMRMLDisplayableNode(node)
    view.window.SetSize(*size)
    view.window.Render()
    camera = view.renderers[0].GetActiveCamera()
    camera.SetPosition(0, 1, 0)
    camera.SetFocalPoint(0, 0, 0)
    camera.SetViewUp(0, 0, 1)
    view.renderers[0].ResetCamera()
    return _read_window(view.window)


def grab_widget(widget: Any, path: Path) -> None:
    """Write the picture of a widget, such as a module's panel, to a PNG file."""
    widget.show()
    slicer.app.processEvents()
    if not widget.grab().save(str(path), "PNG"):
        raise OSError(f"The picture of the widget cannot be written to {path.name}")


def save_png(picture: NDArray[np.uint8], path: Path) -> None:
    """Write a picture to a PNG file."""
    rows, columns, _ = picture.shape
    image = vtk.vtkImageData()
    image.SetDimensions(columns, rows, 1)
    flat = np.ascontiguousarray(picture[::-1]).reshape(-1, 3)
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True))
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    writer.Write()
