"""The methods there are. Recipe: one file, and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from ..errors import UnknownKeyError
from .base import AbstractMethod
from .cellular import Cellular
from .difftumor.method import DiffTumorMethod
from .diffusion.method import DiffusionMethod
from .freetumor.method import FreeTumorMethod
from .handcrafted import Handcrafted

__all__ = ["METHODS", "find_method"]

METHODS: Mapping[str, Callable[..., AbstractMethod]] = MappingProxyType(
    {
        Handcrafted.name: Handcrafted,
        Cellular.name: Cellular,
        DiffusionMethod.name: DiffusionMethod,
        DiffTumorMethod.name: DiffTumorMethod,
        FreeTumorMethod.name: FreeTumorMethod,
    }
)
"""Makers of methods by name."""


def find_method(
    key: str, *, models_dir: Path | None = None, device: str = "auto"
) -> AbstractMethod:
    """Make a method by its name.

    Args:
        key: One of `METHODS`.
        models_dir: Where weights lie, for a method that needs them; None where it looks by itself.
        device: Where a network runs: "auto" (a GPU that works, else the CPU), "cpu", "cuda" or
            "cuda:N".

    Returns:
        The method, ready to paint unless it lacks weights.

    Raises:
        UnknownKeyError: If there is no such method.
    """
    try:
        make = METHODS[key]
    except KeyError as error:
        raise UnknownKeyError("method", key, METHODS) from error
    method = make()
    return make(models_dir, device=device) if method.runs_network else method
