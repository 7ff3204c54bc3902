"""The window of the models: listed, fetched after consent, imported, verified, deleted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from Backend.models.shelf import Shelf, a_shelf
from Backend.models.tiny_model import make_checkpoint, make_entry
from Slicer.cohort_panel import press_during_check

WORKER = Path(__file__).with_name("models_worker.py")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(tmp_path / "models"))
    with a_shelf() as server:
        monkeypatch.setenv("SHELF", server.address)
        server.content = make_checkpoint()
        yield server


@pytest.fixture
def dialog(shelf: Shelf, a_panel: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The window, opened, with one installed and one published model."""
    from AtlasTumorSegLib import ModelRows

    entry = make_entry(shelf.address, sha256="")
    monkeypatch.setattr(ModelRows, "list_entries", lambda: (entry,))
    a_panel.logic.workerCommand = [str(WORKER)]
    a_panel.ui.modelsButton.click()
    made = a_panel.widget._models
    made.panel = a_panel
    yield made
    made.close()


def cells(dialog: Any) -> list[list[str]]:
    table = dialog.ui.modelsTable
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def choose(dialog: Any, row: int) -> None:
    dialog.ui.modelsTable.selectRow(row)


def fetch(dialog: Any, user: Any, wait_for: Callable[..., None]) -> None:
    import qt

    choose(dialog, 1)
    user.answer(qt.QMessageBox.Yes)
    dialog.ui.fetchButton.click()
    wait_for(lambda: not dialog.isBusy)


def test_installed_and_published_models_are_listed(dialog: Any) -> None:
    ui = dialog.ui
    assert cells(dialog) == [
        ["A model for tests", "Liver", "1 MB", "Apache-2.0", "comes with AtlasTumor"],
        ["Tiny", "Liver", "?", "CC BY-NC-ND 4.0", "published"],
    ]
    assert "A model for tests" in ui.detailsBrowser.toPlainText()
    assert not ui.fetchButton.enabled
    assert not ui.deleteButton.enabled
    assert ui.verifyButton.enabled

    choose(dialog, 1)
    text = ui.detailsBrowser.toPlainText()
    assert text.index("License: CC BY-NC-ND 4.0") < text.index("Leakage:") < text.index("Trained")
    assert ui.fetchButton.enabled
    assert not ui.verifyButton.enabled

    ui.organFilterComboBox.currentIndex = ui.organFilterComboBox.findData("uterus")
    assert cells(dialog) == []
    assert ui.detailsBrowser.toPlainText() == ""
    assert not ui.fetchButton.enabled


def test_every_widget_of_the_window_explains_itself(dialog: Any) -> None:
    import qt

    kinds = (qt.QAbstractButton, qt.QComboBox, qt.QLabel, qt.QProgressBar, qt.QTableWidget)
    silent = [
        name
        for name, widget in vars(dialog.ui).items()
        if isinstance(widget, kinds) and not name.startswith("qt_") and not widget.toolTip
    ]
    assert not silent


@pytest.mark.slow
def test_who_consents_gets_a_model_that_can_be_chosen_checked_and_deleted(
    dialog: Any, a_slicer: Any, wait_for: Callable[..., None], tmp_path: Path, shelf: Shelf
) -> None:
    import qt

    fetch(dialog, a_slicer.user, wait_for)

    (asked,) = a_slicer.user.seen
    for text in (f"{shelf.address}/w.pt", "CC BY-NC-ND 4.0", "Leakage:", "Nobody published a hash"):
        assert text in asked.text
    names = {path.name for path in (tmp_path / "models").glob("[!.]*")}
    assert names == {"tiny.json", "tiny.safetensors", "pins.json"}
    assert cells(dialog)[1][0] == "Tiny"
    assert cells(dialog)[1][4] == "installed"
    box = dialog.panel.ui.modelComboBox
    assert [box.itemText(n) for n in range(box.count)] == ["A model for tests", "Tiny"]
    assert dialog.panel.widget._parameterNode.model == box.itemData(0)

    dialog.ui.verifyButton.click()
    wait_for(lambda: not dialog.isBusy)
    assert dialog.ui.modelsStageLabel.text == "The model is as its card says."
    (tmp_path / "models" / "tiny.safetensors").write_bytes(b"altered")
    dialog.ui.verifyButton.click()
    wait_for(lambda: not dialog.isBusy)
    assert "is not the one that the card 'tiny' means" in a_slicer.user.seen[-1].text

    a_slicer.user.answer(qt.QMessageBox.No, qt.QMessageBox.Yes)
    dialog.ui.deleteButton.click()
    assert (tmp_path / "models" / "tiny.json").is_file()
    dialog.ui.deleteButton.click()
    wait_for(lambda: not dialog.isBusy)
    assert not (tmp_path / "models" / "tiny.json").exists()
    assert cells(dialog)[1][4] == "published"
    assert box.count == 1


