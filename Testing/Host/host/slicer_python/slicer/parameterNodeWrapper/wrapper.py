"""The decorator `parameterNodeWrapper`."""

from __future__ import annotations

import typing
import weakref
from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk

from .annotations import Default, first_of
from .connectors import Connector, make_connector
from .serializers import make_serializer

__all__ = [
    "SlicerParameterNamePropertyName",
    "findChildWidgetForParameter",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]

SlicerParameterNamePropertyName = "SlicerParameterName"


class _Parameter(property):
    """One parameter: its type, default and serializer."""

    def __init__(self, name: str, kind: Any, default: Default | None) -> None:
        self.name, self.kind = name, kind
        self.serializer, annotations = make_serializer(kind)
        self.default = (
            default or first_of(annotations, Default) or Default(generator=self.serializer.default)
        )
        super().__init__(self._get, self._put)

    def start(self, node: Any) -> None:
        if not self.serializer.is_in(node, self.name):
            self.serializer.write(node, self.name, self.default.value)

    def read(self, node: Any) -> Any:
        self.start(node)
        return self.serializer.read(node, self.name)

    def _get(self, wrapper: Any) -> Any:
        return wrapper._values[self.name]

    def _put(self, wrapper: Any, value: Any) -> None:
        node = wrapper.parameterNode
        with slicer.util.NodeModify(node):  # observers already find the new value
            self.serializer.write(node, self.name, value)
            wrapper._values[self.name] = self.read(node)


def _observe_weakly(wrapper: _Wrapper) -> None:
    """Let `wrapper` read its node after each change, for as long as somebody holds it."""
    reference, node = weakref.ref(wrapper), wrapper.parameterNode

    def on_modified(_caller: Any, _event: str) -> None:
        if (holder := reference()) is not None:
            holder._read_all()

    tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, on_modified)
    weakref.finalize(wrapper, node.RemoveObserver, tag)


class _Wrapper:
    """What the decorator adds to a class of parameters."""

    allParameters: typing.ClassVar[dict[str, _Parameter]]

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        if prefix is not None:
            raise NotImplementedError("The test host knows no prefixes of parameters")
        self.parameterNode = parameterNode
        self._guis: dict[int, dict[str, Connector]] = {}
        self._observers: dict[int, int] = {}
        self._updating = False
        self._values: dict[str, Any] = {}
        self._read_all()
        _observe_weakly(self)

    def _read_all(self) -> None:
        # As in Slicer a value is read anew only when the node says that it was modified.
        for name, parameter in self.allParameters.items():
            self._values[name] = parameter.read(self.parameterNode)

    def __setattr__(self, name: str, value: Any) -> None:
        # Slicer would make a new attribute in silence: the usual way to lose a parameter.
        if not name.startswith("_") and name != "parameterNode" and not hasattr(type(self), name):
            raise AttributeError(f"There is no parameter '{name}'")
        super().__setattr__(name, value)

    def _parameter(self, name: str) -> _Parameter:
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
        return self.allParameters[name]

    def default(self, name: str) -> Default:
        return self._parameter(name).default

    def isCached(self, name: str) -> bool:
        return self._parameter(name) is not None

    @classmethod
    def dataType(cls, name: str) -> Any:
        if name not in cls.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
        return cls.allParameters[name].kind

    def getValue(self, name: str) -> Any:
        self._parameter(name)
        return getattr(self, name)

    def setValue(self, name: str, value: Any) -> None:
        self._parameter(name)
        setattr(self, name, value)

    def StartModify(self) -> Any:
        return self.parameterNode.StartModify()

    def EndModify(self, before: Any) -> Any:
        return self.parameterNode.EndModify(before)

    def Modified(self) -> None:
        self.parameterNode.Modified()

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def connectGui(self, gui: Any) -> int:
        """Bind every widget of `gui` that has the dynamic property `SlicerParameterName`."""
        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(qt.QWidget) if is_widget else list(vars(gui).values())
        named = {one.property(SlicerParameterNamePropertyName): one for one in widgets}
        return self.connectParametersToGui({name: one for name, one in named.items() if name})

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        """Bind parameters to widgets, given by name; return a tag for `disconnectGui`."""
        for name in mapping:
            self._parameter(name)
        connectors = {
            name: make_connector(widget, self.dataType(name)) for name, widget in mapping.items()
        }
        tag = max(self._guis, default=-1) + 1
        self._guis[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.listen(self._to_parameter(name, connector))
        event = vtk.vtkCommand.ModifiedEvent
        self._observers[tag] = self.AddObserver(event, lambda *_: self._show())
        return tag

    def disconnectGui(self, tag: int | None) -> None:
        """Undo one binding; an unknown tag changes nothing, as in Slicer."""
        for connector in self._guis.pop(tag, {}).values():
            connector.listen(None)
        if tag in self._observers:
            self.RemoveObserver(self._observers.pop(tag))

    def _to_parameter(self, name: str, connector: Connector) -> Callable[[], None]:
        def take() -> None:
            if not self._updating:
                with slicer.util.NodeModify(self):
                    self.setValue(name, connector.read())

        return take

    def _show(self) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            with slicer.util.NodeModify(self):
                for connectors in self._guis.values():
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self._updating = False


_RESERVED = {name for name in vars(_Wrapper) if not name.startswith("__")}


def _process(described: type) -> type:
    parameters = {}
    for name, kind in typing.get_type_hints(described, include_extras=True).items():
        if name in _RESERVED:
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        has_value = hasattr(described, name)
        default = Default(getattr(described, name)) if has_value else None
        parameters[name] = _Parameter(name, kind, default)
    members = {
        key: value
        for key, value in vars(described).items()
        if key not in ("__dict__", "__weakref__")
    }
    members |= {**parameters, "allParameters": parameters, "_is_parameter_node_wrapper": True}
    return type(described.__name__, (_Wrapper, *described.__bases__), members)


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Make a class of typed parameters out of a class of annotated names."""
    return _process if classtype is None else _process(classtype)


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    """Whether this is a wrapper or the class of one."""
    return bool(getattr(classOrObj, "_is_parameter_node_wrapper", False))


def findChildWidgetForParameter(widget: Any, parameter: str) -> Any:
    """Give the widget inside `widget` that is bound to `parameter`, or None."""
    children = widget.findChildren(qt.QWidget)
    name = SlicerParameterNamePropertyName
    return next((one for one in children if one.property(name) == parameter), None)
