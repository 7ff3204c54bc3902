"""PySide6 has the manners of PythonQt."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def qt(a_slicer: Any) -> Any:
    import qt

    assert a_slicer is not None
    return qt


def test_a_property_is_an_attribute_and_its_setter_stays(qt: Any) -> None:
    label = qt.QLabel()

    label.text = "one"
    assert label.text == "one"
    label.setText("two")
    assert label.text == "two"


def test_a_getter_that_shares_the_name_of_a_property_cannot_be_called(qt: Any) -> None:
    with pytest.raises(TypeError):
        qt.QLabel("text").text()


def test_a_misspelt_property_is_refused(qt: Any) -> None:
    button = qt.QPushButton()

    with pytest.raises(AttributeError, match="tolTip"):
        button.tolTip = "Run"
    with pytest.raises(AttributeError, match="chekable"):
        _ = button.chekable


def test_a_value_of_the_wrong_type_is_refused(qt: Any) -> None:
    with pytest.raises(AttributeError, match="does not accept"):
        qt.QProgressBar().value = "much"


def test_a_class_derived_in_python_takes_new_attributes(qt: Any) -> None:
    class Panel(qt.QWidget):
        def __init__(self) -> None:
            qt.QWidget.__init__(self)
            self.answer = 42

    assert Panel().answer == 42


def test_static_functions_share_a_name_with_a_property(qt: Any, a_slicer: Any) -> None:
    shots = []
    qt.QTimer.singleShot(0, lambda: shots.append(1))
    timer = qt.QTimer()
    timer.singleShot = True

    a_slicer.application.processEvents()

    assert shots == [1]
    assert timer.singleShot is True


def test_a_dynamic_property_is_an_attribute(qt: Any) -> None:
    box = qt.QCheckBox()
    box.setProperty("SlicerParameterName", "invert")

    assert box.SlicerParameterName == "invert"
    assert box.property("SlicerParameterName") == "invert"


def test_names_classes_and_children_are_given_as_in_pythonqt(qt: Any) -> None:
    widget = qt.QWidget()
    button = qt.QPushButton(widget)
    button.name = "applyButton"

    assert button.objectName == "applyButton"
    assert button.className() == "QPushButton"
    assert widget.findChildren(qt.QPushButton) == (button,)
    assert qt.QProcess().Running == qt.QProcess.Running


def test_a_signal_passes_as_many_arguments_as_are_taken(qt: Any) -> None:
    button, calls = qt.QPushButton(), []
    button.connect("clicked(bool)", lambda: calls.append("none"))
    button.connect("clicked(bool)", lambda checked: calls.append(checked))

    button.click()

    assert calls == ["none", False]


def test_a_connection_can_be_taken_back_once(qt: Any) -> None:
    button, calls = qt.QPushButton(), []

    def note() -> None:
        calls.append(1)

    button.connect("clicked()", note)
    assert button.disconnect("clicked()", note) is True
    assert button.disconnect("clicked()", note) is False

    button.click()

    assert calls == []


def test_a_bound_method_stays_connected_when_nobody_else_holds_its_object(qt: Any) -> None:
    button, calls = qt.QPushButton(), []

    class Listener:
        def hear(self) -> None:
            calls.append(1)

    button.connect("clicked()", Listener().hear)

    button.click()

    assert calls == [1]


def test_an_unknown_signal_is_refused(qt: Any) -> None:
    with pytest.raises(AttributeError, match="clikked"):
        qt.QPushButton().connect("clikked()", print)


def test_an_error_in_a_slot_is_kept_for_the_end_of_the_test(qt: Any, a_slicer: Any) -> None:
    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)

    button.click()

    assert a_slicer.errors() == ["ZeroDivisionError: division by zero"]
    a_slicer.forgive()


def test_an_error_inside_vtk_is_kept_for_the_end_of_the_test(a_scene: Any, a_slicer: Any) -> None:
    a_scene.AddNode(None)
    a_scene.AddNewNodeByClass("vtkMRMLNoSuchNode")

    assert any("vtkMRMLNoSuchNode" in text or "AddNode" in text for text in a_slicer.errors())
    a_slicer.forgive()


def test_a_question_without_an_answer_is_an_error_and_never_hangs(qt: Any, a_slicer: Any) -> None:
    import slicer

    with pytest.raises(AssertionError, match="Delete everything"):
        slicer.util.confirmYesNoDisplay("Delete everything?")

    a_slicer.user.answer(qt.QMessageBox.No, qt.QMessageBox.Yes)
    assert slicer.util.confirmYesNoDisplay("Delete everything?") is False
    assert slicer.util.confirmYesNoDisplay("Delete everything?") is True


def test_an_error_message_is_written_down_and_closed(a_slicer: Any) -> None:
    import slicer

    slicer.util.errorDisplay("It failed.", detailedText="line 3")

    (seen,) = a_slicer.user.seen
    assert (seen.text, seen.details) == ("It failed.", "line 3")


def test_signal_and_slot_are_not_offered(qt: Any) -> None:
    assert not hasattr(qt, "Signal")
    assert not hasattr(qt, "Slot")


def test_many_calls_do_not_use_none_up(qt: Any) -> None:
    label = qt.QLabel()

    for _ in range(100_000):  # without the guard Python 3.11 aborts far earlier
        label.setText("again")

    assert label.text == "again"


def test_a_timer_with_a_delay_fires_once(qt: Any, a_slicer: Any) -> None:
    shots: list[int] = []
    qt.QTimer.singleShot(5, lambda: shots.append(1))

    timer = qt.QElapsedTimer()
    timer.start()
    while timer.elapsed() < 2000 and not shots:
        a_slicer.application.processEvents()

    assert shots == [1]
