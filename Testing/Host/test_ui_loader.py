"""A `.ui` file is loaded, and what it gets wrong is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = '<ui version="4.0"><widget class="QWidget" name="Page">{}</widget>{}</ui>'


@pytest.fixture
def load_text(a_slicer: Any, tmp_path: Path) -> Callable[..., Any]:
    """A function that loads a page with the given widgets and connections."""
    import slicer

    assert a_slicer is not None

    def load(widgets: str, connections: str = "") -> Any:
        path = tmp_path / "Page.ui"
        path.write_text(PAGE.format(widgets, connections), encoding="utf-8")
        return slicer.util.loadUI(str(path))

    return load


def test_an_unknown_widget_class_is_refused(load_text: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="ctkNoSuchButton"):
        load_text('<widget class="ctkNoSuchButton" name="a"/>')


@pytest.mark.parametrize("kind", ["QPushButton", "ctkCollapsibleButton", "qMRMLNodeComboBox"])
def test_an_unknown_property_is_refused(load_text: Callable[..., Any], kind: str) -> None:
    with pytest.raises(RuntimeError, match="colour"):
        load_text(
            f'<widget class="{kind}" name="a">'
            '<property name="colour"><string>red</string></property></widget>'
        )


def test_a_dynamic_property_is_set(load_text: Callable[..., Any]) -> None:
    import qt

    page = load_text(
        '<widget class="QLineEdit" name="a">'
        '<property name="SlicerParameterName" stdset="0"><string>name</string></property></widget>'
    )

    assert page.findChildren(qt.QWidget)[0].property("SlicerParameterName") == "name"


def test_a_child_is_no_attribute_of_the_page(load_text: Callable[..., Any]) -> None:
    page = load_text('<widget class="QLineEdit" name="nameEdit"/>')

    with pytest.raises(AttributeError):
        _ = page.nameEdit


def test_flags_of_a_stand_in_are_read(load_text: Callable[..., Any]) -> None:
    import ctk
    import qt

    page = load_text(
        '<widget class="ctkPathLineEdit" name="a"><property name="filters">'
        "<set>ctkPathLineEdit::Dirs|ctkPathLineEdit::Writable</set></property></widget>"
    )

    assert (
        page.findChildren(qt.QWidget)[0].filters
        == ctk.ctkPathLineEdit.Dirs | ctk.ctkPathLineEdit.Writable
    )


CONNECTION = (
    "<connections><connection><sender>a</sender><signal>{}</signal>"
    "<receiver>b</receiver><slot>{}</slot></connection></connections>"
)
TWO = '<widget class="QCheckBox" name="a"/><widget class="QLabel" name="b"/>'


def test_a_connection_is_made(load_text: Callable[..., Any]) -> None:
    import slicer

    page = load_text(TWO, CONNECTION.format("toggled(bool)", "setDisabled(bool)"))
    ui = slicer.util.childWidgetVariables(page)

    ui.a.checked = True

    assert ui.b.enabled is False


@pytest.mark.parametrize(
    ("signal", "slot"), [("togled(bool)", "setDisabled(bool)"), ("toggled(bool)", "setAble(bool)")]
)
def test_an_unknown_signal_or_slot_is_refused(
    load_text: Callable[..., Any], signal: str, slot: str
) -> None:
    with pytest.raises(RuntimeError, match=r"a\..* -> b\."):
        load_text(TWO, CONNECTION.format(signal, slot))


def test_a_path_object_is_refused_as_in_slicer(a_slicer: Any, tmp_path: Path) -> None:
    import slicer

    assert a_slicer is not None
    with pytest.raises(TypeError, match="PosixPath"):
        slicer.util.loadUI(tmp_path / "Page.ui")
