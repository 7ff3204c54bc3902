"""The review as a reader meets it: real widgets and keys, a real log, a real scene."""
# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest

from atlastumor.detection.operating_point import OperatingPoint, save_operating_points
from atlastumor.organs import find_organ
from atlastumor.review import read_log
from Backend.review.cohort import GRID, KEYS, ONE, PAIR, A, write_case

REPOSITORY = Path(__file__).resolve().parents[2]
THRESHOLDS = {ONE.key: 0.25, PAIR.key: 0.4}


def a_point(organ: str, **changes: object) -> OperatingPoint:
    values = {
        "model_id": "a-model",
        "weights_sha256": "ab" * 32,
        "organ": organ,
        "threshold": THRESHOLDS[organ],
        "data_set": "a cohort",
        "hit_rule": "union-iou",
        "hit_threshold": 0.1,
        "hit_guard": True,
        "hit_text": "a rule",
        "false_positives": "lenient",
        "min_volume_mm3": 30.0,
        "floor": 0.01,
        "target": "90 %",
        "sensitivity": 0.9,
        "fp_per_scan": 1.0,
        "n_lesions": 10,
        "n_scans": 10,
    }
    return OperatingPoint(**(values | changes))  # type: ignore[arg-type]


class FakeLogic:
    """What the review asks of the module's logic."""

    def __init__(self) -> None:
        from AtlasTumorSlicer.Signal import Signal

        self.cohortChanged = Signal()
        self.cohort: Any = None
        self.thresholds: dict[str, float] = {}
        self.workerCommand = ["-m", "atlastumor"]
        self.nClosed = 0

    def getParameterNode(self) -> Any:
        return SimpleNamespace(predictions="", scans="")

    def closeCase(self) -> None:
        self.nClosed += 1


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


def press(panel: Any, key: str) -> None:
    """Press a key of the main window, as Qt tells the shortcut."""
    for keys in (panel._keys, panel._returnKey):
        for shortcut in keys._shortcuts:
            if shortcut.key.toString() == key:
                shortcut.activated.emit()
                return
    raise AssertionError(f"the key {key} does nothing")


def rows(panel: Any) -> list[list[str]]:
    table = panel.ui.candidateTable
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def logged(folders: Any) -> list[tuple[str, str]]:
    return [(entry.kind, entry.candidate) for entry in read_log(folders.review).entries]


