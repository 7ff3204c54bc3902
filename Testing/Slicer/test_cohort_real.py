"""Cohorts by the real worker, with a network that takes no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from Backend.cohorts.tiny import TINY, write_model, write_scans
from Slicer.cohort_panel import n_nodes, open_case, press, rows


@pytest.fixture(scope="module")
def a_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a network of random weights."""
    return write_model(tmp_path_factory.mktemp("models"))


@pytest.fixture
def a_real_panel(
    a_model: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Any:
    """The panel with the real worker and this model."""
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(a_model))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    panel = request.getfixturevalue("a_panel")
    panel.logic.workerCommand = ["-m", "atlastumor"]
    panel.widget._parameterNode.model = TINY
    panel.widget._parameterNode.organs = ["liver"]
    panel.ui.deviceComboBox.currentText = "cpu"
    panel.ui.backendComboBox.currentText = "torch"
    panel.ui.taskTabWidget.currentIndex = 1
    panel.cohort = panel.widget._cohort
    return panel


def test_a_cohort_is_stopped_gone_on_with_and_looked_at(
    a_real_panel: Any, tmp_path: Path, wait_for: Callable[..., None]
) -> None:
    import slicer

    ui, folder = a_real_panel.ui, tmp_path / "out"
    write_scans(tmp_path / "scans", 1)
    (tmp_path / "scans" / "torn.nii.gz").write_bytes(b"no scan")
    a_real_panel.cohort.choices.inputs.addPaths([str(tmp_path / "scans")])
    (path,) = write_scans(tmp_path / "loaded", 1)
    node = slicer.util.loadVolume(str(path), properties={"name": "Loaded scan"})
    ui.addNodesButton.click()
    ui.cohortFolderPathLineEdit.currentPath = str(folder)

    me = psutil.Process()
    others = set(me.children(recursive=True))  # of tests before this one

    ui.cohortButton.click()
    wait_for(lambda: len({*me.children(recursive=True)} - others) > 2)
    family = set(me.children(recursive=True)) - others
    wait_for(lambda: (folder / "journal.sqlite").exists())
    ui.cohortButton.click()
    wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in family), 10)
    assert ui.cohortStageLabel.text.startswith("Stopped.")
    assert ui.cohortButton.text == "Resume"
    press(ui.cohortButton, a_real_panel, wait_for)

    table = {row[0]: row[1:] for row in rows(a_real_panel)}
    states = {case: row[0] for case, row in table.items()}
    assert states == {"s000": "done", "torn": "failed", "Loaded_scan": "done"}
    assert table["s000"][1]  # the time it took
    assert "torn" in table["torn"][2]
    assert ui.cohortStageLabel.text == "2 of 3 cases done, 1 failed."
    made = slicer.util.getNode("Loaded scan tumors")
    assert made.GetNodeReference(made.GetReferenceImageGeometryReferenceRole()) is node
    shown = open_case(a_real_panel, list(table).index("s000"), wait_for)
    assert shown.volumeNode.GetName() == "s000"
    assert n_nodes("Segmentation") == 2
    n_segments = shown.segmentationNode.GetSegmentation().GetNumberOfSegments()
    assert n_segments == ui.lesionTable.rowCount + 1  # and the liver
