"""What the networks that MONAI builds share: its classes, its normalizations, its wrappers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..errors import DependencyError
from .arguments import read_choice

__all__ = ["find_in_monai", "read_norm"]

_NORMS: Mapping[str, Any] = {
    "group": ("GROUP", {"num_groups": 8}),
    "instance": ("INSTANCE", {"affine": True}),
    "instance_plain": ("INSTANCE", {"affine": False}),
    "batch": "BATCH",
}


def find_in_monai(module: str, name: str, *, needs: tuple[str, ...] = ()) -> Any:
    """Find one of MONAI's networks.

    Args:
        module: File of `monai.networks.nets` that defines it.
        name: Of the class or function.
        needs: Packages that MONAI itself asks for only when the network is made.

    Returns:
        The class or function.

    Raises:
        DependencyError: If MONAI or one of the packages is not installed.
    """
    try:
        for package in needs:
            import_module(package)
        return getattr(import_module(f"monai.networks.nets.{module}"), name)
    except ImportError as error:
        package = str(error.name).partition(".")[0]
        msg = f"This model needs the package {package}; install it with pip."
        raise DependencyError(msg) from error


def read_norm(value: Any) -> Any:
    """Read the argument `norm`.

    Args:
        value: "group" (8 groups), "instance" (with scale and shift), "instance_plain" (without)
            or "batch".

    Returns:
        What MONAI's networks take.

    Raises:
        CardError: If it is anything else.
    """
    return _NORMS[read_choice(value, "norm", _NORMS)]
