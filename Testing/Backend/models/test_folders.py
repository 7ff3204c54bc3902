"""Where models lie unless a folder is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlastumor.models.folders import default_models_dir


def test_the_default_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", "/named")
    assert default_models_dir() == Path("/named")
    monkeypatch.delenv("ATLASTUMOR_MODELS_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setattr("sys.platform", "linux")
    assert default_models_dir() == Path("/data/AtlasTumor/models")
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert default_models_dir() == Path("/local/AtlasTumor/models")
    monkeypatch.setattr("sys.platform", "darwin")
    assert default_models_dir().parts[-4:] == (
        "Library",
        "Application Support",
        "AtlasTumor",
        "models",
    )
