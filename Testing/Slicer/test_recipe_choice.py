"""A recipe in AtlasTumorSeg: listed like a model, described, run."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RECIPE = {
    "schema": 1,
    "id": "mix",
    "title": "A recipe for tests",
    "version": "2.5",
    "summary": "The liver alone.",
    "parts": [{"organs": ["liver"], "models": ["atlastumor-phantom-v0"]}],
    "limits": "Not for use.",
}


@pytest.fixture
def a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can run, and one whose models are not there."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(folder))
    (folder / "mix.json").write_text(json.dumps(RECIPE))
    absent = {"organs": ["liver"], "models": ["nobody"]}
    (folder / "not.json").write_text(json.dumps(RECIPE | {"id": "not", "parts": [absent]}))


def test_a_recipe_is_chosen_described_and_run_like_a_model(
    a_recipe: None, a_panel: Any, a_scan: Any, wait_for: Any
) -> None:
    ui = a_panel.ui
    box = ui.modelComboBox
    titles = [box.itemText(n) for n in range(box.count)]

    box.currentIndex = box.findData("mix")
    text = ui.modelLabel.text
    ui.inputSelector.setCurrentNode(a_scan)
    ui.applyButton.click()
    wait_for(lambda: ui.applyButton.text == "Apply")

    assert titles == ["A model for tests", "A recipe for tests"]
    assert "<b>A recipe for tests</b>, version 2.5" in text
    assert "Unvalidated" in text
    assert "Apache-2.0 (atlastumor-phantom-v0)" in text
    segmentation = ui.outputSelector.currentNode().GetSegmentation()
    assert segmentation.GetNumberOfSegments() > 0
