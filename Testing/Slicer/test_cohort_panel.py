"""The tab for many scans: what is chosen, started, stopped and gone on with."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from Slicer.cohort_panel import n_nodes, press, press_during_check, rows
from Slicer.test_widget_stops import is_alive


def test_a_tab_shows_what_belongs_to_it_alone(a_panel: Any) -> None:
    ui = a_panel.ui
    of_scan = (ui.scanInputsWidget, ui.scanRunWidget)
    of_cohort = (ui.cohortInputsWidget, ui.cohortRunWidget)
    assert not any(widget.isHidden() for widget in of_scan)
    assert all(widget.isHidden() for widget in of_cohort)

    ui.taskTabWidget.currentIndex = 1

    assert all(widget.isHidden() for widget in of_scan)
    assert not any(widget.isHidden() for widget in (*of_cohort, ui.organsCollapsibleButton))


def test_start_says_what_is_missing(a_panel: Any, tmp_path: Path) -> None:
    ui, cohort = a_panel.ui, a_panel.widget._cohort
    assert not ui.cohortButton.enabled
    assert ui.cohortButton.toolTip.startswith("Add scans first")

    cohort.choices.inputs.addPaths([str(tmp_path)])
    assert ui.cohortButton.toolTip == "Choose a folder for the results first."

    ui.cohortFolderPathLineEdit.currentPath = str(tmp_path / "out")
    assert ui.cohortButton.enabled
    assert ui.listButton.enabled

    ui.noOrgansButton.click()
    assert not ui.cohortButton.enabled
    assert ui.cohortButton.toolTip == "Check at least one organ."


def test_list_shows_the_cases_and_segments_none(
    a_cohort: Any, wait_for: Callable[..., None]
) -> None:
    press(a_cohort.ui.listButton, a_cohort, wait_for)

    assert rows(a_cohort)[0] == ["1.2.3", "left out", "", "localizer"]
    assert [row[:2] for row in rows(a_cohort)[1:]] == [
        [name, "waiting"] for name in ("alpha", "bad", "flaky", "zeta")
    ]
    assert a_cohort.ui.casesLabel.text == "4 cases"
    assert a_cohort.ui.cohortStageLabel.text.startswith("It will take 30 min with 2 workers")
    assert not a_cohort.folder.exists()


def test_a_cohort_runs_and_the_table_says_how_each_case_ended(
    a_cohort: Any, wait_for: Callable[..., None]
) -> None:
    ui, said = a_cohort.ui, []
    ui.cohortButton.click()
    a_cohort.logic.cohort.progressed.connect(lambda *_: said.append(ui.cohortStageLabel.text))

    wait_for(lambda: not a_cohort.cohort.isBusy and not a_cohort.cohort.isListing)

    assert any(text.startswith("2 of 4 cases, 1 failed, done about ") for text in said)
    assert rows(a_cohort) == [
        ["alpha", "done", "12 s", "Liver 2, Pancreas 1, Kidney 1"],
        ["bad", "failed", "", "The scan has 3 slices; 16 are needed."],
        ["flaky", "failed", "", "The scan has 3 slices; 16 are needed."],
        ["zeta", "done", "12 s", "Liver 2, Pancreas 1, Kidney 1"],
    ]
    assert ui.cohortStageLabel.text == "2 of 4 cases done, 2 failed."
    assert ui.casesLabel.text == "4 cases, 2 done, 2 failed"
    assert ui.cohortButton.text == "Resume"
    assert n_nodes("Segmentation") == 0


def test_stopping_ends_the_worker_and_resuming_does_the_rest(
    a_cohort: Any,
    wait_for: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ui, note = a_cohort.ui, tmp_path / "pids"
    monkeypatch.setenv("ATLASTUMOR_FAKE", "hang")
    monkeypatch.setenv("ATLASTUMOR_FAKE_PIDS", str(note))
    ui.cohortButton.click()
    wait_for(lambda: note.exists() and len(note.read_text().split()) == 2)
    wait_for(lambda: [row[1] for row in rows(a_cohort)][:1] == ["done"])
    assert ui.cohortButton.text == "Stop"
    assert not ui.cohortInputsWidget.enabled
    assert not ui.applyButton.enabled
    assert ui.applyButton.toolTip.startswith("A cohort is running.")
    family = [int(word) for word in note.read_text().split()]

    ui.cohortButton.click()

    wait_for(lambda: not any(is_alive(pid) for pid in family), 10)
    assert ui.cohortStageLabel.text.startswith("Stopped.")
    assert ui.cohortButton.text == "Resume"
    assert ui.cohortInputsWidget.enabled
    monkeypatch.setenv("ATLASTUMOR_FAKE", "result")
    ui.cohortButton.click()
    run = a_cohort.logic.cohort
    wait_for(lambda: not a_cohort.cohort.isBusy)
    assert list(run.cases) == ["bad", "flaky", "zeta"]
    wait_for(lambda: len(rows(a_cohort)) == 4)
    assert ui.cohortStageLabel.text == "2 of 4 cases done, 2 failed."
    assert [row[1] for row in rows(a_cohort)] == ["done", "failed", "failed", "done"]


def test_failed_cases_are_tried_again(a_done_cohort: Any, wait_for: Callable[..., None]) -> None:
    press(a_done_cohort.ui.retryButton, a_done_cohort, wait_for)

    assert [row[1] for row in rows(a_done_cohort)] == ["done", "failed", "done", "done"]
    assert a_done_cohort.ui.retryButton.enabled


def test_closing_the_scene_lets_a_cohort_of_files_go_on(
    a_cohort: Any, wait_for: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    monkeypatch.setenv("ATLASTUMOR_FAKE_PAUSE", "0.3")
    a_cohort.ui.cohortButton.click()
    wait_for(lambda: a_cohort.ui.casesTable.rowCount == 4)

    slicer.mrmlScene.Clear(0)

    assert a_cohort.cohort.isBusy
    assert not a_cohort.ui.organsCollapsibleButton.enabled
    wait_for(lambda: not a_cohort.cohort.isBusy)
    assert [row[1] for row in rows(a_cohort)] == ["done", "failed", "failed", "done"]


def test_closing_the_scene_ends_a_cohort_of_its_scans(
    a_panel: Any, a_scan: Any, monkeypatch: pytest.MonkeyPatch, wait_for: Callable[..., None]
) -> None:
    import slicer

    monkeypatch.setenv("ATLASTUMOR_FAKE_PAUSE", "5")
    a_panel.ui.taskTabWidget.currentIndex = 1
    a_panel.ui.addNodesButton.click()
    a_panel.ui.cohortButton.click()
    assert a_panel.logic.isCohortRunning

    slicer.mrmlScene.Clear(0)

    assert not a_panel.logic.isCohortRunning
    assert a_panel.ui.cohortInputsListWidget.count == 0


def test_closing_the_panel_stops_a_cohort(a_cohort: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLASTUMOR_FAKE_PAUSE", "5")
    a_cohort.ui.cohortButton.click()

    a_cohort.widget.cleanup()

    assert not a_cohort.logic.isCohortRunning


def test_a_run_on_one_scan_keeps_a_cohort_waiting(
    a_cohort: Any,
    a_scan: Any,
    wait_for: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATLASTUMOR_FAKE", "hang")
    monkeypatch.setenv("ATLASTUMOR_FAKE_PIDS", str(tmp_path / "pids"))
    a_cohort.ui.inputSelector.setCurrentNode(a_scan)
    a_cohort.ui.applyButton.click()

    assert not a_cohort.ui.cohortButton.enabled
    assert "A scan is being segmented" in a_cohort.ui.cohortButton.toolTip

    a_cohort.ui.applyButton.click()
    assert a_cohort.ui.cohortButton.enabled


def test_paths_stay_with_the_computer_and_a_begun_folder_shows_its_cases(
    a_done_cohort: Any, wait_for: Callable[..., None], load_module: Any
) -> None:
    import slicer
    from AtlasTumorSegLib.Parameters import readMachine

    a_done_cohort.ui.seriesRuleComboBox.currentIndex = 1
    path = str(a_done_cohort.folder.parent / "case.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    assert a_done_cohort.ui.seriesRuleComboBox.currentIndex == 0
    assert readMachine("cohortFolder") == str(a_done_cohort.folder)

    slicer.util.loadScene(path)
    assert a_done_cohort.ui.seriesRuleComboBox.currentIndex == 1
    line = a_done_cohort.ui.cohortFolderPathLineEdit
    line.currentPath = ""
    assert rows(a_done_cohort) == []
    line.currentPath = str(a_done_cohort.folder)  # shows the cases by itself
    assert a_done_cohort.ui.applyButton.text == "Apply"  # nobody waits for that
    wait_for(lambda: not a_done_cohort.cohort.isListing)
    assert [row[1] for row in rows(a_done_cohort)] == ["done", "failed", "failed", "done"]


def test_a_folder_that_cannot_be_read_says_so_in_the_panel(
    a_cohort: Any, tmp_path: Path, wait_for: Callable[..., None]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "journal.sqlite").write_text("no journal")

    a_cohort.ui.cohortFolderPathLineEdit.currentPath = str(other)

    wait_for(lambda: not a_cohort.cohort.isListing)
    assert a_cohort.ui.cohortStageLabel.text
    assert a_cohort.ui.cohortButton.enabled


def test_report_and_folder_are_shown_in_the_systems_own_way(
    a_done_cohort: Any, wait_for: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import qt

    opened: list[str] = []

    class Services:
        @staticmethod
        def openUrl(url: Any) -> None:
            opened.append(str(url.toLocalFile()))

    monkeypatch.setattr(qt, "QDesktopServices", Services)

    press(a_done_cohort.ui.reportButton, a_done_cohort, wait_for)
    a_done_cohort.ui.openFolderButton.click()

    assert opened == [str(a_done_cohort.folder / "dashboard.html"), str(a_done_cohort.folder)]
    assert Path(opened[0]).is_file()


def test_inputs_are_added_by_dialog_and_removed(a_panel: Any, a_slicer: Any) -> None:
    ui, inputs = a_panel.ui, a_panel.widget._cohort.choices.inputs
    a_slicer.user.answer("/data/a", ["/data/b.csv", "/data/c.zip", "/data/a"], "", [])
    ui.addFolderButton.click()
    ui.addFilesButton.click()
    ui.addFolderButton.click()
    ui.addFilesButton.click()
    assert inputs.paths == ["/data/a", "/data/b.csv", "/data/c.zip"]
    assert not ui.removeInputsButton.enabled

    ui.cohortInputsListWidget.setCurrentRow(1)
    ui.removeInputsButton.click()

    assert inputs.paths == ["/data/a", "/data/c.zip"]


def test_what_takes_input_has_a_name_for_those_who_cannot_see_it(a_panel: Any) -> None:
    import qt

    kinds = (qt.QListWidget, qt.QTableWidget, qt.QComboBox, qt.QProgressBar)
    widgets = [
        getattr(a_panel.ui, name)
        for name in vars(a_panel.ui)
        if name.startswith(("cohort", "case"))
    ]
    nameless = [one.name for one in widgets if isinstance(one, kinds) and not one.accessibleName]
    assert not nameless


def test_stop_is_heard_while_packages_are_looked_at(a_cohort: Any, wait_for: Any) -> None:
    ui = a_cohort.ui
    press_during_check(a_cohort.widget.installer, ui.cohortButton)

    press(ui.cohortButton, a_cohort, wait_for)

    assert ui.cohortStageLabel.text.startswith("Stopped.")
    assert not a_cohort.folder.exists()