def world_of(node: Any, ijk: Any) -> Any:
    """RAS mm of a voxel of a volume node."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix.MultiplyPoint([*map(float, ijk), 1.0])[:3]


def draw(scene: Any, segment_id: str, where: Any) -> None:
    """Draw over a segment, as the Segment Editor would; `where` is on the grid of the maps."""
    import slicer

    mask = np.zeros(GRID.shape, np.uint8)
    mask[where] = 1
    flipped = np.ascontiguousarray(mask[:, :, ::-1].T)  # GRID is left-handed, nodes are not
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        flipped, scene.node, segment_id, scene.volumeNode
    )


def point_at(ras: Any) -> None:
    import slicer

    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    node.SetCrosshairRAS(*[float(x) for x in ras])
    node.SetCursorPositionInvalid()


def test_a_review_begins_at_the_best_candidate_of_the_first_scan(a_review: Any) -> None:
    import slicer

    assert "Scan 1 of 2: case-1" in a_review.ui.scanLabel.text
    assert [row[1] for row in rows(a_review)] == ["0.90", "0.70", "0.60", "0.50"]
    assert rows(a_review)[0][0] == f"{ONE.name} 1"
    assert a_review.ui.candidateTable.currentRow() == 0
    node = a_review.actions.scene.node
    assert node.GetSegmentation().GetNumberOfSegments() == 4
    assert slicer.app.applicationLogic().GetSliceLogicByLayoutName("Red").GetBackgroundLayer()
    assert a_review._logic.nClosed == 1


def test_views_are_centered_on_the_current_candidate(a_review: Any) -> None:
    import slicer
    import vtk

    press(a_review, "N")
    item = a_review.session.current
    assert item.key == KEYS[1]
    ras = GRID.to_ras(item.voxel)
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        to_slice = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(node.GetSliceToRAS(), to_slice)
        assert to_slice.MultiplyPoint([*ras, 1.0])[:3] == pytest.approx([0, 0, 0], abs=1e-3)


def test_segments_show_the_candidates_voxels_where_they_are(a_review: Any) -> None:
    import slicer

    scene = a_review.actions.scene
    array = slicer.util.arrayFromSegmentBinaryLabelmap(
        scene.node, f"AtlasTumor_review_{KEYS[0]}", scene.volumeNode
    ).T
    found = sorted(tuple(map(float, world_of(scene.volumeNode, ijk))) for ijk in np.argwhere(array))
    mask = np.zeros(GRID.shape, bool)
    mask[A] = True
    assert found == sorted(tuple(map(float, ras)) for ras in GRID.to_ras(np.argwhere(mask)))


def test_one_key_each_accepts_removes_and_takes_back(a_review: Any, folders: Any) -> None:
    press(a_review, "A")
    press(a_review, "R")
    assert [row[3] for row in rows(a_review)] == ["accepted", "removed", "", ""]
    assert rows(a_review)[0][4] == "Ada"
    assert a_review.ui.candidateTable.currentRow() == 2

    press(a_review, "U")

    assert [row[3] for row in rows(a_review)] == ["accepted", "", "", ""]
    assert a_review.ui.candidateTable.currentRow() == 1
    assert logged(folders)[1:] == [("accept", KEYS[0]), ("reject", KEYS[1]), ("undo", KEYS[1])]
    assert "Taken back: line 4" in a_review.ui.statusLabel.text


def test_buttons_do_what_keys_do(a_review: Any, folders: Any) -> None:
    a_review.ui.acceptButton.click()
    a_review.ui.rejectButton.click()
    a_review.ui.undoButton.click()
    a_review.ui.nextButton.click()

    assert [kind for kind, _ in logged(folders)] == ["show", "accept", "reject", "undo"]
    assert a_review.session.current.key == KEYS[2]


def test_removed_candidates_leave_the_views_and_accepted_ones_turn_green(a_review: Any) -> None:
    press(a_review, "A")
    press(a_review, "R")

    node = a_review.actions.scene.node
    display = node.GetDisplayNode()
    accepted, removed = (f"AtlasTumor_review_{key}" for key in KEYS[:2])
    assert node.GetSegmentation().GetSegment(accepted).GetColor() == pytest.approx(
        (0.16, 0.80, 0.30)
    )
    assert not display.GetSegmentVisibility(removed)
    assert display.GetSegmentVisibility(accepted)
    assert display.GetSegmentOpacity2DFill(accepted) == pytest.approx(0.35)


def test_choosing_a_row_goes_to_its_candidate(a_review: Any) -> None:
    a_review.ui.candidateTable.setCurrentCell(3, 0)

    assert a_review.session.current.key == KEYS[3]


def test_next_finishes_a_decided_scan_and_shows_the_next(a_review: Any, folders: Any) -> None:
    for _ in KEYS:
        press(a_review, "A")
    assert "Next finishes it" in a_review.ui.statusLabel.text

    press(a_review, "N")

    assert "Scan 2 of 2: case-2" in a_review.ui.scanLabel.text
    assert "Finished in this role: 1" in a_review.ui.scanLabel.text
    assert [kind for kind, _ in logged(folders)][-3:] == ["done", "leave", "show"]
    assert "s per scan" in a_review.ui.timesLabel.text
    for _ in KEYS:
        press(a_review, "R")
    press(a_review, "N")
    assert "Every scan is finished" in a_review.ui.statusLabel.text


def test_undo_goes_back_to_the_scan_of_the_decision(a_review: Any) -> None:
    for _ in KEYS:
        press(a_review, "A")
    press(a_review, "N")
    assert a_review.session.scan.name == "case-2"

    press(a_review, "U")

    assert a_review.session.scan.name == "case-1"
    assert a_review.session.current.key == KEYS[3]
    assert rows(a_review)[3][3] == ""


def test_a_missed_tumor_is_added_where_the_crosshair_is(a_review: Any) -> None:
    ui = a_review.ui
    ui.organComboBox.currentIndex = ui.organComboBox.findData(PAIR.key)
    point_at(GRID.to_ras((12, 10, 6)))

    press(a_review, "M")

    item = a_review.session.current
    assert (item.key, item.voxel) == (f"{PAIR.key}-added-1", (12, 10, 6))
    assert rows(a_review)[4][:4] == [f"{PAIR.name} new 1", "-", "-", "added"]
    segment = a_review.actions.scene.node.GetSegmentation().GetSegment(
        f"AtlasTumor_review_{item.key}"
    )
    assert segment is not None
    press(a_review, "U")
    assert len(rows(a_review)) == 4


def test_the_mouse_in_a_slice_view_goes_before_the_crosshair(a_review: Any) -> None:
    import slicer

    point_at(GRID.to_ras((12, 10, 6)))
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    node.SetCursorPositionRAS([float(x) for x in GRID.to_ras((3, 3, 3))])

    press(a_review, "M")

    assert a_review.session.current.voxel == (3, 3, 3)


def test_pointing_outside_the_scan_is_refused(a_review: Any, a_slicer: Any, folders: Any) -> None:
    point_at((1000, 1000, 1000))

    press(a_review, "M")

    assert "outside the scan" in a_slicer.user.seen[-1].text
    assert [kind for kind, _ in logged(folders)] == ["show"]


def test_a_border_goes_to_the_segment_editor_and_comes_back_drawn(
    a_review: Any, folders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    opened = []
    monkeypatch.setattr(slicer.util, "selectModule", opened.append)
    scene = a_review.actions.scene
    press(a_review, "B")
    a_review.exit()
    editor = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
    segment_id = f"AtlasTumor_review_{KEYS[0]}"
    assert opened == ["SegmentEditor"]
    assert editor.GetSelectedSegmentID() == segment_id
    assert editor.GetSegmentationNode() is scene.node
    assert editor.GetSourceVolumeNode() is scene.volumeNode
    assert not a_review._keys.areInPlace
    draw(scene, segment_id, np.s_[4:9, 4:6, 4:6])

    press(a_review, "B")  # the key that leads back
    a_review.enter()

    assert opened == ["SegmentEditor", "AtlasFROC"]
    assert logged(folders)[-1] == ("border", KEYS[0])
    outline = a_review.session.outline_of(a_review.session.items[0])
    assert outline.box == np.s_[4:9, 4:6, 4:6]
    assert outline.mask.all()
    assert rows(a_review)[0][3] == "border edited"
    assert a_review._keys.areInPlace


def test_what_is_drawn_is_kept_while_the_segment_editor_is_still_open(
    a_review: Any, folders: Any, monkeypatch: pytest.MonkeyPatch, wait_for: Any
) -> None:
    import slicer

    monkeypatch.setattr(slicer.util, "selectModule", lambda _name: None)
    press(a_review, "B")
    a_review.exit()
    scene = a_review.actions.scene
    segment_id = f"AtlasTumor_review_{KEYS[0]}"

    draw(scene, segment_id, np.s_[4:9, 4:6, 4:6])

    wait_for(lambda: logged(folders)[-1] == ("border", KEYS[0]), seconds=20)
    assert scene.node.GetSegmentation().GetSegment(segment_id) is not None


def test_a_border_that_was_not_changed_is_no_decision(
    a_review: Any, folders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    monkeypatch.setattr(slicer.util, "selectModule", lambda _name: None)

    press(a_review, "B")
    a_review.exit()
    a_review.enter()

    assert [kind for kind, _ in logged(folders)] == ["show"]


def test_removing_false_positives_offers_neither_adding_nor_drawing(
    make_panel: Callable[..., Any], a_slicer: Any, folders: Any
) -> None:
    panel = make_panel(role="remove-false-positives")
    panel.ui.beginButton.click()

    assert not panel.ui.addButton.enabled
    assert not panel.ui.borderButton.enabled
    press(panel, "M")
    press(panel, "B")
    assert all("role" in dialog.text for dialog in a_slicer.user.seen)
    assert len(a_slicer.user.seen) == 2


def test_a_review_resumes_where_a_crash_stopped_it(
    make_panel: Callable[..., Any], folders: Any
) -> None:
    first = make_panel()
    first.ui.beginButton.click()
    for _ in KEYS:
        press(first, "A")
    press(first, "N")
    press(first, "R")
    with (folders.review / "review.jsonl").open("ab") as file:
        file.write(b'{"n": 12, "kind": "rej')  # what a crash left of a decision

    second = make_panel(reader="Bob")
    second.ui.beginButton.click()

    assert "Scan 2 of 2" in second.ui.scanLabel.text
    assert second.session.current.key == KEYS[1]
    assert "torn by a crash" in second.ui.statusLabel.text
    assert rows(second)[0][4] == "Ada"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("readerLineEdit", "", "Type your name first"),
        ("predictionsPathLineEdit", "", "Choose the folder of the predictions"),
        ("reviewPathLineEdit", "", "Choose the review folder"),
        ("pointsPathLineEdit", "", "There is no threshold yet"),
    ],
)
def test_what_is_missing_is_said(
    make_panel: Callable[..., Any], a_slicer: Any, name: str, value: str, said: str
) -> None:
    panel = make_panel()
    field = "text" if name == "readerLineEdit" else "currentPath"
    setattr(getattr(panel.ui, name), field, value)

    panel.ui.beginButton.click()

    assert said in a_slicer.user.seen[-1].text
    assert panel.session is None


def test_the_reader_is_nobody_until_a_name_is_typed(make_panel: Callable[..., Any]) -> None:
    make_panel(reader="Ada").ui.beginButton.click()

    import qt

    parent = qt.QWidget()
    qt.QVBoxLayout(parent)
    from AtlasFROCLib.ReviewPanel import ReviewPanel

    assert ReviewPanel(parent, FakeLogic()).ui.readerLineEdit.text == ""


def test_a_review_of_another_threshold_is_refused(
    a_review: Any, make_panel: Callable[..., Any], a_slicer: Any, folders: Any
) -> None:
    save_operating_points(folders.points, [a_point(ONE.key, threshold=0.3), a_point(PAIR.key)])

    panel = make_panel()
    panel.ui.beginButton.click()

    assert "begun with other thresholds" in a_slicer.user.seen[-1].text
    assert panel.session is None


def test_thresholds_of_the_panel_serve_without_a_file(
    make_panel: Callable[..., Any], folders: Any
) -> None:
    panel = make_panel()
    panel.ui.pointsPathLineEdit.currentPath = ""
    panel._logic.thresholds = dict(THRESHOLDS)
    panel._logic.cohort = SimpleNamespace(
        modelId="b-model", weightsSha256="", options=SimpleNamespace(min_volume_mm3=50.0)
    )

    panel.ui.beginButton.click()

    assert panel.session.basis.model_id == "b-model"
    assert panel.session.basis.min_volume_mm3 == 50.0


def test_a_ct_on_another_grid_is_refused_and_nothing_is_decided(
    make_panel: Callable[..., Any], a_slicer: Any, folders: Any
) -> None:
    path = folders.predictions / "case-1" / "ct.nii.gz"
    ct = np.zeros((10, 10, 10), np.int16)
    nibabel.save(nibabel.Nifti1Image(ct, GRID.affine), path)

    panel = make_panel()
    panel.ui.beginButton.click()

    assert "does not lie on the grid of its maps" in a_slicer.user.seen[-1].text
    assert not panel.actions.isReading
    assert not panel.ui.acceptButton.enabled


def test_without_a_ct_the_map_is_shown(make_panel: Callable[..., Any], folders: Any) -> None:
    (folders.predictions / "case-1" / "ct.nii.gz").unlink()

    panel = make_panel()
    panel.ui.beginButton.click()

    import slicer

    array = slicer.util.arrayFromVolume(panel.actions.scene.volumeNode)
    assert array.max() == pytest.approx(0.95)


def test_keys_work_only_while_the_module_is_open(a_review: Any) -> None:
    a_review.exit()
    assert not a_review._keys.areInPlace
    assert not a_review.session.watch.is_running

    a_review.enter()

    assert a_review._keys.areInPlace
    assert a_review.session.watch.is_running


def test_ending_records_the_seconds_and_clears_the_scene(a_review: Any, folders: Any) -> None:
    import slicer

    a_review.close()

    assert logged(folders)[-1][0] == "leave"
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0


def test_every_widget_that_takes_input_explains_itself(make_panel: Callable[..., Any]) -> None:
    import qt

    kinds = (qt.QAbstractButton, qt.QComboBox, qt.QLineEdit, qt.QLabel, qt.QProgressBar)
    silent = [
        name
        for name, widget in vars(make_panel().ui).items()
        if isinstance(widget, kinds)
        and not name.startswith("qt_")
        and not name.endswith("CollapsibleButton")
        and not widget.toolTip
    ]
    assert not silent


def test_the_reviewed_truth_is_exported_from_the_panel(
    a_review: Any, folders: Any, wait_for: Any
) -> None:
    press(a_review, "A")
    for _ in KEYS[1:]:
        press(a_review, "R")
    press(a_review, "N")
    ui = a_review.ui
    ui.truthPathLineEdit.currentPath = str(folders.truth)
    ui.segNrrdCheckBox.checked = True

    ui.exportButton.click()
    wait_for(lambda: ui.exportButton.text == "Export finished scans")

    assert "1 scans exported" in ui.exportLabel.text
    assert "case-2: It is not finished" in ui.exportLabel.text
    assert (folders.truth / "case-1" / "segmentation.seg.nrrd").is_file()
    array = np.asarray(nibabel.load(folders.truth / "case-1" / "labels.nii.gz").dataobj)
    assert np.count_nonzero(array == find_organ(ONE.key).tumor_label) == 8
    assert (array[A] == ONE.tumor_label).all()
