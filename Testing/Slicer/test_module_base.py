"""What every module has from the shared base, on one that adds a line edit and a label."""
# ruff: noqa: ARG001 - fixtures are asked for because of what they do

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

COUNTING = Path(__file__).parent / "module" / "Counting.py"


@pytest.fixture
def a_counter(load_module: Any, a_launcher: Path) -> Any:
    """The module, opened."""
    module = load_module(COUNTING)
    panel = module.widgetRepresentation()
    panel.enter()
    widget = panel.self()
    return SimpleNamespace(
        module=module, panel=panel, widget=widget, ui=widget.ui, logic=widget.logic
    )


def leftovers() -> list[Path]:
    import slicer

    return [p for p in Path(slicer.app.temporaryPath).iterdir() if "AtlasTumor" in p.name]


def begin(counter: Any, wait_for: Any, text: str) -> None:
    counter.ui.textLineEdit.text = text
    counter.ui.applyButton.click()
    wait_for(lambda: counter.ui.stageLabel.text.startswith("Counting"))


def test_a_run_goes_from_the_parameter_node_to_the_scene(a_counter: Any, wait_for: Any) -> None:
    ui = a_counter.ui
    assert not ui.applyButton.enabled
    assert ui.applyButton.toolTip == "Write a text first."
    ui.textLineEdit.text = "seven"
    assert ui.applyButton.enabled
    assert (ui.applyButton.text, ui.applyButton.toolTip) == ("Count", "Count the letters.")

    ui.applyButton.click()
    wait_for(lambda: ui.applyButton.text == "Count")

    assert ui.countLabel.text == "5"
    assert a_counter.logic.getParameterNode().count == 5
    assert not ui.progressBar.visible
    assert not leftovers()


def test_during_a_run_the_panel_tells_how_far_it_is_and_the_button_cancels(
    a_counter: Any, wait_for: Any
) -> None:
    ui = a_counter.ui

    begin(a_counter, wait_for, "wait")

    assert (ui.applyButton.text, ui.applyButton.toolTip) == ("Cancel", "Stop counting.")
    assert ui.stageLabel.text == "Counting, about 2 min left"
    assert ui.progressBar.value == pytest.approx(0.5 * 0.97 * ui.progressBar.maximum, abs=1)
    assert not ui.textLineEdit.enabled
    assert leftovers()
    ui.applyButton.click()
    assert (ui.applyButton.text, ui.stageLabel.text) == ("Count", "Cancelled")
    assert ui.textLineEdit.enabled
    assert ui.countLabel.text == "-1"
    assert not leftovers()


def test_a_result_that_cannot_be_read_is_a_failure_that_leaves_nothing(
    a_counter: Any, a_slicer: Any, wait_for: Any
) -> None:
    a_counter.ui.textLineEdit.text = "broken"

    a_counter.ui.applyButton.click()
    wait_for(lambda: a_counter.ui.applyButton.text == "Count")

    assert "This is a bug in AtlasTumor" in a_slicer.user.seen[-1].text
    assert not a_counter.ui.stageLabel.visible
    assert not leftovers()


@pytest.mark.parametrize("how", ["scene", "cleanup", "without the panel"])
def test_closing_scene_or_panel_ends_the_run(a_counter: Any, wait_for: Any, how: str) -> None:
    import slicer

    from atlastumor.errors import Cancelled

    if how == "without the panel":
        a_counter.panel.exit()
        run = a_counter.logic.count("wait", wait=False)
        a_counter.widget.removeObservers()
    else:
        begin(a_counter, wait_for, "wait")
        run = a_counter.logic._run

    if how == "cleanup":
        a_counter.widget.cleanup()
    else:
        slicer.mrmlScene.Clear(0)

    assert isinstance(run.error, Cancelled)
    assert not a_counter.logic.isRunning
    assert not leftovers()


def test_a_closed_module_leaves_the_parameter_node_alone(a_counter: Any) -> None:
    parameters = a_counter.logic.getParameterNode()
    a_counter.ui.textLineEdit.text = "before"

    a_counter.panel.exit()
    a_counter.ui.textLineEdit.text = "while closed"
    assert parameters.text == "before"
    a_counter.panel.enter()

    assert a_counter.ui.textLineEdit.text == "before"


def test_a_scene_that_closes_takes_the_choices_with_it(a_counter: Any) -> None:
    import slicer

    a_counter.ui.textLineEdit.text = "seven"

    slicer.mrmlScene.Clear(0)

    assert a_counter.ui.textLineEdit.text == ""
    assert not a_counter.ui.applyButton.enabled
    a_counter.ui.textLineEdit.text = "ten"
    assert a_counter.logic.getParameterNode().text == "ten"


def test_reloading_drops_the_packages_and_nothing_else(
    a_counter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    import slicer

    reloaded = []
    monkeypatch.setattr(slicer.util, "reloadScriptedModule", reloaded.append)
    before = dict(sys.modules)
    monkeypatch.setitem(sys.modules, "CountingLib.Parts", object())

    a_counter.widget.onReload()

    dropped = {name for name in before if name not in sys.modules}
    assert reloaded == ["Counting"]
    assert "CountingLib.Parts" not in sys.modules
    assert "AtlasTumorSlicer.ModuleWidget" in dropped
    assert {name.split(".")[0] for name in dropped} == {"AtlasTumorSlicer"}
    sys.modules.update(before)


def test_its_self_test_runs_with_the_worker_beside_it(
    a_counter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    code = sys.modules["Counting"]
    code.CountingTest().runTest()
    monkeypatch.setattr(code.CountingLogic, "count", lambda _self, text: len(text) + 1)

    with pytest.raises(AssertionError):
        code.CountingTest().runTest()


def test_it_says_what_all_modules_say(a_counter: Any) -> None:
    assert "Scaling Tumor Segmentation" in a_counter.module.acknowledgementText
    assert a_counter.module.categories == ("Segmentation",)


def test_a_result_is_kept_though_another_module_is_open(a_counter: Any, wait_for: Any) -> None:
    a_counter.ui.textLineEdit.text = "seven"
    a_counter.ui.applyButton.click()

    a_counter.panel.exit()
    wait_for(lambda: a_counter.ui.applyButton.text == "Count")
    a_counter.panel.enter()

    assert a_counter.ui.countLabel.text == "5"


def test_leaving_the_module_during_the_check_of_packages_stops_nothing(
    a_counter: Any, wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_counter.ui.textLineEdit.text = "seven"
    monkeypatch.setattr(a_counter.widget.installer, "ensure", a_counter.panel.exit)

    a_counter.ui.applyButton.click()
    wait_for(lambda: a_counter.ui.applyButton.text == "Count")

    assert a_counter.logic.getParameterNode().count == 5


def let_workers_fail_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system say at once that an interpreter cannot be started, as Windows does."""
    import qt

    from AtlasTumorSlicer.Jobs import Job

    start = Job.start

    def start_and_fail(job: Job) -> None:
        start(job)
        job._onProcessError(qt.QProcess.FailedToStart)
        job._process.kill()
        job._process.waitForFinished()

    monkeypatch.setattr(Job, "start", start_and_fail)


def test_an_interpreter_that_fails_at_once_leaves_no_run_behind(
    a_counter: Any, a_slicer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_counter.ui.textLineEdit.text = "seven"
    a_counter.widget.installer.ensure()
    let_workers_fail_at_once(monkeypatch)

    a_counter.ui.applyButton.click()

    assert a_counter.ui.applyButton.text == "Count"
    (dialog,) = a_slicer.user.seen
    assert "ended without a result" in dialog.text
