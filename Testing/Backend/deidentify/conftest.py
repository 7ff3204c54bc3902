"""A key of one's own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlastumor.deidentify import make_key


@pytest.fixture
def a_key(tmp_path: Path) -> Path:
    return make_key(tmp_path / "key")
