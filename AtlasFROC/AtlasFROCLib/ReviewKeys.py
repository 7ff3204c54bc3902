"""One key for each thing a reader does; they work wherever the focus is, but for text fields."""

from collections.abc import Callable, Mapping

import qt
import slicer

__all__ = ["ReviewKeys"]


class ReviewKeys:
    """Keys of the main window that can be put in place and taken away.

    Args:
        bindings: What to call, by key such as "A".
    """

    def __init__(self, bindings: Mapping[str, Callable[[], object]]) -> None:
        """Put none in place yet."""
        self._bindings = dict(bindings)
        self._shortcuts: list[qt.QShortcut] = []

    @property
    def areInPlace(self) -> bool:
        """Whether the keys work."""
        return bool(self._shortcuts)

    def install(self) -> None:
        """Let the keys work; nothing happens if they do."""
        window = slicer.util.mainWindow()
        if self._shortcuts or window is None:
            return
        for key, function in self._bindings.items():
            shortcut = qt.QShortcut(window)
            shortcut.setKey(qt.QKeySequence(key))
            shortcut.connect("activated()", function)
            self._shortcuts.append(shortcut)

    def remove(self) -> None:
        """Give the keys back to the rest of Slicer; may be called by one of the keys."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()  # the window owns it until then, so it outlives its own signal
        self._shortcuts.clear()
