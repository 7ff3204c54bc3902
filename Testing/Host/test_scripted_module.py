"""A scripted module with a `.ui` file lives on the host as it does in Slicer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

COUNTER = Path(__file__).parent / "examples" / "Counter.py"


@pytest.fixture
def a_panel(load_module: Callable[[Path], Any]) -> Any:
    """The panel of the module Counter, opened."""
    panel = load_module(COUNTER).widgetRepresentation()
    panel.enter()
    return panel.self()


@pytest.fixture
def a_volume(a_scene: Any) -> Any:
    """A volume with the voxels 0, 10, ..., 230."""
    import slicer

    assert a_scene is not None
    array = (np.arange(24, dtype=np.int16) * 10).reshape(2, 3, 4)
    return slicer.util.addVolumeFromArray(array, name="Numbers")


def test_a_module_describes_itself_and_hears_of_the_startup(
    load_module: Callable[[Path], Any],
) -> None:
    import slicer

    module = load_module(COUNTER)

    assert (module.name, module.title, module.categories) == ("Counter", "Counter", ("Examples",))
    assert slicer.modules.CounterInstance.isStarted
    assert slicer.util.getModule("Counter") is module
    assert slicer.util.modulePath("Counter") == str(COUNTER)
    assert isinstance(slicer.util.getModuleLogic("Counter"), sys.modules["Counter"].CounterLogic)


def test_a_module_cannot_invent_a_field_of_its_description(
    load_module: Callable[[Path], Any],
) -> None:
    module = load_module(COUNTER)

    with pytest.raises(AttributeError, match="tittle"):
        module.tittle = "Counter"


def test_a_module_counts_what_its_widgets_say(a_panel: Any, a_volume: Any) -> None:
    ui = a_panel.ui
    assert not ui.applyButton.enabled
    ui.volumeSelector.setCurrentNode(a_volume)
    assert ui.applyButton.enabled
    ui.thresholdSlider.value = 95

    ui.applyButton.click()
    assert ui.resultLabel.text == "14 voxels"
    ui.invertBox.click()
    ui.applyButton.click()
    assert ui.resultLabel.text == "10 voxels"


def test_an_error_of_the_logic_reaches_the_user(a_panel: Any, a_volume: Any, a_slicer: Any) -> None:
    import slicer

    slicer.util.updateVolumeFromArray(a_volume, np.full((2, 3, 4), -1, np.int16))
    a_panel.ui.volumeSelector.setCurrentNode(a_volume)

    a_panel.ui.applyButton.click()

    assert a_slicer.user.seen[0].text == "Counting failed.\n\nThe volume has negative voxels."
    assert a_slicer.errors() == ["ValueError: The volume has negative voxels."]
    a_slicer.forgive()


def test_a_slider_takes_the_limits_of_its_parameter(a_panel: Any) -> None:
    slider = a_panel.ui.thresholdSlider

    assert (slider.minimum, slider.maximum, slider.value) == (-100, 500, 100)


def test_a_combo_box_offers_the_names_of_an_enum(a_panel: Any) -> None:
    box = a_panel.ui.sideBox
    assert [box.itemText(i) for i in range(box.count)] == ["above", "below"]
    assert box.currentText == "below"

    box.currentIndex = 0

    assert a_panel._parameterNode.side is sys.modules["Counter"].Side.above


def test_parameters_come_back_with_a_scene(a_panel: Any, a_volume: Any, tmp_path: Path) -> None:
    import slicer

    node = a_panel._parameterNode
    node.volume, node.threshold, node.invert = a_volume, 12.5, True
    node.side, node.method = sys.modules["Counter"].Side.above, "fast"
    node.folder, node.labels, node.limits = Path("a/b"), [3, 1, 2], {"low": 0.25}
    path = tmp_path / "Scene.mrb"
    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(False)

    slicer.util.loadScene(str(path))

    back = a_panel.logic.getParameterNode()
    assert back.volume.GetName() == "Numbers"
    assert (back.threshold, back.invert, back.side.name, back.method) == (
        12.5,
        True,
        "above",
        "fast",
    )
    assert (back.folder, back.labels, back.limits) == (Path("a/b"), [3, 1, 2], {"low": 0.25})


def test_parameters_are_stored_in_slicers_own_form(a_panel: Any) -> None:
    node = a_panel._parameterNode
    node.labels = [7, 8]
    stored = node.parameterNode

    texts = {
        name: stored.GetParameter(name) for name in ("invert", "threshold", "side", "labels.1")
    }

    assert texts == {"invert": "False", "threshold": "100", "side": "below", "labels.1": "8"}
    assert stored.GetParameter("labels.len") == "2"


def test_a_value_outside_its_limits_is_refused_and_changes_nothing(a_panel: Any) -> None:
    node = a_panel._parameterNode

    for name, value in (("threshold", 501), ("method", "slow"), ("invert", 1), ("labels", ["a"])):
        with pytest.raises((ValueError, TypeError)):
            setattr(node, name, value)

    assert (node.threshold, node.method, node.invert, node.labels) == (100, "exact", False, [])


@pytest.mark.skipif(
    bool(os.environ.get("ATLASTUMOR_SLICER_PYTHON")), reason="Slicer's own layer lets it pass"
)
def test_a_misspelt_parameter_is_refused(a_panel: Any) -> None:
    with pytest.raises(AttributeError, match="treshold"):
        a_panel._parameterNode.treshold = 3


def test_a_changed_list_is_one_event(a_panel: Any) -> None:
    node, calls = a_panel._parameterNode, []
    tag = node.AddObserver("ModifiedEvent", lambda *_: calls.append(1))

    node.labels.extend([1, 2, 3])

    assert (calls, node.labels) == ([1], [1, 2, 3])
    node.RemoveObserver(tag)


def test_a_widget_that_cannot_show_its_parameter_is_refused(a_panel: Any) -> None:
    import qt

    label = qt.QLabel()

    with pytest.raises(RuntimeError, match="QLabel"):
        a_panel._parameterNode.connectParametersToGui({"threshold": label})


def test_a_left_panel_no_longer_follows_its_parameters(a_panel: Any) -> None:
    node = a_panel._parameterNode
    a_panel.setParameterNode(None)

    node.threshold = 7

    assert a_panel.ui.thresholdSlider.value == 100


def test_a_module_can_be_reloaded(a_panel: Any) -> None:
    import slicer

    slicer.util.reloadScriptedModule("Counter")

    assert slicer.modules.CounterWidget is not a_panel
    assert slicer.modules.CounterWidget.ui.thresholdSlider.value == 100


def test_settings_last_for_one_test_a(a_slicer: Any) -> None:
    _check_and_change_settings(a_slicer)


def test_settings_last_for_one_test_b(a_slicer: Any) -> None:
    _check_and_change_settings(a_slicer)


def _check_and_change_settings(session: Any) -> None:
    import slicer

    assert slicer.util.settingsValue("Counter/Device", "auto") == "auto"
    session.application.settings().setValue("Counter/Device", "cpu")
    assert slicer.util.settingsValue("Counter/Device", "auto") == "cpu"


def test_a_panel_that_fails_to_set_up_is_an_error_each_time(
    load_module: Callable[[Path], Any], tmp_path: Path
) -> None:
    path = tmp_path / "Broken.py"
    path.write_text(
        "from slicer.ScriptedLoadableModule import *\n"
        "class Broken(ScriptedLoadableModule):\n"
        "    pass\n"
        "class BrokenWidget(ScriptedLoadableModuleWidget):\n"
        "    def setup(self):\n"
        "        raise RuntimeError('no panel')\n",
        encoding="utf-8",
    )
    module = load_module(path)

    for _ in range(2):
        with pytest.raises(RuntimeError, match="no panel"):
            module.widgetRepresentation()
