"""Stand-ins of CTK's containers and buttons (properties from the headers in `CTK/Libs/Widgets`)."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QColorDialog,
    QGroupBox,
    QMessageBox,
    QPushButton,
    QStyle,
    QStyleOptionButton,
    QStylePainter,
    QTextBrowser,
    QWidget,
)

from host.stand_in import Property, stored, with_setters

__all__ = [
    "ctkCheckBox",
    "ctkCheckablePushButton",
    "ctkCollapsibleButton",
    "ctkCollapsibleGroupBox",
    "ctkColorPickerButton",
    "ctkFittedTextBrowser",
    "ctkMenuButton",
    "ctkMessageBox",
]

_HEADER_HEIGHT = 26


def _show_children(container: QWidget, is_shown: bool) -> None:
    for child in QObject.children(container):
        if isinstance(child, QWidget):
            child.setVisible(is_shown)


@with_setters
class ctkCollapsibleButton(QAbstractButton):
    """A header; a click on it folds or unfolds what lies below."""

    contentsCollapsed = Signal(bool)
    host_signals: ClassVar = {"contentsCollapsed(bool)": "contentsCollapsed"}

    def __init__(self, text: Any = None, parent: Any = None) -> None:
        """Make one from a text, a parent or both."""
        super().__init__(parent if isinstance(text, str) else text)
        if isinstance(text, str):
            self.text = text
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(6, _HEADER_HEIGHT, 0, 0)
        self.toggled.connect(self._fold)

    def _fold(self, is_open: bool) -> None:
        _show_children(self, is_open)
        self.setMaximumHeight(16777215 if is_open else _HEADER_HEIGHT)
        self.contentsCollapsed.emit(not is_open)

    collapsed = Property(
        bool, lambda self: not self.checked, lambda self, value: self.setChecked(not value)
    )
    collapsedHeight = stored("collapsedHeight", int, 17)
    flat = stored("flat", bool, False)
    contentsLineWidth = stored("contentsLineWidth", int, 1)
    contentsMidLineWidth = stored("contentsMidLineWidth", int, 0)

    def childEvent(self, event: Any) -> None:
        """Hide what is put into a folded button."""
        if event.added() and not self.checked and isinstance(event.child(), QWidget):
            event.child().setVisible(False)

    def paintEvent(self, _event: Any) -> None:
        """Draw the header."""
        painter = QStylePainter(self)
        option = QStyleOptionButton()
        option.initFrom(self)
        option.rect.setHeight(_HEADER_HEIGHT - 4)
        painter.drawControl(QStyle.CE_PushButtonBevel, option)
        arrow = "▾ " if self.checked else "▸ "
        area = option.rect.adjusted(8, 0, 0, 0)
        painter.drawText(area, int(Qt.AlignVCenter | Qt.AlignLeft), arrow + self.text)


@with_setters
class ctkCollapsibleGroupBox(QGroupBox):
    """A group box with a check mark that folds it."""

    def __init__(self, *arguments: Any) -> None:
        """Make one as a QGroupBox."""
        super().__init__(*arguments)
        self.setCheckable(True)
        self.toggled.connect(lambda is_open: _show_children(self, is_open))

    collapsed = Property(
        bool, lambda self: not self.checked, lambda self, value: self.setChecked(not value)
    )
    collapsedHeight = stored("collapsedHeight", int, 14)


@with_setters
class ctkCheckBox(QCheckBox):
    """A check box with icons of its own."""

    indicatorIcon = stored("indicatorIcon", QIcon, QIcon())


@with_setters
class ctkMenuButton(QPushButton):
    """A push button with a menu arrow beside it."""


@with_setters
class ctkCheckablePushButton(QPushButton):
    """A push button with a check box in it."""

    checkBoxToggled = Signal(bool)
    checkStateChanged = Signal(object)
    host_signals: ClassVar = {"checkBoxToggled(bool)": "checkBoxToggled"}

    def _check_changed(self, value: int) -> None:
        self.checkBoxToggled.emit(value == Qt.Checked.value)
        self.checkStateChanged.emit(Qt.CheckState(value))

    checkState = stored("checkState", int, Qt.Unchecked.value, _check_changed)
    checkBoxControlsButton = stored("checkBoxControlsButton", bool, True)
    checkBoxControlsButtonToggleState = stored("checkBoxControlsButtonToggleState", bool, True)
    checkBoxUserCheckable = stored("checkBoxUserCheckable", bool, True)


@with_setters
class ctkColorPickerButton(QPushButton):
    """A push button that shows and picks a color."""

    colorChanged = Signal(QColor)
    colorNameChanged = Signal(str)
    host_signals: ClassVar = {"colorChanged(QColor)": "colorChanged"}

    def __init__(self, *arguments: Any) -> None:
        """Make one as a QPushButton."""
        super().__init__(*arguments)
        self.clicked.connect(self.changeColor)

    def _color_changed(self, color: QColor) -> None:
        self.colorChanged.emit(color)
        self.colorNameChanged.emit(color.name())

    color = stored("color", QColor, QColor(Qt.black), _color_changed)
    colorName = Property(
        str,
        lambda self: self.color.name(),
        lambda self, value: setattr(self, "color", QColor(value)),
    )
    displayColorName = stored("displayColorName", bool, True)

    def changeColor(self) -> None:
        """Let the user pick."""
        chosen = QColorDialog.getColor(self.color, self)
        if chosen.isValid():
            self.color = chosen


@with_setters
class ctkFittedTextBrowser(QTextBrowser):
    """A text browser as high as its text."""

    disableMouseScroll = stored("disableMouseScroll", bool, False)
    collapsed = stored("collapsed", bool, True)
    showDetailsText = stored("showDetailsText", str, "")
    hideDetailsText = stored("hideDetailsText", str, "")

    def setCollapsibleText(self, text: str) -> None:
        """Set the text."""
        self.setHtml(text)


@with_setters
class ctkMessageBox(QMessageBox):
    """A message box that can be told not to come again."""

    dontShowAgain = stored("dontShowAgain", bool, False)
    dontShowAgainSettingsKey = stored("dontShowAgainSettingsKey", str, "")
    dontShowAgainVisible = stored("dontShowAgainVisible", bool, False)
