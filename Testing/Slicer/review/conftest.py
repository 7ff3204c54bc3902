"""Fixtures of the review's panel on the test host."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest

from atlastumor.detection.operating_point import save_operating_points
from Backend.review.cohort import GRID, write_case
from Slicer.review.reading import THRESHOLDS, FakeLogic, a_point

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def folders(tmp_path: Path) -> Any:
    """Two scans with CTs, operating points, and places for review and truth."""
    for name in ("case-1", "case-2"):
        place = write_case(tmp_path / "predictions" / name)
        ct = np.random.default_rng(1).integers(-100, 200, GRID.shape).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(ct, GRID.affine), place / "ct.nii.gz")
    points = tmp_path / "points.json"
    save_operating_points(points, [a_point(organ) for organ in THRESHOLDS])
    return SimpleNamespace(
        predictions=tmp_path / "predictions",
        points=points,
        review=tmp_path / "review",
        truth=tmp_path / "truth",
    )


@pytest.fixture
def make_panel(
    a_slicer: Any, a_launcher: Path, folders: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Give a function that makes the panel in a section of its own, filled in and entered."""
    import qt

    monkeypatch.syspath_prepend(str(REPOSITORY / "AtlasFROC"))
    from AtlasFROCLib.ReviewPanel import ReviewPanel

    from AtlasTumorSlicer.Install import Installer

    made = []

    def make(reader: str = "Ada", role: str = "revise") -> Any:
        parent = qt.QWidget()
        qt.QVBoxLayout(parent)
        panel = ReviewPanel(parent, FakeLogic(), Installer(packages=()))
        made.append((parent, panel))
        ui = panel.ui
        ui.readerLineEdit.text = reader
        ui.roleComboBox.currentIndex = ui.roleComboBox.findData(role)
        ui.predictionsPathLineEdit.currentPath = str(folders.predictions)
        ui.pointsPathLineEdit.currentPath = str(folders.points)
        ui.reviewPathLineEdit.currentPath = str(folders.review)
        panel.enter()
        return panel

    yield make
    for _parent, panel in made:
        panel.close()


@pytest.fixture
def a_review(make_panel: Callable[..., Any]) -> Any:
    """A panel with its first scan shown."""
    panel = make_panel()
    panel.ui.beginButton.click()
    return panel
