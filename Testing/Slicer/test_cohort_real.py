"""Cohorts by the real worker, with a network that takes no time."""

from __future__ import annotations

import shutil
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
    ui, folder = a_real_panel.ui, tmp_path / "out"
    write_scans(tmp_path / "scans", 1)
    (tmp_path / "scans" / "torn.nii.gz").write_bytes(b"no scan")
    a_real_panel.cohort.choices.inputs.addPaths([str(tmp_path / "scans")])
    ui.cohortFolderPathLineEdit.currentPath = str(folder)

    ui.cohortButton.click()
    me = psutil.Process()
    wait_for(lambda: len(me.children(recursive=True)) > 2)
    family = me.children(recursive=True)
    wait_for(lambda: (folder / "journal.sqlite").exists())
    ui.cohortButton.click()
    wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in family), 10)
    assert ui.cohortStageLabel.text.startswith("Stopped.")
    assert ui.cohortButton.text == "Resume"
    press(ui.cohortButton, a_real_panel, wait_for)

    assert [row[:2] for row in rows(a_real_panel)] == [
        ["s000", "done"],
        ["torn", "failed"],
    ]
    assert rows(a_real_panel)[0][2]  # the time it took
    assert "torn" in rows(a_real_panel)[1][3]
    assert ui.cohortStageLabel.text == "1 of 2 cases done, 1 failed."
    shown = open_case(a_real_panel, 0, wait_for)
    assert shown.volumeNode.GetName() == "s000"
    assert n_nodes("Segmentation") == 1
    n_segments = shown.segmentationNode.GetSegmentation().GetNumberOfSegments()
    assert n_segments == ui.lesionTable.rowCount + 1  # and the liver


def test_nodes_are_segmented_and_get_their_segments(a_real_panel: Any, tmp_path: Path) -> None:
    import slicer

    paths = write_scans(tmp_path / "scans", 2)
    nodes = [slicer.util.loadVolume(str(path)) for path in paths]
    shutil.rmtree(tmp_path / "scans")

    result = a_real_panel.logic.segmentCohort(
        nodes, organs=["liver"], model=TINY, device="cpu", loadResults=True, workers=1
    )

    assert result.counts["done"] == 2
    assert not result.failed
    for node, made in zip(nodes, result.segmentationNodes, strict=True):
        assert made.GetName() == f"{node.GetName()} tumors"
        role = made.GetReferenceImageGeometryReferenceRole()
        assert made.GetNodeReference(role) is node
