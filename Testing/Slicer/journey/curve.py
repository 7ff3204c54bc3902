"""The first half of a journey: a cohort is measured, thresholds are chosen, cases looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from Slicer.journey.places import Places


@dataclass(frozen=True)
class Chosen:
    """What one organ's preset gave."""

    organ: str
    threshold: float
    sensitivity: float
    fp_per_scan: float
    n_lesions: int
    n_scans: int
    reason: str


def measure(panel: Any, places: Places, wait: Callable[[Callable[[], object]], None]) -> None:
    """Press Measure; open what was measured if it is there."""
    ui = panel.ui
    for name in ("predictions", "references", "scans", "results"):
        getattr(ui, f"{name}PathLineEdit").currentPath = str(getattr(places, name))
    if places.results.is_dir():
        ui.openButton.click()
    else:
        ui.applyButton.click()
        wait(lambda: ui.applyButton.text == "Measure")
    if panel.logic.cohort is None:
        raise RuntimeError("The cohort was not measured.")


def choose(
    panel: Any, places: Places, user: Any, wait: Callable[[Callable[[], object]], None]
) -> Iterator[Chosen]:
    """Press the preset of every organ and save its operating point; gives each as it is shown."""
    ui, tabs = panel.ui, panel.widget._operating._tabs
    for index in range(tabs.count):
        tabs.currentIndex = index
        curve = panel.logic.curve
        if not curve.curve.n_lesions or not curve.curve.thresholds.size:
            continue  # without lesions or candidates no threshold can be chosen
        wait(lambda curve=curve: curve.bands is not None)
        ui.sensitivityButton.click()
        user.answer(str(places.points))
        ui.saveButton.click()
        point = curve.point
        yield Chosen(
            curve.organ,
            point.threshold,
            point.sensitivity,
            point.fp_per_scan,
            curve.curve.n_lesions,
            curve.curve.n_scans,
            panel.widget._operating.reason,
        )


def show_organ(panel: Any, organ: str) -> None:
    """Click an organ's tab."""
    tabs = panel.widget._operating._tabs
    tabs.currentIndex = [tabs.tabData(n) for n in range(tabs.count)].index(organ)


def look_at_cases(panel: Any) -> Iterator[tuple[str, int, float]]:
    """Click every case of the list; gives its name, its candidates and the seconds it took."""
    table = panel.ui.casesTable
    for row in range(table.rowCount):
        started = time.monotonic()
        table.cellClicked.emit(row, 0)
        seconds = time.monotonic() - started
        case = panel.logic.case
        if case is None or case.name != table.item(row, 0).text():
            raise RuntimeError(f"The case {table.item(row, 0).text()} was not opened.")
        panel.logic.view.updateSurfaces()
        yield case.name, len(panel.logic.candidates.candidates), seconds
