"""The panel when a run is stopped, fails or crashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def press_and_wait(panel: Any, wait_for: Any) -> None:
    panel.ui.applyButton.click()
    wait_for(lambda: panel.ui.applyButton.text == "Apply")


def test_while_it_runs_the_button_cancels_and_choices_rest(
    a_panel: Any, a_scan: Any, wait_for: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    note = tmp_path / "pids"
    monkeypatch.setenv("ATLASTUMOR_FAKE", "hang")
    monkeypatch.setenv("ATLASTUMOR_FAKE_PIDS", str(note))
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    a_panel.ui.applyButton.click()
    wait_for(lambda: note.exists() and len(note.read_text().split()) == 2)
    wait_for(lambda: "Finding tumors" in a_panel.ui.stageLabel.text)
    assert a_panel.ui.applyButton.text == "Cancel"
    assert a_panel.ui.applyButton.enabled
    assert not a_panel.ui.scanInputsWidget.enabled
    family = [int(word) for word in note.read_text().split()]

    a_panel.ui.applyButton.click()

    assert a_panel.ui.applyButton.text == "Apply"
    assert a_panel.ui.scanInputsWidget.enabled
    wait_for(lambda: not any(is_alive(pid) for pid in family), 10)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert not [p for p in Path(slicer.app.temporaryPath).iterdir() if "AtlasTumor" in p.name]
    monkeypatch.setenv("ATLASTUMOR_FAKE", "result")
    press_and_wait(a_panel, wait_for)
    assert a_panel.ui.lesionTable.rowCount == 4


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("how", ["scene", "cleanup"])
def test_closing_scene_or_panel_stops_the_worker(
    a_panel: Any,
    a_scan: Any,
    wait_for: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    import slicer

    note = tmp_path / "pids"
    monkeypatch.setenv("ATLASTUMOR_FAKE", "hang")
    monkeypatch.setenv("ATLASTUMOR_FAKE_PIDS", str(note))
    a_panel.ui.inputSelector.setCurrentNode(a_scan)
    a_panel.ui.applyButton.click()
    wait_for(lambda: note.exists() and len(note.read_text().split()) == 2)
    family = [int(word) for word in note.read_text().split()]

    if how == "scene":
        slicer.mrmlScene.Clear(0)
    else:
        a_panel.widget.cleanup()

    wait_for(lambda: not any(is_alive(pid) for pid in family), 10)
    assert not a_panel.logic.isRunning


def test_a_reported_error_is_shown_as_its_sentence(
    a_panel: Any, a_scan: Any, a_slicer: Any, wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLASTUMOR_FAKE", "error")
    a_panel.ui.inputSelector.setCurrentNode(a_scan)

    press_and_wait(a_panel, wait_for)

    (dialog,) = a_slicer.user.seen
    assert dialog.text == "The fake scan is too thin."
    assert not dialog.details


def test_a_crash_is_shown_as_a_bug_with_the_log(
    a_panel: Any, a_scan: Any, a_slicer: Any, wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLASTUMOR_FAKE", "crash")
    a_panel.ui.inputSelector.setCurrentNode(a_scan)

    press_and_wait(a_panel, wait_for)

    (dialog,) = a_slicer.user.seen
    assert "This is a bug in AtlasTumor" in dialog.text
    assert "Segmentation fault in the fake worker" in dialog.details


def test_labels_on_another_grid_are_refused(
    a_panel: Any, a_scan: Any, a_slicer: Any, wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    monkeypatch.setenv("ATLASTUMOR_FAKE", "moved")
    a_panel.ui.inputSelector.setCurrentNode(a_scan)

    press_and_wait(a_panel, wait_for)

    (dialog,) = a_slicer.user.seen
    assert "do not lie on the scan's grid" in dialog.text
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
