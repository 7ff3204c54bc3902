"""Pytest fixtures of the test host.

Import them into a conftest: `from host.plugin import a_scene, a_slicer, load_module`. A test that
leaves an error behind, in a slot, in an observer or inside VTK, fails.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["a_scene", "a_slicer", "load_module", "missing_packages"]


def missing_packages() -> list[str]:
    """Name the packages the host needs and this Python lacks."""
    names = {"slicer_core": "slicer-core", "PySide6": "PySide6-Essentials"}
    return [name for module, name in names.items() if importlib.util.find_spec(module) is None]


@pytest.fixture
def a_slicer() -> Iterator[Any]:
    """Give the running host, clean; afterwards reset it and fail on hidden errors."""
    if missing := missing_packages():
        pytest.skip(f"The test host needs {' and '.join(missing)}, not installed here")
    from host.session import start

    session = start()
    session.forgive()
    yield session
    session.application.processEvents()
    left_behind = session.errors()
    session.reset()
    after_reset = session.errors()[len(left_behind) :]
    session.forgive()
    if left_behind or after_reset:
        pytest.fail("Hidden errors:\n" + "\n".join([*left_behind, *after_reset]))


@pytest.fixture
def a_scene(a_slicer: Any) -> Any:
    """Give the empty MRML scene."""
    return a_slicer.scene


@pytest.fixture
def load_module(a_slicer: Any) -> Callable[[Path], Any]:
    """Give a function that loads the scripted module at a path."""
    return a_slicer.load
