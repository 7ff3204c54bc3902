"""An operating point in AtlasTumorSeg: loaded, used, refused, kept in the scene."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlastumor.detection.operating_point import save_operating_points
from atlastumor.organs import KEYS
from Backend.operating_points import make_point

MODEL, WEIGHTS = "atlastumor-phantom-v0", "0" * 64


def make_file(path: Path, *, model: str = MODEL, weights: str = WEIGHTS) -> Path:
    point = make_point(
        model_id=model,
        weights_sha256=weights,
        organ=KEYS[0],
        threshold=0.125,
        data_set="forty scans",
        hit_text="A rule.",
        sensitivity=0.925,
        fp_per_scan=1.5,
        n_lesions=40,
        n_scans=30,
    )
    save_operating_points(path, [point])
    return path


def load(panel: Any, session: Any, path: Path) -> None:
    session.user.answer(str(path))
    panel.ui.loadOperatingPointButton.click()


def press_and_wait(panel: Any, wait_for: Any) -> None:
    panel.ui.applyButton.click()
    wait_for(lambda: panel.ui.applyButton.text == "Apply")


def test_a_loaded_point_says_what_it_gave_and_reaches_the_worker(
    a_panel: Any,
    a_scan: Any,
    a_slicer: Any,
    wait_for: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATLASTUMOR_FAKE", "empty")
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    assert a_panel.ui.operatingPointLabel.text == "none: the model's own thresholds"

    load(a_panel, a_slicer, make_file(tmp_path / "points.json"))

    assert a_panel.ui.operatingPointLabel.text == (
        "<b>Liver 0.125</b>: 92.5% of 40 lesions, 1.5 FP per scan on 'forty scans'"
    )
    press_and_wait(a_panel, wait_for)
    text = a_panel.ui.findingsLabel.text
    assert text.count("No tumor above threshold 0.12 ") == 1  # 0.125 in two digits
    assert text.count("No tumor above threshold 0.50 ") == len(KEYS) - 1


def test_a_threshold_set_by_hand_comes_before_the_point(
    a_panel: Any,
    a_scan: Any,
    a_slicer: Any,
    wait_for: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATLASTUMOR_FAKE", "empty")
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    load(a_panel, a_slicer, make_file(tmp_path / "points.json"))
    a_panel.widget._organs._spins[KEYS[0]].value = 0.35

    press_and_wait(a_panel, wait_for)

    assert "No tumor above threshold 0.35 " in a_panel.ui.findingsLabel.text


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"model": "another-v1"}, "it was chosen for the model 'another-v1'"),
        ({"weights": "1" * 64}, "it was chosen for other weights"),
    ],
)
def test_a_point_of_another_model_is_refused_with_the_reason(
    a_panel: Any, a_slicer: Any, tmp_path: Path, what: dict[str, str], reason: str
) -> None:
    load(a_panel, a_slicer, make_file(tmp_path / "points.json", **what))

    assert reason in a_slicer.user.seen[-1].text
    assert a_panel.ui.operatingPointLabel.text == "none: the model's own thresholds"
    assert a_panel.widget._parameterNode.operatingPoint == ""


def test_a_file_that_is_none_is_refused(a_panel: Any, a_slicer: Any, tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    path.write_text("{}", encoding="utf-8")

    load(a_panel, a_slicer, path)

    assert "The operating-point file points.json cannot be used" in a_slicer.user.seen[-1].text


def test_a_scene_with_a_point_of_another_model_says_why_apply_waits(
    a_panel: Any, a_scan: Any, tmp_path: Path
) -> None:
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    text = make_file(tmp_path / "points.json", weights="1" * 64).read_text(encoding="utf-8")

    a_panel.widget._parameterNode.operatingPoint = text

    assert not a_panel.ui.applyButton.enabled
    assert "other weights" in a_panel.ui.applyButton.toolTip
    assert "other weights" in a_panel.ui.operatingPointLabel.text
    a_panel.ui.removeOperatingPointButton.click()
    assert a_panel.ui.applyButton.enabled
    assert not a_panel.ui.removeOperatingPointButton.enabled


def test_a_saved_scene_brings_the_point_back(
    a_panel: Any, a_scan: Any, a_slicer: Any, tmp_path: Path
) -> None:
    import slicer

    load(a_panel, a_slicer, make_file(tmp_path / "points.json"))
    label = a_panel.ui.operatingPointLabel.text
    path = str(tmp_path / "case.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    (tmp_path / "points.json").unlink()
    assert a_panel.ui.operatingPointLabel.text != label

    slicer.util.loadScene(path)

    assert a_panel.ui.operatingPointLabel.text == label


def test_from_python_a_point_of_another_model_is_refused(
    a_logic: Any, a_scan: Any, tmp_path: Path
) -> None:
    from atlastumor.errors import InputError

    text = make_file(tmp_path / "points.json", model="another-v1").read_text(encoding="utf-8")

    with pytest.raises(InputError, match="chosen for the model 'another-v1'"):
        a_logic.segment(a_scan, operatingPoint=text)
