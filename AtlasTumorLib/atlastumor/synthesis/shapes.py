"""The kinds of shape there are. Recipe: one file, and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ..components import Mask
from ..errors import InputError, UnknownKeyError
from .automaton import make_automaton
from .ellipsoid import make_ellipsoid
from .patch import Patch
from .shape_types import Shape, ShapeMaker

__all__ = ["SHAPES", "Shape", "ShapeMaker", "find_shape", "painted_shape"]

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


def painted_shape(patch: Patch, mask: Mask) -> Shape:
    """Take the shape that a user painted, as it is.

    Args:
        patch: Where.
        mask: The voxels painted, (I, J, K) of the patch; any number of parts, anywhere.

    Returns:
        Them, without cells.

    Raises:
        InputError: If nothing is painted, or it was painted on another grid.
    """
    if mask.shape != patch.shape:
        msg = f"The painted shape has {mask.shape} voxels, its patch {patch.shape}."
        raise InputError(msg)
    if not mask.any():
        msg = "Nothing is painted. Paint the tumor's shape first."
        raise InputError(msg)
    return Shape(np.array(mask, bool))
