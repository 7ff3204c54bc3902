"""Build the module `qt` out of PySide6, with the manners of PythonQt.

`install()` changes the PySide6 classes of this process once and for all and puts the module
`qt` into `sys.modules`. Names that PythonQt does not offer (`Signal`, `Slot`) are left out.
"""

from __future__ import annotations

import ctypes
import os
import sys
from types import ModuleType
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6 import QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets
from PySide6.QtCore import QFile, QObject

from host.qt_dialogs import take_over_dialogs
from host.qt_properties import make_properties, qt_classes
from host.qt_strict import make_strict, native

__all__ = ["install", "slot_errors"]

_MODULES = [QtCore, QtGui, QtWidgets, QtNetwork, QtUiTools]
_NOT_IN_PYTHONQT = {"Signal", "SignalInstance", "Slot", "Property", "QEnum", "QFlag", "ClassInfo"}

slot_errors: list[BaseException] = []
"""Errors of slots and observers. Qt and VTK print them and go on; the host's tests fail."""


def _make_none_last() -> None:
    """Give None, True and False so many references that they are never freed.

    PySide6 6.12 returns them without counting a reference, which only Python 3.12 and later allow:
    on 3.11 the process aborts after some thousand calls (`label.setText` alone shows it). To be
    removed with Python 3.11.
    """
    if sys.version_info < (3, 12):
        for one in (None, True, False):
            ctypes.c_ssize_t.from_address(id(one)).value += 1 << 40


def _note_error(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    slot_errors.append(error)
    sys.__excepthook__(kind, error, trace)


@native
class _StrictFile(QFile):
    """A QFile that takes text only: PythonQt cannot make a file of a `pathlib.Path`."""

    def __init__(self, *arguments: Any) -> None:
        if arguments and isinstance(arguments[0], os.PathLike):
            raise TypeError(f"QFile takes a str, not a {type(arguments[0]).__name__}")
        super().__init__(*arguments)


def _name_of(instance: QObject) -> str:
    return QtCore.QObject.property(instance, "objectName")


def _set_name(instance: QObject, name: str) -> None:
    QtCore.QObject.setProperty(instance, "objectName", name)


def _add_pythonqt_helpers() -> None:
    QObject.className = lambda self: QObject.metaObject(self).className()
    QObject.name = property(_name_of, _set_name)
    find_children = QObject.findChildren

    def find_as_tuple(self: QObject, kind: type = QObject, name: str | None = None) -> Any:
        return tuple(find_children(self, kind) if name is None else find_children(self, kind, name))

    QObject.findChildren = find_as_tuple


def _collect_names() -> ModuleType:
    qt = ModuleType("qt", "PySide6 with the manners of PythonQt (test host)")
    for module in _MODULES:
        for name in dir(module):
            if not name.startswith("_") and name not in _NOT_IN_PYTHONQT:
                setattr(qt, name, getattr(module, name))
    qt.QFile = _StrictFile
    return qt


def install() -> ModuleType:
    """Make PySide6 behave as PythonQt and give the module `qt`; a second call changes nothing."""
    if "qt" in sys.modules:
        return sys.modules["qt"]
    _make_none_last()
    for qt_class in list(qt_classes(_MODULES)):
        make_properties(qt_class)
        make_strict(qt_class)
    _add_pythonqt_helpers()
    take_over_dialogs()
    sys.excepthook = _note_error
    sys.modules["qt"] = _collect_names()
    return sys.modules["qt"]
