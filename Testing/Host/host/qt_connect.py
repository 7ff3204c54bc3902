"""`widget.connect("signal(types)", function)` as PythonQt has it.

A function gets at most as many arguments as it takes. Unlike PythonQt, which prints and goes
on, an unknown signal raises: the host is stricter, never laxer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from PySide6.QtCore import SIGNAL, QMetaObject, QObject

__all__ = ["argument_limit", "connect", "disconnect", "forget_connections"]

_Connection = tuple[str, Callable[..., Any], Callable[..., Any]]
_connections: WeakKeyDictionary[QObject, list[_Connection]] = WeakKeyDictionary()


def argument_limit(function: Callable[..., Any]) -> int | None:
    """Count the positional arguments `function` takes; None if it takes any number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None  # built-in functions without a signature
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return None
    return sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)


def _trampoline(function: Callable[..., Any], limit: int | None) -> Callable[..., Any]:
    def call(*arguments: Any) -> None:
        function(*arguments[:limit])

    return call


def _signal_of(sender: QObject, signature: str) -> tuple[str, Any]:
    """Give the normalized signature and the signal of a stand-in, or None for one of Qt's."""
    normalized = bytes(QMetaObject.normalizedSignature(signature).data()).decode()
    for base in type(sender).__mro__:
        if normalized in base.__dict__.get("host_signals", {}):
            return normalized, getattr(sender, base.__dict__["host_signals"][normalized])
    meta = QObject.metaObject(sender)
    if meta.indexOfSignal(normalized) < 0:
        raise AttributeError(f"Signal '{signature}' does not exist on {meta.className()}")
    return normalized, None


def _to_function(arguments: tuple[Any, ...]) -> tuple[Callable[..., Any], int | None]:
    if len(arguments) == 1 and callable(arguments[0]):
        return arguments[0], argument_limit(arguments[0])
    if len(arguments) == 2 and isinstance(arguments[1], str):
        receiver, slot = arguments
        name, _, types = slot.partition("(")
        function = getattr(receiver, name.strip())
        if not callable(function):
            raise AttributeError(f"'{slot}' is a property, not a slot")
        return function, sum(bool(one.strip()) for one in types.rstrip(")").split(","))
    raise TypeError("connect takes a signal and a callable, or a signal, a receiver and a slot")


def connect(sender: QObject, signature: str, *target: Any) -> bool:
    """Connect a signal, given as `"clicked(bool)"`, to a callable or to a receiver's slot."""
    normalized, signal = _signal_of(sender, signature)
    function, limit = _to_function(target)
    call = _trampoline(function, limit)
    if signal is not None:
        signal.connect(call)
    else:
        QObject.connect(sender, SIGNAL(normalized), call)
    _connections.setdefault(sender, []).append((normalized, function, call))
    return True


def disconnect(sender: QObject, signature: str, *target: Any) -> bool:
    """Take one connection back; False if there is none such."""
    normalized, signal = _signal_of(sender, signature)
    function, _ = _to_function(target)
    for entry in _connections.get(sender, []):
        if entry[0] == normalized and entry[1] == function:
            _connections[sender].remove(entry)
            if signal is not None:
                return bool(signal.disconnect(entry[2]))
            return bool(QObject.disconnect(sender, SIGNAL(normalized), entry[2]))
    return False


def forget_connections(sender: QObject) -> None:
    """Take back every connection made through `sender.connect`."""
    for signature, function, _ in list(_connections.get(sender, [])):
        disconnect(sender, signature, function)
