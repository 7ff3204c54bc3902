"""What several files of this folder start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlastumor.models.card import load_card
from atlastumor.models.specs import ModelCard
from atlastumor.volume import Scan

from .kitchen import BORDERS, BOTH, Kitchen
from .pretend import make_scan
from .random_model import write_model


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    made = Kitchen(tmp_path, monkeypatch)
    made.add_model("both", BOTH, BORDERS)
    made.add_model("kidneys", ["kidney", "kidney tumor"], (200.0, 300.0))
    made.add_model("lesions", ["lesion"], (100.0,))
    made.add_model("livers", ["liver"], (-100.0,))
    return made


@pytest.fixture
def a_model(tmp_path: Path) -> ModelCard:
    return load_card(write_model(tmp_path))


@pytest.fixture
def a_scan() -> Scan:
    return make_scan()
