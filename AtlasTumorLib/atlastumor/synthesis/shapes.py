"""The kinds of shape that are drawn. Recipe: one file, and one line here.

One that a user painted is made by `painting.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import UnknownKeyError
from .automaton import make_automaton
from .ellipsoid import make_ellipsoid
from .shape_types import Shape, ShapeMaker

__all__ = ["SHAPES", "Shape", "ShapeMaker", "find_shape"]

SHAPES: Mapping[str, ShapeMaker] = MappingProxyType(
    {"ellipsoid": make_ellipsoid, "automaton": make_automaton}
)
"""Makers of shapes by key."""


def find_shape(key: str) -> ShapeMaker:
    """Find a kind of shape.

    Args:
        key: Such as "ellipsoid".

    Returns:
        What makes it.

    Raises:
        UnknownKeyError: If there is none of this key; names those there are.
    """
    if key not in SHAPES:
        raise UnknownKeyError("shape", key, SHAPES)
    return SHAPES[key]
