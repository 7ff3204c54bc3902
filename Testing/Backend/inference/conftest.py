"""What several files of this folder start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from .kitchen import BORDERS, BOTH, Kitchen


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    made = Kitchen(tmp_path, monkeypatch)
    made.add_model("both", BOTH, BORDERS)
    made.add_model("kidneys", ["kidney", "kidney tumor"], (200.0, 300.0))
    made.add_model("lesions", ["lesion"], (100.0,))
    made.add_model("livers", ["liver"], (-100.0,))
    return made
