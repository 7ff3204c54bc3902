"""The harmless part of what pickles ask for: containers, and numpy's numbers and arrays of them.

`ALLOWED` is what its names stand for when a pickle is read; `RULES` check, before that, what is
done with them. Arrays of objects are refused: they hold pickles of their own.
"""

from __future__ import annotations

import codecs
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .refusals import require
from .symbols import Made, Name, Rules, Symbol

__all__ = ["ALLOWED", "NUMERIC", "RULES", "as_plain"]

_MOST_ITEMS = 1_000_000
_MOST_LEVELS = 64
_LEAVES = (bool, int, float, str, bytes, bytearray, np.ndarray, type(None))
_DTYPE, _NDARRAY = "numpy.dtype", "numpy.ndarray"
_NO_NUMBERS = "it holds numpy values that are no plain numbers"
_ODD_ARRAY = "it makes a numpy array in a way that no model needs"

_CODES = "b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"

NUMERIC = {code: np.dtype(code) for code in _CODES}
"""Types of the numpy numbers that are read, by the codes that pickles use."""


def _make_dict(*_arguments: object) -> dict[str, Any]:
    """Stand in for `defaultdict`, whose factory is not wanted."""
    return {}


def _numpy_name(name: str) -> tuple[str, str]:
    """A function's name before numpy 2 and since."""
    return f"numpy.core.{name}", f"numpy._core.{name}"


_ARRAY, _SCALAR, _BUFFER = map(
    _numpy_name, ("multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer")
)

_EXAMPLE = np.zeros(1)  # tells which functions pickles of arrays and numbers call

ALLOWED: Mapping[str, Any] = {
    "_codecs.encode": codecs.encode,
    "builtins.bytes": bytes,
    "builtins.dict": dict,
    "builtins.frozenset": frozenset,
    "builtins.int": int,
    "builtins.list": list,
    "builtins.set": set,
    "collections.Counter": Counter,
    "collections.OrderedDict": OrderedDict,
    "collections.defaultdict": _make_dict,
    _DTYPE: np.dtype,
    _NDARRAY: np.ndarray,
    **dict.fromkeys(_ARRAY, _EXAMPLE.__reduce__()[0]),
    **dict.fromkeys(_SCALAR, _EXAMPLE[0].__reduce__()[0]),
    **dict.fromkeys(_BUFFER, _EXAMPLE.__reduce_ex__(5)[0]),
}
"""What each allowed name stands for."""


def _check_empty(arguments: tuple[Symbol, ...]) -> None:
    require(not arguments, "it makes a container in a way that no model needs")


def _check_no_bytes(arguments: tuple[Symbol, ...]) -> bytes:
    _check_empty(arguments)
    return b""


def _check_copy(kind: str) -> Callable[[tuple[Symbol, ...]], None]:
    """Let a container be made of another one whose items are hashed quickly."""

    def check(arguments: tuple[Symbol, ...]) -> None:
        for source in arguments:
            is_fine = isinstance(source, Made) and source.by == kind
            is_fine = is_fine and (kind == "dict" or source.has_keys)
            require(is_fine, "it makes a container in a way that no model needs")

    return check


def _check_encode(arguments: tuple[Symbol, ...]) -> bytes:
    """Bytes, which protocol 2 writes as text; other codecs can take very long."""
    is_bytes = len(arguments) == 2 and arguments[1] == "latin1" and isinstance(arguments[0], str)
    require(is_bytes, "it encodes text in a way that no model needs")
    return str(arguments[0]).encode("latin1")


def _check_dtype(arguments: tuple[Symbol, ...]) -> None:
    code = arguments[0] if arguments else None
    require(not (isinstance(code, str) and "O" in code), "it holds a numpy array of objects")
    is_number = isinstance(code, str) and code in NUMERIC
    require(is_number and all(isinstance(flag, bool) for flag in arguments[1:]), _NO_NUMBERS)


