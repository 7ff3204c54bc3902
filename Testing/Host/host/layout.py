"""Stand-in of the layout manager: it knows the slice logics, and no view is ever drawn.

Pictures are made by `host.views`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import QObject, Signal
from vtkmodules.vtkCommonCore import vtkCollection

from host.stand_in import state, stored, with_setters

__all__ = ["qSlicerLayoutManager"]


@with_setters
class _SliceWidget(QObject):
    """What modules ask of a slice view."""

    def sliceLogic(self) -> Any:
        """Give the slice logic."""
        return state(self).logic

    def mrmlSliceNode(self) -> Any:
        """Give the slice node."""
        return state(self).logic.GetSliceNode()

    def fitSliceToBackground(self) -> None:
        """Show the whole background volume."""
        state(self).logic.FitSliceToBackground()


@with_setters
class qSlicerLayoutManager(QObject):
    """What modules ask of the layout manager."""

    layoutChanged = Signal(int)
    host_signals: ClassVar = {"layoutChanged(int)": "layoutChanged"}

    def __init__(self, slices: dict[str, Any]) -> None:
        """Serve the slice logics `slices`, by view name."""
        super().__init__()
        own = state(self)
        own.widgets = {}
        for name, logic in slices.items():
            own.widgets[name] = _SliceWidget(self)
            state(own.widgets[name]).logic = logic

    threeDViewCount = stored("threeDViewCount", int, 0)
    layout = stored("layout", int, 3, lambda self, number: self.layoutChanged.emit(number))

    def sliceViewNames(self) -> tuple[str, ...]:
        """Name the slice views."""
        return tuple(state(self).widgets)

    def sliceWidget(self, name: str) -> Any:
        """Give a slice view, or None."""
        return state(self).widgets.get(name)

    def mrmlSliceLogics(self) -> Any:
        """Give the slice logics as a VTK collection."""
        logics = vtkCollection()
        for widget in state(self).widgets.values():
            logics.AddItem(widget.sliceLogic())
        return logics

    def resetSliceViews(self) -> None:
        """Show the whole background volume in all slice views."""
        for widget in state(self).widgets.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        """Do nothing: the host has no 3-D view."""
