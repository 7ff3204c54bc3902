"""Write typed values into a `vtkMRMLScriptedModuleNode` and read them back, in Slicer's form."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any

import slicer

from .annotations import IsInstance, NotNone, Validator, split_annotations
from .collections import ObservedDict, ObservedList

__all__ = ["Serializer", "make_serializer"]

_PATHS = (Path, PosixPath, WindowsPath, PurePath, PurePosixPath, PureWindowsPath)


class Serializer:
    """A value stored as one text."""

    def __init__(
        self,
        to_text: Callable[[Any], str],
        from_text: Callable[[str], Any],
        default: Any,
        validators: Iterable[Validator] = (),
    ) -> None:
        """Store `to_text(value)` and read `from_text(text)`."""
        self._to_text, self._from_text, self._default = to_text, from_text, default
        self.validators = list(validators)

    def default(self) -> Any:
        """Give the default of the type."""
        return self._default

    def validate(self, value: Any) -> None:
        """Raise if a rule is broken."""
        for validator in self.validators:
            validator.validate(value)

    def is_in(self, node: Any, name: str) -> bool:
        """Whether `node` holds the parameter."""
        return bool(node.HasParameter(name))

    def write(self, node: Any, name: str, value: Any) -> None:
        """Check the value and store it."""
        self.validate(value)
        self._write(node, name, value)

    def _write(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, self._to_text(value))

    def read(self, node: Any, name: str) -> Any:
        """Give the stored value."""
        return self._from_text(node.GetParameter(name))

    def remove(self, node: Any, name: str) -> None:
        """Remove the parameter."""
        node.UnsetParameter(name)


class _NodeSerializer(Serializer):
    """A reference to another node, or None."""

    def __init__(self, node_class: type) -> None:
        super().__init__(str, str, None, [IsInstance(node_class)])

    def _write(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node: Any, name: str) -> Any:
        return node.GetNodeReference(name)

    def remove(self, node: Any, name: str) -> None:
        super().remove(node, name)
        node.RemoveNodeReferenceIDs(name)


class _TupleSerializer(Serializer):
    """A fixed number of values: `name.0`, `name.1`, ..."""

    def __init__(self, elements: list[Serializer]) -> None:
        super().__init__(str, str, None)
        self._elements = elements

    def default(self) -> Any:
        return tuple(element.default() for element in self._elements)

    def is_in(self, node: Any, name: str) -> bool:
        return self._elements[0].is_in(node, f"{name}.0")

    def _write(self, node: Any, name: str, value: Any) -> None:
        with slicer.util.NodeModify(node):
            for i, (element, one) in enumerate(zip(self._elements, value, strict=True)):
                element.write(node, f"{name}.{i}", one)

    def read(self, node: Any, name: str) -> Any:
        return tuple(one.read(node, f"{name}.{i}") for i, one in enumerate(self._elements))

    def remove(self, node: Any, name: str) -> None:
        for i, element in enumerate(self._elements):
            element.remove(node, f"{name}.{i}")


class _ListSerializer(Serializer):
    """Any number of values: `name.len`, `name.0`, ..."""

    def __init__(self, element: Serializer) -> None:
        super().__init__(str, str, None)
        self._element = element

    def default(self) -> Any:
        return []

    def is_in(self, node: Any, name: str) -> bool:
        return bool(node.HasParameter(f"{name}.len"))

    def _length(self, node: Any, name: str) -> int:
        return int(node.GetParameter(f"{name}.len")) if self.is_in(node, name) else 0

    def _write(self, node: Any, name: str, value: Any) -> None:
        values = list(value)
        for one in values:
            self._element.validate(one)
        with slicer.util.NodeModify(node):
            before = self._length(node, name)
            for i, one in enumerate(values):
                self._element.write(node, f"{name}.{i}", one)
            node.SetParameter(f"{name}.len", str(len(values)))
            for i in range(len(values), before):
                self._element.remove(node, f"{name}.{i}")

    def _values(self, node: Any, name: str) -> list[Any]:
        return [self._element.read(node, f"{name}.{i}") for i in range(self._length(node, name))]

    def read(self, node: Any, name: str) -> Any:
        def save(values: list[Any]) -> list[Any]:
            self.write(node, name, values)
            return self._values(node, name)

        return ObservedList(self._values(node, name), save)

    def remove(self, node: Any, name: str) -> None:
        for i in range(self._length(node, name)):
            self._element.remove(node, f"{name}.{i}")
        node.UnsetParameter(f"{name}.len")


class _DictSerializer(_ListSerializer):
    """A dictionary, stored as a list of pairs."""

    def __init__(self, key: Serializer, value: Serializer) -> None:
        super().__init__(_TupleSerializer([key, value]))

    def default(self) -> Any:
        return {}

    def _write(self, node: Any, name: str, value: Any) -> None:
        super()._write(node, name, value.items())

    def read(self, node: Any, name: str) -> Any:
        def save(values: dict[Any, Any]) -> dict[Any, Any]:
            self.write(node, name, values)
            return dict(self._values(node, name))

        return ObservedDict(dict(self._values(node, name)), save)


class _OptionalSerializer(Serializer):
    """A value or None: `name.0` or `name.1`."""

    def __init__(self, inner: Serializer) -> None:
        super().__init__(str, str, None)
        self._inner = inner

    def is_in(self, node: Any, name: str) -> bool:
        return self._inner.is_in(node, f"{name}.0") or bool(node.HasParameter(f"{name}.1"))

    def _write(self, node: Any, name: str, value: Any) -> None:
        if value is not None:
            self._inner.validate(value)
        with slicer.util.NodeModify(node):
            self.remove(node, name)
            if value is None:
                node.SetParameter(f"{name}.1", "True")
            else:
                self._inner.write(node, f"{name}.0", value)

    def read(self, node: Any, name: str) -> Any:
        is_set = self._inner.is_in(node, f"{name}.0")
        return self._inner.read(node, f"{name}.0") if is_set else None

    def remove(self, node: Any, name: str) -> None:
        self._inner.remove(node, f"{name}.0")
        node.UnsetParameter(f"{name}.1")


def _plain(kind: Any) -> Serializer | None:
    rules = [NotNone(), IsInstance((int, float) if kind is float else kind)]
    if kind is bool:
        return Serializer(lambda one: "True" if one else "False", "True".__eq__, False, rules)
    if kind in (int, float):
        return Serializer(str, kind, 0, rules)
    if kind is str:
        return Serializer(str, str, "", rules)
    if kind in _PATHS:
        return Serializer(str, kind, kind(), rules)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        rules = [IsInstance(kind)]
        return Serializer(lambda one: one.name, kind.__getitem__, next(iter(kind)), rules)
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return _NodeSerializer(kind)
    return None


def _composed(kind: Any) -> Serializer | None:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if len(arguments) == 2 and arguments[1] is type(None):
            return _OptionalSerializer(make_serializer(arguments[0])[0])
        return None
    elements = [make_serializer(one)[0] for one in arguments]
    if origin is list and len(elements) == 1:
        return _ListSerializer(elements[0])
    if origin is tuple and elements:
        return _TupleSerializer(elements)
    if origin is dict and len(elements) == 2:
        return _DictSerializer(*elements)
    return None


def _is_validator(annotation: Any) -> bool:
    is_class = isinstance(annotation, type) and issubclass(annotation, Validator)
    return is_class or isinstance(annotation, Validator)


def make_serializer(kind: Any) -> tuple[Serializer, tuple[Any, ...]]:
    """Make the serializer of a type with its rules; also give the other annotations.

    Raises:
        TypeError: If the host has no serializer for the type.
    """
    bare, annotations = split_annotations(kind)
    serializer = _plain(bare) or _composed(bare)
    if serializer is None:
        raise TypeError(f"The test host cannot store parameters of type {kind}")
    serializer.validators += [one for one in annotations if _is_validator(one)]
    return serializer, tuple(one for one in annotations if not _is_validator(one))