def test_who_does_not_consent_gets_nothing(
    dialog: Any, a_slicer: Any, tmp_path: Path, shelf: Shelf
) -> None:
    import qt

    choose(dialog, 1)
    a_slicer.user.answer(qt.QMessageBox.No)
    dialog.ui.fetchButton.click()

    assert not dialog.isBusy
    assert not shelf.ranges
    assert not (tmp_path / "models").exists()


def test_cancelling_leaves_no_model_and_a_live_window(
    dialog: Any, a_slicer: Any, wait_for: Callable[..., None], tmp_path: Path, shelf: Shelf
) -> None:
    import qt

    release = threading.Event()
    shelf.pauses_after = (1000, release)
    choose(dialog, 1)
    a_slicer.user.answer(qt.QMessageBox.Yes)
    dialog.ui.fetchButton.click()
    assert dialog.ui.fetchButton.text == "Cancel"
    assert not dialog.ui.importFileButton.enabled
    wait_for(lambda: shelf.ranges)

    dialog.ui.fetchButton.click()
    release.set()

    assert not dialog.isBusy
    assert dialog.ui.modelsStageLabel.text == "Cancelled"
    assert not list((tmp_path / "models").glob("[!.]*"))
    assert dialog.ui.fetchButton.text == "Fetch ..."


@pytest.mark.parametrize("is_it", [True, False])
def test_a_file_is_imported_as_the_chosen_model_if_it_is(
    dialog: Any, a_slicer: Any, wait_for: Callable[..., None], tmp_path: Path, is_it: bool
) -> None:
    import qt

    path = tmp_path / "by_hand.pth"
    path.write_bytes(make_checkpoint())
    choose(dialog, 1)
    a_slicer.user.answer(str(path), qt.QMessageBox.Yes if is_it else qt.QMessageBox.No)

    dialog.ui.importFileButton.click()
    wait_for(lambda: not dialog.isBusy)

    assert "Is by_hand.pth the published model 'Tiny'?" in a_slicer.user.seen[1].text
    assert (tmp_path / "models" / "tiny.json").is_file() == is_it
    if not is_it:
        assert "does not say of which network" in a_slicer.user.seen[-1].text


def test_a_folder_that_is_no_model_is_said_in_a_window(
    dialog: Any, a_slicer: Any, wait_for: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    choose(dialog, 0)
    a_slicer.user.answer("", str(tmp_path / "empty"))
    dialog.ui.importFolderButton.click()
    assert not dialog.isBusy

    dialog.ui.importFolderButton.click()
    wait_for(lambda: not dialog.isBusy)

    assert "is no model that is known here" in a_slicer.user.seen[-1].text


def test_the_folder_is_made_and_opened(
    dialog: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import qt

    opened: list[str] = []
    monkeypatch.setattr(
        qt.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile())
    )

    dialog.ui.openFolderButton.click()

    assert opened == [str(tmp_path / "models")]
    assert (tmp_path / "models").is_dir()


def test_a_broken_card_is_said_and_the_panel_lives(
    dialog: Any, a_slicer: Any, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "broken.json").write_text("{", encoding="utf-8")

    dialog.refresh()
    dialog.changed.emit()

    assert "broken.json is not valid JSON" in a_slicer.user.seen[0].text
    assert "broken.json is not valid JSON" in a_slicer.user.seen[1].text
    assert dialog.panel.ui.modelComboBox.count == 1
    assert cells(dialog) == []


def test_cancel_is_heard_while_packages_are_looked_at(
    dialog: Any, a_slicer: Any, wait_for: Callable[..., None]
) -> None:
    press_during_check(dialog.panel.widget.installer, dialog.ui.fetchButton)

    fetch(dialog, a_slicer.user, wait_for)

    assert dialog.ui.modelsStageLabel.text == "Cancelled"
    assert len(cells(dialog)) == 2
