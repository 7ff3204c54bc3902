"""Bind a parameter to a widget: which widget can show which type is fixed, as in Slicer."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, get_args

import ctk
import qt
import slicer

from .annotations import (
    Choice,
    Decimals,
    Maximum,
    Minimum,
    SingleStep,
    WithinRange,
    bare_type,
    first_of,
    split_annotations,
)

__all__ = ["Connector", "make_connector"]

_FLOAT_WIDGETS = (
    qt.QDoubleSpinBox,
    ctk.ctkSliderWidget,
    slicer.qMRMLSliderWidget,
    ctk.ctkDoubleSlider,
    ctk.ctkDoubleSpinBox,
    slicer.qMRMLSpinBox,
)


class Connector:
    """One widget's value: how it is read, written and heard."""

    def __init__(
        self,
        read: Callable[[], Any],
        write: Callable[[Any], None],
        signal: Any = None,
    ) -> None:
        """Hold the two functions and the signal that tells of a change (None: there is none)."""
        self.read, self.write, self._signal = read, write, signal
        self._callback: Callable[[], None] | None = None

    def _changed(self, *_arguments: Any) -> None:
        if self._callback:
            self._callback()

    def listen(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` after each change; None ends it."""
        if self._signal is not None:
            if callback is None:
                self._signal.disconnect(self._changed)
            else:
                self._signal.connect(self._changed)
        self._callback = callback


def _limits(kind: Any) -> tuple[float | None, float | None]:
    annotations = split_annotations(kind)[1]
    if both := first_of(annotations, WithinRange):
        return both.minimum, both.maximum
    low, high = first_of(annotations, Minimum), first_of(annotations, Maximum)
    return (low.minimum if low else None), (high.maximum if high else None)


def _set_steps(widget: Any, kind: Any) -> None:
    annotations = split_annotations(kind)[1]
    decimals, step = first_of(annotations, Decimals), first_of(annotations, SingleStep)
    if decimals is not None and not isinstance(widget, ctk.ctkDoubleSlider):
        widget.decimals = decimals.value
    if step is not None:
        widget.singleStep = step.value


def _attribute(widget: Any, name: str, signal: Any, convert: Any = None) -> Connector:
    convert = convert or (lambda value: value)
    return Connector(
        lambda: convert(getattr(widget, name)),
        lambda value: setattr(widget, name, value),
        signal,
    )


def _bool(widget: Any, kind: Any) -> Connector | None:
    if bare_type(kind) is not bool:
        return None
    if type(widget) in (qt.QCheckBox, ctk.ctkCheckBox):
        return _attribute(widget, "checked", widget.stateChanged)
    if type(widget) is qt.QPushButton:
        widget.checkable = True
        return _attribute(widget, "checked", widget.toggled)
    return None


def _integer(widget: Any, kind: Any) -> Connector | None:
    if bare_type(kind) is not int or type(widget) not in (qt.QSlider, qt.QSpinBox):
        return None
    low, high = _limits(kind)
    if isinstance(widget, qt.QSlider) and None in (low, high):
        raise RuntimeError("A QSlider needs an int parameter with both limits")
    _set_steps(widget, kind)
    widget.setMinimum(-(2**31) if low is None else low)
    widget.setMaximum(2**31 - 1 if high is None else high)
    return _attribute(widget, "value", widget.valueChanged)


def _number(widget: Any, kind: Any) -> Connector | None:
    bare = bare_type(kind)
    if bare not in (float, int) or type(widget) not in _FLOAT_WIDGETS:
        return None
    low, high = _limits(kind)
    is_slider = type(widget) in (ctk.ctkSliderWidget, slicer.qMRMLSliderWidget)
    if is_slider and None in (low, high):
        raise RuntimeError("A ctkSliderWidget needs a number parameter with both limits")
    _set_steps(widget, kind)
    if bare is int and not isinstance(widget, ctk.ctkDoubleSlider):
        widget.decimals = 0
    widget.minimum = -math.inf if low is None else low
    widget.maximum = math.inf if high is None else high
    return _attribute(widget, "value", widget.valueChanged, bare)


def _choices(widget: Any, kind: Any) -> Connector | None:
    bare = bare_type(kind)
    if type(widget) not in (qt.QComboBox, ctk.ctkComboBox):
        return None
    if isinstance(bare, type) and issubclass(bare, enum.Enum):
        values = list(bare)
        labels = [getattr(bare, "label", lambda one: one.name)(one) for one in values]
    elif bare in (int, float, str, bool):
        choice = first_of(split_annotations(kind)[1], Choice)
        if choice is None:
            raise RuntimeError("A combo box needs a parameter with the annotation Choice")
        values = list(choice.choices)
        labels = [str(one) for one in values]
    else:
        return None
    widget.clear()
    widget.addItems(labels)
    return Connector(
        lambda: values[widget.currentIndex],
        lambda value: setattr(widget, "currentIndex", values.index(value)),
        widget.currentIndexChanged,
    )


def _text(widget: Any, kind: Any) -> Connector | None:
    if bare_type(kind) is not str:
        return None
    if type(widget) is qt.QLineEdit:
        return _attribute(widget, "text", widget.textChanged)
    if type(widget) is qt.QLabel:
        return _attribute(widget, "text", None)
    if type(widget) is qt.QTextEdit:
        return Connector(widget.toPlainText, widget.setPlainText, widget.textChanged)
    return None


def _path(widget: Any, kind: Any) -> Connector | None:
    bare = bare_type(kind)
    if not isinstance(bare, type) or not issubclass(bare, PurePath):
        return None
    names = {
        ctk.ctkPathLineEdit: ("currentPath", "currentPathChanged"),
        ctk.ctkDirectoryButton: ("directory", "directoryChanged"),
    }
    if type(widget) not in names:
        return None
    name, signal = names[type(widget)]
    return Connector(
        lambda: bare(getattr(widget, name)),
        lambda value: setattr(widget, name, str(value)),
        getattr(widget, signal),
    )


def _node(widget: Any, kind: Any) -> Connector | None:
    if type(widget) is not slicer.qMRMLNodeComboBox:
        return None
    bare = bare_type(kind)
    classes = [one for one in (get_args(bare) or (bare,)) if one is not type(None)]
    if not all(isinstance(one, type) and issubclass(one, slicer.vtkMRMLNode) for one in classes):
        return None
    widget.nodeTypes = [one.__name__ for one in classes]
    return Connector(widget.currentNode, widget.setCurrentNode, widget.currentNodeChanged)


_MAKERS = (_bool, _integer, _number, _choices, _text, _path, _node)


def make_connector(widget: Any, kind: Any) -> Connector:
    """Bind a parameter of type `kind` to `widget`.

    Raises:
        RuntimeError: If this widget cannot show this type.
    """
    for maker in _MAKERS:
        if connector := maker(widget, kind):
            return connector
    raise RuntimeError(f"Unable to create GUI connector from {kind} to {type(widget).__name__}")
