"""The two folders of a cohort."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    return tmp_path / "predictions"


@pytest.fixture
def references(tmp_path: Path) -> Path:
    return tmp_path / "references"
