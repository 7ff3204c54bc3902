"""Attribute rules of PythonQt: unknown names are refused, dynamic properties are attributes.

A class of Qt or of Slicer takes no new attributes: a misspelt property raises instead of
passing silently. A Python class that a module derives from a Qt class takes them, as in Slicer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PySide6.QtCore import Property, QByteArray, QObject, SignalInstance
from shiboken6 import Shiboken

from host.qt_connect import connect, disconnect

__all__ = ["is_native", "make_strict", "native", "without_child_attributes"]

_NATIVE = "_host_native"
"""Marks a stand-in class, which counts as a C++ class though it is written in Python."""


_loading: list[bool] = []


def native(stand_in: type) -> type:
    """Mark a Python class as the stand-in of a C++ class; its state goes into `self._host`."""
    setattr(stand_in, _NATIVE, True)
    return stand_in


def is_native(qt_class: type) -> bool:
    """Whether `qt_class` is a class of Qt or a stand-in of a class of CTK or Slicer."""
    return qt_class.__module__.startswith("PySide6") or _NATIVE in qt_class.__dict__


def _is_dynamic(instance: QObject, name: str) -> bool:
    return QByteArray(name.encode()) in QObject.dynamicPropertyNames(instance)


def _find_on_class(qt_class: type, name: str) -> Any:
    for base in qt_class.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


@contextmanager
def without_child_attributes() -> Iterator[None]:
    """While a `.ui` file is loaded, drop the children PySide6 would put on its root widget."""
    _loading.append(True)
    try:
        yield
    finally:
        _loading.pop()


def _set_attribute(instance: QObject, name: str, value: Any) -> None:
    if _loading and isinstance(value, QObject):
        return
    member = _find_on_class(type(instance), name)
    if isinstance(member, Property):
        value = list(value) if isinstance(value, tuple) else value
        if not QObject.setProperty(instance, name, value):
            raise AttributeError(f"Property '{name}' does not accept {value!r}")
    elif (
        isinstance(member, property)
        or name in ("_host", "__METAOBJECT__")
        or isinstance(value, SignalInstance)  # PySide6 keeps both on the instance
        or not is_native(type(instance))
    ):
        Shiboken.Object.__setattr__(instance, name, value)
    elif _is_dynamic(instance, name):
        QObject.setProperty(instance, name, value)
    else:
        owner = QObject.metaObject(instance).className()
        raise AttributeError(f"Attribute '{name}' does not exist on {owner} and cannot be created")


_CONNECTORS = {"connect": connect, "disconnect": disconnect}


def _connector(instance: QObject, name: str, original: Any) -> Any:
    def call(*arguments: Any) -> Any:
        is_ours = isinstance(arguments[0], str) and not arguments[0].startswith("2")
        if is_ours:
            return _CONNECTORS[name](instance, *arguments)
        # PySide6 itself, as in QTimer.singleShot: its signatures begin with 2, or are objects.
        return original(instance, name)(*arguments)

    return call


def _attribute_getter(original: Any) -> Any:
    def get_attribute(instance: QObject, name: str) -> Any:
        if name in _CONNECTORS:
            return _connector(instance, name, original)
        try:
            return original(instance, name)
        except AttributeError:
            if name.startswith("__") or name == "_host":
                raise
            if _is_dynamic(instance, name):
                return QObject.property(instance, name)
            try:
                return getattr(type(instance), name)  # enum values: `process.Running`
            except AttributeError:
                owner = QObject.metaObject(instance).className()
                raise AttributeError(f"{owner} has no attribute named '{name}'") from None

    return get_attribute


def make_strict(qt_class: type[QObject]) -> None:
    """Give `qt_class` the attribute rules of PythonQt."""
    if "__setattr__" in qt_class.__dict__:
        qt_class.__setattr__ = _set_attribute
    if "__getattribute__" in qt_class.__dict__:
        qt_class.__getattribute__ = _attribute_getter(qt_class.__dict__["__getattribute__"])
