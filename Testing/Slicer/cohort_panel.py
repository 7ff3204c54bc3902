"""The tab for many scans, pressed and read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def press(button: Any, panel: Any, wait_for: Callable[..., None]) -> None:
    assert button.enabled
    button.click()
    wait_for(lambda: not panel.cohort.isBusy, 300)
    wait_for(lambda: not panel.cohort.isListing)


def rows(panel: Any) -> list[list[str]]:
    table = panel.ui.casesTable
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def open_case(panel: Any, row: int, wait_for: Callable[..., None]) -> Any:
    panel.ui.casesTable.cellClicked.emit(row, 0)
    wait_for(lambda: not panel.cohort.opening.isRunning)
    return panel.cohort.opening.shown


def n_nodes(kind: str) -> int:
    import slicer

    return slicer.mrmlScene.GetNumberOfNodesByClass(f"vtkMRML{kind}Node")


def press_during_check(installer: Any, button: Any) -> None:
    """Press a button once packages are being looked at."""
    look = installer.findFaults

    def press_and_look() -> dict[str, str]:
        import qt

        qt.QTimer.singleShot(0, button.click)
        return look()

    installer.findFaults = press_and_look
