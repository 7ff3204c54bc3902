"""The extension, configured, built and installed once by real cmake against the stub Slicer."""

from __future__ import annotations

from pathlib import Path

import pytest

from Packaging.building import MODULES, REPOSITORY, cmake, configure


@pytest.fixture(scope="session")
def an_installed_extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of scripted modules, as a user's Slicer would hold it after the installation."""
    build = tmp_path_factory.mktemp("build")
    prefix = tmp_path_factory.mktemp("installed")
    for step in (
        lambda: configure(REPOSITORY, build),
        lambda: cmake("--build", build),
        lambda: cmake("--install", build, "--prefix", prefix),
    ):
        done = step()
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Warning" not in done.stderr, done.stderr
    return prefix / MODULES
