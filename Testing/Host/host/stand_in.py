"""What all stand-in widgets share: stored properties, their setters and enums.

A stand-in has the Q_PROPERTYs, signals and slots of the class it stands for, checked against
the headers of CTK and Slicer, as far as modules use them. It has nothing more.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from PySide6.QtCore import Property, QObject
from PySide6.QtWidgets import QHBoxLayout, QWidget

from host.qt_strict import native

__all__ = ["enum_from_text", "in_a_row", "state", "stored", "with_setters"]


def state(instance: QObject) -> SimpleNamespace:
    """Give the private state of a stand-in, made when first asked for."""
    if "_host" not in instance.__dict__:
        instance._host = SimpleNamespace()
    return instance._host


def stored(
    name: str, kind: type, default: Any, changed: Callable[[Any, Any], None] | None = None
) -> Property:
    """Make a Q_PROPERTY that holds a value.

    Args:
        name: Its name.
        kind: Its Python type.
        default: Its value in a new widget.
        changed: Called with the widget and the new value after a change.
    """

    def read(self: QObject) -> Any:
        value = getattr(state(self), name, default)
        return tuple(value) if kind is list else value  # PythonQt gives lists as tuples

    def write(self: QObject, value: Any) -> None:
        value = kind(value)
        if value != kind(read(self)):
            setattr(state(self), name, value)
            if changed:
                changed(self, value)

    return Property(kind, read, write)


def in_a_row(owner: QWidget, *widgets: QWidget) -> None:
    """Lay widgets side by side in `owner`, without a margin."""
    layout = QHBoxLayout(owner)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)


def _setter(name: str) -> Callable[[Any, Any], None]:
    def set_value(self: QObject, value: Any) -> None:
        setattr(self, name, value)

    return set_value


def with_setters(stand_in: type) -> type:
    """Mark a class as a stand-in and give it `setX(value)` for each of its properties `x`."""
    for name, member in list(stand_in.__dict__.items()):
        setter = f"set{name[:1].upper()}{name[1:]}"
        if isinstance(member, Property) and setter not in stand_in.__dict__:
            setattr(stand_in, setter, _setter(name))
    return native(stand_in)


def enum_from_text(members: type[enum.IntEnum | enum.IntFlag]) -> Callable[[str], int]:
    """Make a reader for `.ui` texts such as `ctkPathLineEdit::Files|ctkPathLineEdit::Readable`."""

    def read(text: str) -> int:
        value = 0
        for part in text.split("|"):
            value |= int(members[part.rpartition("::")[2].strip()])
        return value

    return read
