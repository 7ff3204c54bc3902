"""Load a `.ui` file as Slicer does, and refuse what Slicer would pass over in silence.

An unknown widget class, an unknown property and an unknown signal or slot are errors.
`<connections>` are made in Python, since signatures such as `setMRMLScene(vtkMRMLScene*)`
are unknown to PySide6.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from PySide6 import QtWidgets
from PySide6.QtCore import Property, QBuffer, QByteArray, QIODevice, QObject
from PySide6.QtUiTools import QUiLoader
from PySide6.QtWidgets import QWidget

from host.qt_connect import connect
from host.qt_properties import QtAttribute
from host.qt_strict import native, without_child_attributes

__all__ = ["WIDGET_CLASSES", "UiError", "UiLoader"]

WIDGET_CLASSES: dict[str, type[QWidget]] = {}
"""Stand-in widgets by class name; the files that define them enter them here."""

_DESIGNER_PROPERTIES = {"QLabel": {"buddy"}, "Line": {"orientation"}}
"""Properties that exist in `.ui` files only."""


class UiError(RuntimeError):
    """A `.ui` file asks for something that does not exist."""


def _class_named(name: str) -> type[QWidget]:
    if name in WIDGET_CLASSES:
        return WIDGET_CLASSES[name]
    qt_class = QtWidgets.QFrame if name == "Line" else getattr(QtWidgets, name, None)
    if not isinstance(qt_class, type) or not issubclass(qt_class, QWidget):
        raise UiError(f"The .ui file needs the widget class '{name}', which the host lacks")
    return qt_class


def _check_properties(element: ElementTree.Element) -> None:
    class_name = element.get("class", "")
    bases = _class_named(class_name).__mro__
    for field in element.findall("property"):
        name = field.get("name", "")
        if field.get("stdset") == "0" or name in _DESIGNER_PROPERTIES.get(class_name, ()):
            continue
        if not any(isinstance(one.__dict__.get(name), QtAttribute | Property) for one in bases):
            raise UiError(f"{class_name} '{element.get('name')}' has no property '{name}'")


def _take_enums(element: ElementTree.Element) -> dict[str, int]:
    """Remove the enum properties of a stand-in from the XML and give their values."""
    known = getattr(WIDGET_CLASSES.get(element.get("class", "")), "host_enums", {})
    values = {}
    for one in [one for one in element.findall("property") if one.get("name") in known]:
        text = "".join(one.itertext()).strip()
        values[one.get("name", "")] = known[one.get("name")](text)
        element.remove(one)
    return values


def _child(root: QWidget, name: str) -> QObject:
    found = root if root.name == name else QObject.findChild(root, QObject, name)
    if found is None:
        raise UiError(f"A connection of the .ui file names '{name}', which is not in it")
    return found


def _make_connection(root: QWidget, element: ElementTree.Element) -> None:
    sender, signal, receiver, slot = (
        element.findtext(tag, "") for tag in ("sender", "signal", "receiver", "slot")
    )
    try:
        connect(_child(root, sender), signal, _child(root, receiver), slot)
    except (AttributeError, TypeError) as error:
        raise UiError(f"{sender}.{signal} -> {receiver}.{slot}: {error}") from error


@native
class UiLoader(QUiLoader):
    """Qt's own loader, which also knows the stand-in widgets."""

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> QWidget:
        """Make one widget; called by Qt for every `<widget>`."""
        if class_name not in WIDGET_CLASSES:
            return super().createWidget(class_name, parent, name)
        widget = WIDGET_CLASSES[class_name](parent)
        widget.name = name
        return widget

    def load(self, device: QIODevice, parent: QWidget | None = None) -> QWidget:
        """Load the widgets of an open `.ui` file.

        Raises:
            UiError: If it names an unknown class, property, signal or slot.
        """
        document = ElementTree.fromstring(bytes(device.readAll().data()))
        widgets = document.findall(".//widget")
        for element in widgets:
            _check_properties(element)
        enums = {element.get("name", ""): _take_enums(element) for element in widgets}
        connections = document.findall("./connections/connection")
        for section in document.findall("./connections"):
            document.remove(section)
        root = self._load_xml(ElementTree.tostring(document), parent)
        for name, values in enums.items():
            for key, value in values.items():
                setattr(_child(root, name), key, value)
        for connection in connections:
            _make_connection(root, connection)
        return root

    def _load_xml(self, xml: bytes, parent: QWidget | None) -> QWidget:
        buffer = QBuffer()
        buffer.setData(QByteArray(xml))
        buffer.open(QIODevice.ReadOnly)
        with without_child_attributes():
            root = super().load(buffer, parent)
        if root is None:
            raise UiError(f"Qt cannot read the .ui file: {self.errorString()}")
        return root