def _check_dtype_state(_made: Made, state: Symbol) -> None:
    allowed = [(3, order, None, None, None, -1, -1, 0) for order in "<>=|"]
    require(isinstance(state, tuple) and state in allowed, _NO_NUMBERS)


def _check_array(arguments: tuple[Symbol, ...]) -> None:
    require(arguments == (Name(_NDARRAY), (0,), b"b"), _ODD_ARRAY)


def _check_array_state(_made: Made, state: Symbol) -> None:
    require(isinstance(state, tuple) and len(state) == 5 and state[0] == 1, _ODD_ARRAY)
    _check_numbers(state[4], state[2], state[1])


def _check_buffer(arguments: tuple[Symbol, ...]) -> None:
    require(len(arguments) == 4 and arguments[3] in ("C", "F"), _ODD_ARRAY)
    _check_numbers(*arguments[:3])


def _check_scalar(arguments: tuple[Symbol, ...]) -> None:
    require(len(arguments) == 2, _ODD_ARRAY)
    _check_numbers(arguments[1], arguments[0], ())


def _check_numbers(data: Symbol, dtype: Symbol, shape: Symbol) -> None:
    """Refuse all but bytes of the length that type and shape make."""
    require(isinstance(dtype, Made) and dtype.by == _DTYPE, _NO_NUMBERS)
    is_shape = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    require(is_shape, _ODD_ARRAY)
    require(isinstance(data, (bytes, bytearray)), "it holds a numpy array of objects")
    size = NUMERIC[dtype.args[0]].itemsize * math.prod(shape)
    require(len(data) == size, "it holds a numpy array of another size than it says")


def _check_attributes(_made: Made, state: Symbol) -> None:
    """A dictionary's own attributes, such as the versions that torch notes; they are dropped."""
    is_dict = isinstance(state, Made) and state.by == "dict"
    require(is_dict, "it changes how a container works")


RULES = Rules(
    mentioned={_NDARRAY, "builtins.dict", "builtins.int", "builtins.list"},
    calls={
        "_codecs.encode": _check_encode,
        "builtins.bytes": _check_no_bytes,
        "builtins.frozenset": _check_copy("list"),
        "builtins.set": _check_copy("list"),
        "collections.Counter": _check_copy("dict"),
        "collections.OrderedDict": _check_empty,
        "collections.defaultdict": lambda _: None,
        _DTYPE: _check_dtype,
        **dict.fromkeys(_ARRAY, _check_array),
        **dict.fromkeys(_SCALAR, _check_scalar),
        **dict.fromkeys(_BUFFER, _check_buffer),
    },
    states={
        "collections.OrderedDict": _check_attributes,
        _DTYPE: _check_dtype_state,
        **dict.fromkeys(_ARRAY, _check_array_state),
    },
)
"""What is done with the names."""


def as_plain(value: Any, leaf: Callable[[Any], Any] = lambda _: None) -> Any:
    """Turn what was read into a tree of plain values.

    Args:
        value: Containers, numbers, text, numpy arrays of numbers, and other things.
        leaf: Says what becomes of the other things; they are left out as None otherwise.

    Returns:
        The same with dict, list, tuple and set for containers, and Python's numbers for numpy's.

    Raises:
        Refusal: If it is nested too deeply, holds itself, or unfolds to too much.
    """
    return _Unfolding(leaf).copy(value, 0)


class _Unfolding:
    """Copies a tree, counting: what refers to itself, or doubles at each level, never ends."""

    def __init__(self, leaf: Callable[[Any], Any]) -> None:
        self._leaf = leaf
        self._n = 0

    def copy(self, value: Any, level: int) -> Any:
        self._n += 1
        is_tree = level <= _MOST_LEVELS and self._n <= _MOST_ITEMS
        require(is_tree, "it is nested too deeply, or unfolds to too much")
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, _LEAVES):
            return value
        if isinstance(value, Mapping):
            return {key: self.copy(item, level + 1) for key, item in value.items()}
        for kind in (list, tuple, set, frozenset):
            if isinstance(value, kind):
                return kind(self.copy(item, level + 1) for item in value)
        return self._leaf(value)
