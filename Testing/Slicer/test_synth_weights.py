"""Weights that a method lacks, in AtlasTumorSynth's panel: said, asked for, fetched, cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from Backend.models.shelf import CONTENT, Shelf, a_shelf
from Slicer.offered import offered

WORKER = Path(__file__).with_name("fetch_worker.py")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    from atlastumor.models.catalog import methods

    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(tmp_path / "models"))
    with a_shelf() as server:
        monkeypatch.setenv("SHELF", server.address)
        monkeypatch.setattr(methods, "list_published", lambda: offered(server.address))
        yield server


@pytest.fixture
def panel(shelf: Shelf, a_synth_panel: Any) -> SimpleNamespace:
    """The panel with DiffTumor chosen for a tumor of 30 mm."""
    ui = a_synth_panel.ui
    a_synth_panel.logic.workerCommand = [str(WORKER)]
    ui.diameterSlider.value = 30.0
    ui.methodComboBox.currentIndex = ui.methodComboBox.findData("difftumor")
    return SimpleNamespace(**vars(a_synth_panel), shelf=shelf)


def is_idle(panel: Any) -> bool:
    return panel.widget._weights._run is None


def shown(widget: Any) -> bool:
    return not widget.isHidden()


def test_only_what_is_missing_is_said(panel: Any) -> None:
    ui = panel.ui
    assert "weights that do not come with AtlasTumor: w.pt (3 MB)" in ui.methodNoteLabel.text
    assert shown(ui.methodNoteLabel)
    assert shown(ui.fetchButton)
    assert not shown(ui.fetchProgressBar)

    ui.diameterSlider.value = 12.0
    assert "weights that do not come with AtlasTumor: early.pt (3 MB)" in ui.methodNoteLabel.text
    assert shown(ui.fetchButton)
    ui.organComboBox.currentIndex = ui.organComboBox.findData("uterus")
    assert ui.methodNoteLabel.text == "This method does not know this organ."
    ui.methodComboBox.currentIndex = 0
    assert not shown(ui.methodNoteLabel)
    assert not shown(ui.fetchButton)


def test_who_consents_gets_the_weights(
    panel: Any, a_slicer: Any, wait_for: Callable[..., None], tmp_path: Path
) -> None:
    import qt

    a_slicer.user.answer(qt.QMessageBox.Yes)

    panel.ui.fetchButton.click()

    assert panel.ui.fetchButton.text == "Cancel"
    (asked,) = a_slicer.user.seen
    for text in (
        f"{panel.shelf.address}/w.pt",
        "about 3 MB",
        "CC BY-NC-ND 4.0",
        "Not for commercial use.",
        str(tmp_path / "models"),
        "Do you consent",
    ):
        assert text in asked.text
    wait_for(lambda: is_idle(panel))
    assert (tmp_path / "models" / "w.pt").read_bytes() == CONTENT
    assert not shown(panel.ui.methodNoteLabel)
    assert not shown(panel.ui.fetchButton)
    assert len(a_slicer.user.seen) == 1


def test_a_file_without_a_published_hash_is_pinned(
    panel: Any, a_slicer: Any, wait_for: Callable[..., None], tmp_path: Path
) -> None:
    import qt

    panel.ui.diameterSlider.value = 12.0
    a_slicer.user.answer(qt.QMessageBox.Yes)

    panel.ui.fetchButton.click()
    wait_for(lambda: is_idle(panel))

    (asked,) = a_slicer.user.seen
    assert "Nobody published a hash" in asked.text
    assert (tmp_path / "models" / "early.pt").read_bytes() == CONTENT
    assert f"{panel.shelf.address}/w.pt" in (tmp_path / "models" / "pins.json").read_text("utf-8")


def test_who_does_not_consent_gets_nothing(panel: Any, a_slicer: Any, tmp_path: Path) -> None:
    import qt

    a_slicer.user.answer(qt.QMessageBox.No)

    panel.ui.fetchButton.click()

    assert is_idle(panel)
    assert not panel.shelf.ranges
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("how", ["button", "cleanup"])
def test_cancelling_leaves_nothing_that_looks_like_weights_and_can_be_gone_on_with(
    panel: Any, a_slicer: Any, wait_for: Callable[..., None], tmp_path: Path, how: str
) -> None:
    import qt

    a_slicer.user.answer(qt.QMessageBox.Yes, qt.QMessageBox.Yes)
    release = threading.Event()
    panel.shelf.pauses_after = (2_000_000, release)
    panel.ui.fetchButton.click()
    part = tmp_path / "models" / ".w.pt.part"
    wait_for(lambda: part.is_file() and part.stat().st_size > 0)
    wait_for(lambda: "Fetching w.pt" in panel.ui.fetchStageLabel.text)
    assert shown(panel.ui.fetchProgressBar)
    if how == "cleanup":
        panel.widget.cleanup()
    else:
        panel.ui.fetchButton.click()
    release.set()

    assert is_idle(panel)
    assert [path.name for path in part.parent.iterdir()] == [".w.pt.part"]
    if how == "cleanup":
        return
    assert panel.ui.fetchStageLabel.text == "Cancelled"
    panel.shelf.pauses_after = None
    panel.ui.fetchButton.click()
    wait_for(lambda: is_idle(panel))
    assert panel.shelf.ranges[1].startswith("bytes=")
    assert (tmp_path / "models" / "w.pt").read_bytes() == CONTENT


def test_a_bad_file_is_said_in_a_window_and_not_kept(
    panel: Any, a_slicer: Any, wait_for: Callable[..., None], tmp_path: Path
) -> None:
    import qt

    panel.shelf.content = CONTENT[::-1]
    a_slicer.user.answer(qt.QMessageBox.Yes)

    panel.ui.fetchButton.click()
    wait_for(lambda: is_idle(panel))

    assert "is not the published file" in a_slicer.user.seen[-1].text
    assert not list((tmp_path / "models").iterdir())
    assert shown(panel.ui.fetchButton)
    assert panel.ui.fetchButton.text == "Fetch weights ..."
