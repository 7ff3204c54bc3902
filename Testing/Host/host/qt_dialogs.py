"""Dialogs are answered by the test: nobody sits before an offscreen screen.

Every dialog a module opens is written down in `User.seen`. One with a single button is closed
with it. Any other waits for nobody: the test gives the answer first (`User.answer`), and a
dialog without an answer raises.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtWidgets import QDialog, QFileDialog, QInputDialog, QMessageBox

__all__ = ["USER", "Dialog", "UnexpectedDialogError", "User", "take_over_dialogs"]


class UnexpectedDialogError(AssertionError):
    """A dialog opened for which the test gave no answer."""


@dataclass(frozen=True)
class Dialog:
    """One dialog that was opened: its class, title, text and details."""

    kind: str
    title: str
    text: str
    details: str = ""


@dataclass
class User:
    """Who answers the dialogs: the test."""

    answers: deque[Any] = field(default_factory=deque)
    seen: list[Dialog] = field(default_factory=list)

    def answer(self, *answers: Any) -> None:
        """Set the next answers: a button or a path, or a function that gets the dialog."""
        self.answers.extend(answers)

    def reset(self) -> None:
        """Forget all answers and all dialogs."""
        self.answers.clear()
        self.seen.clear()

    def ask(self, dialog: Dialog, widget: Any = None, default: Any = None) -> Any:
        """Write `dialog` down and give the next answer, or `default` if there is one."""
        self.seen.append(dialog)
        if default is not None:
            return default
        if not self.answers:
            raise UnexpectedDialogError(f"Nobody answers this dialog: {dialog}")
        answer = self.answers.popleft()
        return answer(widget) if callable(answer) else answer


USER = User()
"""The one user of the host."""


def _only_button(box: QMessageBox) -> Any:
    # `Show Details...` is a button, but no answer.
    buttons = [one for one in box.buttons() if box.buttonRole(one) != QMessageBox.ActionRole]
    if len(buttons) > 1:
        return None
    return box.standardButton(buttons[0]) if buttons else QMessageBox.Ok


def _run_dialog(dialog: QDialog) -> Any:
    if not isinstance(dialog, QMessageBox):
        seen = Dialog(QDialog.metaObject(dialog).className(), dialog.windowTitle, "")
        return USER.ask(seen, dialog)
    seen = Dialog("QMessageBox", dialog.windowTitle.strip(), dialog.text, dialog.detailedText)
    return int(USER.ask(seen, dialog, _only_button(dialog)))


def _box_function(kind: str) -> Any:
    def show(
        _parent: Any, title: str, text: str, buttons: Any = QMessageBox.Ok, _default: Any = None
    ) -> Any:
        is_single = buttons in (QMessageBox.Ok, QMessageBox.Close)
        return USER.ask(Dialog(kind, title, text), None, buttons if is_single else None)

    return staticmethod(show)


def _path_function(kind: str) -> Any:
    def choose(_parent: Any = None, caption: str = "", *_: Any, **__: Any) -> Any:
        return USER.ask(Dialog(kind, caption, ""))

    return staticmethod(choose)


def take_over_dialogs() -> None:
    """Route every dialog of Qt to `USER`."""
    for qt_class in (QDialog, QMessageBox, QFileDialog, QInputDialog):
        qt_class.exec_ = _run_dialog
        qt_class.exec = _run_dialog
    for name in ("question", "information", "warning", "critical"):
        setattr(QMessageBox, name, _box_function(name))
    for name in ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"):
        setattr(QFileDialog, name, _path_function(name))
    for name in ("getText", "getItem", "getInt", "getDouble"):
        setattr(QInputDialog, name, _path_function(name))
