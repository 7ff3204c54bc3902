"""Turn every Q_PROPERTY of the PySide6 classes into a Python attribute, as PythonQt does.

The setters (`label.setText`) stay. A getter that shares the property's name (`label.text()`)
disappears, as it does in Slicer, where `label.text` is the text itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from PySide6.QtCore import QObject

__all__ = ["QtAttribute", "make_properties", "own_property_names", "qt_classes"]


def qt_classes(modules: list[ModuleType]) -> Iterator[type[QObject]]:
    """Give every QObject class of PySide6 `modules`, base classes first."""
    classes = {
        value
        for module in modules
        for name in dir(module)  # PySide6 makes its classes when they are asked for
        if isinstance(value := getattr(module, name), type) and issubclass(value, QObject)
    }
    return iter(sorted(classes, key=lambda one: (len(one.__mro__), one.__name__)))


def own_property_names(qt_class: type[QObject]) -> list[str]:
    """Name the properties that `qt_class` itself adds to those of its base classes."""
    meta = qt_class.staticMetaObject
    return [meta.property(i).name() for i in range(meta.propertyOffset(), meta.propertyCount())]


class QtAttribute(property):
    """A Q_PROPERTY as a Python attribute; static functions of the same name stay on the class."""

    def __init__(self, name: str, getter: Callable[[Any], Any] | None, static: Any) -> None:
        """Wrap property `name`; `getter` is the C++ getter that had its name, if there was one."""
        self._name = name
        self._static = static
        super().__init__(getter or self._read, self._write)

    def _read(self, instance: QObject) -> Any:
        return QObject.property(instance, self._name)

    def _write(self, instance: QObject, value: Any) -> None:
        if not QObject.setProperty(instance, self._name, value):
            owner = instance.metaObject().className()
            raise AttributeError(f"Property '{self._name}' of {owner} does not accept {value!r}")

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Give the value, or on the class the static function (`QTimer.singleShot` is both)."""
        if instance is None:
            return self._static or self
        value = super().__get__(instance, owner)
        return tuple(value) if isinstance(value, list) else value


def make_properties(qt_class: type[QObject]) -> int:
    """Make the own properties of `qt_class` attributes; return how many there are."""
    names = own_property_names(qt_class)
    for name in names:
        member = qt_class.__dict__.get(name)
        if isinstance(member, staticmethod):
            attribute = QtAttribute(name, None, member.__func__)
        else:
            attribute = QtAttribute(name, member, None)
        setattr(qt_class, name, attribute)
    return len(names)
