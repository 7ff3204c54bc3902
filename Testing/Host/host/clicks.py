"""Mouse clicks into slice views, through Slicer's own interactor style and displayable managers."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from host import views

__all__ = ["click_slice"]


_styles: dict[str, Any] = {}
"""How views that were clicked take clicks. Like the views they live as long as the process."""


def click_slice(name: str, ras_mm: tuple[float, float, float]) -> None:
    """Click with the left button where a slice view shows a point.

    Args:
        name: "Red", "Green" or "Yellow"; the view is drawn through the point first.
        ras_mm: The point, RAS mm.
    """
    picture = views.draw_slice(name, through=ras_mm)
    row, column = views.slice_pixel(name, ras_mm)
    rows, columns, _ = picture.shape
    assert 0 <= row < rows, "the view does not show the point"
    assert 0 <= column < columns, "the view does not show the point"
    interactor = _styled_interactor(name)
    y = rows - 1 - row
    for event in ("EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"):
        interactor.SetEventInformation(column, y, 0, 0, chr(0), 0, None)
        interactor.InvokeEvent(event)
    slicer.app.processEvents()


def _styled_interactor(name: str) -> Any:
    """The interactor of a drawn view, which behaves as in Slicer from the first click on."""
    view = views._views[name]
    interactor = view.window.GetInteractor()
    if name not in _styles:
        style = _styles[name] = slicer.vtkMRMLSliceViewInteractorStyle()
        interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())  # VTK's own turns the view
        style.SetInteractor(interactor)
        style.SetSliceLogic(slicer.app.applicationLogic().GetSliceLogicByLayoutName(name))
        style.SetDisplayableManagers(view.group)
        style.Register(None)  # as the view's other parts
    return interactor
