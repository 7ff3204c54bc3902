"""Stand-ins of CTK's combo boxes and path widgets (properties from `CTK/Libs/Widgets`)."""

from __future__ import annotations

import enum
import os
from typing import Any, ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QLineEdit,
    QPushButton,
    QToolButton,
    QWidget,
)

from host.stand_in import Property, enum_from_text, in_a_row, state, stored, with_setters

__all__ = ["ctkCheckableComboBox", "ctkComboBox", "ctkDirectoryButton", "ctkPathLineEdit"]


@with_setters
class ctkComboBox(QComboBox):
    """A combo box that shows a text while nothing is chosen."""

    defaultText = stored("defaultText", str, "")
    forceDefault = stored("forceDefault", bool, False)


@with_setters
class ctkCheckableComboBox(QComboBox):
    """A combo box whose items carry check marks."""

    checkedIndexesChanged = Signal()
    host_signals: ClassVar = {"checkedIndexesChanged()": "checkedIndexesChanged"}

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make an empty one."""
        super().__init__(parent)
        self.model().itemChanged.connect(lambda _: self.checkedIndexesChanged.emit())
        self.model().rowsInserted.connect(self._make_checkable)

    def _make_checkable(self, _parent: Any, first: int, last: int) -> None:
        for row in range(first, last + 1):
            item = self.model().item(row)
            item.setFlags(Qt.ItemIsUserCheckable | Qt.ItemIsEnabled | Qt.ItemIsSelectable)
            item.setData(Qt.Unchecked, Qt.CheckStateRole)

    def checkableModel(self) -> Any:
        """Give the model behind the items."""
        return self.model()

    def checkedIndexes(self) -> list[Any]:
        """Give the indexes of the checked items."""
        rows = range(self.model().rowCount())
        indexes = [self.model().index(row, 0) for row in rows]
        return [one for one in indexes if self.checkState(one) == Qt.Checked]

    def allChecked(self) -> bool:
        """Whether every item is checked."""
        return len(self.checkedIndexes()) == self.model().rowCount()

    def noneChecked(self) -> bool:
        """Whether no item is checked."""
        return not self.checkedIndexes()

    def checkState(self, index: Any) -> Qt.CheckState:
        """Give the check mark of an item."""
        return Qt.CheckState(self.model().data(index, Qt.CheckStateRole))

    def setCheckState(self, index: Any, check: Qt.CheckState) -> None:
        """Set the check mark of an item."""
        self.model().setData(index, check, Qt.CheckStateRole)


class _Filter(enum.IntFlag):
    Dirs, Files, Drives, NoSymLinks = 0x001, 0x002, 0x004, 0x008
    Readable, Writable, Executable = 0x010, 0x020, 0x040
    Hidden, System = 0x100, 0x200


@with_setters
class ctkPathLineEdit(QWidget):
    """A line for a path, with a button that opens a file dialog."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    host_signals: ClassVar = {
        "currentPathChanged(QString)": "currentPathChanged",
        "validInputChanged(bool)": "validInputChanged",
    }
    Filter = _Filter
    host_enums: ClassVar = {"filters": enum_from_text(_Filter)}

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make one with an empty path."""
        super().__init__(parent)
        own = state(self)
        own.line, own.browse = QLineEdit(), QToolButton()
        own.browse.setText("...")
        own.line.textChanged.connect(self.currentPathChanged.emit)
        own.browse.clicked.connect(self.browse)
        in_a_row(self, own.line, own.browse)

    currentPath = Property(
        str,
        lambda self: state(self).line.text,
        lambda self, path: state(self).line.setText(path),
    )
    filters = stored("filters", int, int(_Filter.Files | _Filter.Readable))
    label = stored("label", str, "")
    settingKey = stored("settingKey", str, "")
    nameFilters = stored("nameFilters", list, [])
    minimumContentsLength = stored("minimumContentsLength", int, 0)
    showBrowseButton = stored(
        "showBrowseButton", bool, True, lambda self, shown: state(self).browse.setVisible(shown)
    )
    showHistoryButton = stored("showHistoryButton", bool, True)

    def browse(self) -> None:
        """Let the user choose."""
        is_folder = bool(self.filters & _Filter.Dirs)
        ask = QFileDialog.getExistingDirectory if is_folder else QFileDialog.getOpenFileName
        if path := ask(self, self.label):
            self.currentPath = path

    def addCurrentPathToHistory(self) -> None:
        """Remember the path for the history menu (the host has no such menu)."""


for _member in _Filter:
    setattr(ctkPathLineEdit, _member.name, _member)


@with_setters
class ctkDirectoryButton(QPushButton):
    """A button that shows and chooses a folder."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)
    host_signals: ClassVar = {
        "directoryChanged(QString)": "directoryChanged",
        "directorySelected(QString)": "directorySelected",
    }

    def __init__(self, *arguments: Any) -> None:
        """Make one that shows no folder."""
        super().__init__(*[one for one in arguments if not isinstance(one, str)])
        self.clicked.connect(self.browse)

    def _take(self, path: str) -> None:
        path = os.path.abspath(path) if path else ""  # noqa: PTH100 - as QDir does, no links
        if path != self.directory:
            state(self).directory = path
            QPushButton.setText(self, path)
            self.directoryChanged.emit(path)

    directory = Property(str, lambda self: getattr(state(self), "directory", ""), _take)
    caption = stored("caption", str, "")

    def browse(self) -> None:
        """Let the user choose."""
        if path := QFileDialog.getExistingDirectory(self, self.caption):
            self.directory = path
            self.directorySelected.emit(path)
