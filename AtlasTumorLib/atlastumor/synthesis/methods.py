"""The methods there are. Recipe: one file, and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..errors import UnknownKeyError
from .base import AbstractMethod
from .cellular import Cellular
from .handcrafted import Handcrafted

__all__ = ["METHODS", "find_method"]

METHODS: Mapping[str, Callable[[], AbstractMethod]] = MappingProxyType(
    {Handcrafted.name: Handcrafted, Cellular.name: Cellular}
)
"""Makers of methods by name."""


def find_method(key: str) -> AbstractMethod:
    """Make a method by its name.

    Args:
        key: One of `METHODS`.

    Returns:
        The method, ready to paint unless it lacks weights.

    Raises:
        UnknownKeyError: If there is no such method.
    """
    try:
        make = METHODS[key]
    except KeyError as error:
        raise UnknownKeyError("method", key, METHODS) from error
    return make()
