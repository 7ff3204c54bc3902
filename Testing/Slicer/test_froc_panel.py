"""AtlasFROC on a measured cohort: chart, slider, presets and numbers in step; files out."""

# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from atlastumor.detection.operating_point import load_operating_points
from Slicer.froc_cohort import MODEL_ID, WEIGHTS_SHA256

THRESHOLDS = (0.9, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
TP, FP = (1, 2, 2, 2, 3, 3, 3), (0, 0, 1, 2, 2, 3, 4)
"""Liver, three lesions in three scans, worked out by hand in `froc_cohort`."""


def at(panel: Any) -> float:
    """The threshold, having made sure that all that shows it agrees."""
    curve = panel.logic.curve
    ui = panel.ui
    assert ui.thresholdSlider.value == curve.row
    assert ui.thresholdSpinBox.value == pytest.approx(panel.logic.threshold, abs=1e-5)
    text = ui.numbersLabel.text
    assert f"{curve.point.tp} of {curve.curve.n_lesions} lesions" in text
    assert f"<b>{curve.point.fp_per_scan:.3g} FP per scan</b>" in text
    return round(panel.logic.threshold, 4)


def cells(panel: Any) -> list[list[str]]:
    table = panel.ui.casesTable
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def press(panel: Any, place: tuple[float, float]) -> None:
    """Click into the chart."""
    import qt

    chart = panel.widget._operating.chart
    event = qt.QMouseEvent(
        qt.QEvent.MouseButtonPress,
        qt.QPointF(*place),
        chart.mapToGlobal(qt.QPointF(*place)),
        qt.Qt.LeftButton,
        qt.Qt.LeftButton,
        qt.Qt.NoModifier,
    )
    qt.QApplication.sendEvent(chart, event)


def place_of(panel: Any, row: int) -> tuple[float, float]:
    from AtlasFROCLib.ChartDrawing import axesFor

    chart, curve = panel.widget._operating.chart, panel.logic.curve.curve
    axes = axesFor(curve, (chart.width, chart.height))
    return float(axes.x(curve.fp_per_scan[row])), float(axes.y(curve.sensitivity[row]))


def test_the_curve_is_the_one_worked_out_by_hand(an_open_cohort: Any) -> None:
    curve = an_open_cohort.logic.curve.curve

    assert curve.thresholds.tolist() == pytest.approx(THRESHOLDS)
    assert tuple(curve.tp) == TP
    assert tuple(curve.fp) == FP


def test_at_first_the_target_chooses(an_open_cohort: Any) -> None:
    assert at(an_open_cohort) == 0.4  # 3 of 3 with the fewest false positives, 2
    text = an_open_cohort.ui.numbersLabel.text
    assert "3 lesions in 3 scans, 1 of them without any tumor." in text
    assert "Sensitivity 100.0%" in text
    assert "an IoU &gt;= 0.10 with it" in text  # the rule stands beside the numbers


def test_slider_spin_box_chart_and_presets_stay_in_step(an_open_cohort: Any) -> None:
    ui = an_open_cohort.ui

    ui.thresholdSlider.value = 1
    assert at(an_open_cohort) == 0.7
    ui.thresholdSpinBox.value = 0.45  # between two: the one above holds there
    assert at(an_open_cohort) == 0.5
    press(an_open_cohort, place_of(an_open_cohort, 5))
    assert at(an_open_cohort) == 0.3
    ui.sensitivityButton.click()
    assert at(an_open_cohort) == 0.4
    assert "The fewest false positives of all 3 thresholds" in ui.numbersLabel.text


def test_a_preset_finds_the_most_within_its_false_positives(an_open_cohort: Any) -> None:
    an_open_cohort.ui.thresholdSlider.value = 0

    an_open_cohort.ui.oneFpButton.click()

    # Up to 3 on 3 scans: 0.4 and 0.3 find all; 0.4 has fewer.
    assert at(an_open_cohort) == 0.4
    assert "at most 1 FP per scan" in an_open_cohort.ui.numbersLabel.text


def test_arrow_keys_go_to_the_neighbors_and_stop_at_the_ends(an_open_cohort: Any) -> None:
    import qt

    chart = an_open_cohort.widget._operating.chart
    for key, steps, expected in ((qt.Qt.Key_Right, 9, 0.2), (qt.Qt.Key_Left, 9, 0.9)):
        for _ in range(steps):
            event = qt.QKeyEvent(qt.QEvent.KeyPress, key, qt.Qt.NoModifier)
            qt.QApplication.sendEvent(chart, event)
        assert at(an_open_cohort) == expected


def test_the_list_says_what_the_threshold_does_to_each_case(an_open_cohort: Any) -> None:
    assert cells(an_open_cohort) == [
        ["alpha", "2", "2", "1"],
        ["beta", "1", "1", "0"],
        ["gamma", "0", "0", "1"],
    ]

    an_open_cohort.ui.thresholdSlider.value = 0

    assert cells(an_open_cohort) == [
        ["alpha", "2", "1", "0"],
        ["beta", "1", "0", "0"],
        ["gamma", "0", "0", "0"],
    ]


def test_a_case_that_does_not_count_is_named_with_the_reason(an_open_cohort: Any) -> None:
    text = an_open_cohort.ui.problemsLabel.text

    assert "<b>delta</b>" in text
    assert "24 x 20 x 12" in text


def test_every_organ_has_a_tab_and_its_own_threshold(an_open_cohort: Any) -> None:
    tabs = an_open_cohort.widget._operating._tabs
    assert [tabs.tabText(n) for n in range(tabs.count)] == ["Liver", "Pancreas"]
    an_open_cohort.ui.thresholdSlider.value = 2

    tabs.currentIndex = 1
    assert at(an_open_cohort) == 0.8
    tabs.currentIndex = 0

    assert at(an_open_cohort) == 0.6
    stored = dict(an_open_cohort.widget._parameterNode.thresholds)
    assert stored == pytest.approx({"liver": 0.6, "pancreas": 0.8})


def test_another_rule_changes_the_numbers_and_is_said(an_open_cohort: Any) -> None:
    box = an_open_cohort.ui.hitRuleComboBox

    box.currentIndex = box.findData("center")

    assert at(an_open_cohort) == 0.4
    assert "lies within its equal-volume radius" in an_open_cohort.ui.numbersLabel.text
    assert an_open_cohort.widget._parameterNode.hitRule == "center"


def test_an_unreachable_target_is_said(an_open_cohort: Any) -> None:
    logic = an_open_cohort.logic
    choice = logic.curve.chooseFalsePositives(0.0)
    assert choice.sensitivity == pytest.approx(2 / 3)
    an_open_cohort.ui.thresholdSlider.value = 0
    logic.curve.curve.tp.setflags(write=True)
    logic.curve.curve.tp[:] = [min(tp, 2) for tp in TP]

    an_open_cohort.ui.sensitivityButton.click()

    assert "Unreachable: sensitivity &gt;= 0.9; best 66.7%" in an_open_cohort.ui.numbersLabel.text
    assert logic.threshold == pytest.approx(0.7)  # the best there is


def test_intervals_come_after_the_curve(an_open_cohort: Any, wait_for: Any) -> None:
    assert "95 % CI" not in an_open_cohort.ui.numbersLabel.text

    wait_for(lambda: an_open_cohort.logic.curve.bands is not None)

    # Wilson's lower end for 3 of 3; every sample of cases holds 0 to 1 false positive each.
    assert "95 % CI 43.9% to 100.0%" in an_open_cohort.ui.numbersLabel.text
    assert "95 % CI 0 to 1)" in an_open_cohort.ui.numbersLabel.text


def test_an_operating_point_is_saved_with_all_it_is_worth(
    an_open_cohort: Any, a_slicer: Any, tmp_path: Path
) -> None:
    path = tmp_path / "points.json"
    tabs = an_open_cohort.widget._operating._tabs
    an_open_cohort.ui.sensitivityButton.click()
    for index in (0, 1):
        tabs.currentIndex = index
        a_slicer.user.answer(str(path))
        an_open_cohort.ui.saveButton.click()

    points = {point.organ: point for point in load_operating_points(path)}
    assert set(points) == {"liver", "pancreas"}
    liver = points["liver"]
    assert liver.threshold == pytest.approx(0.4)
    assert (liver.model_id, liver.weights_sha256) == (MODEL_ID, WEIGHTS_SHA256)
    assert (liver.n_lesions, liver.n_scans, liver.data_set) == (3, 3, "references")
    assert liver.fp_per_scan == pytest.approx(2 / 3)
    assert "0.10" in liver.hit_text


def test_a_file_of_another_model_keeps_its_points(
    an_open_cohort: Any, a_slicer: Any, tmp_path: Path
) -> None:
    from Slicer.test_operating_point import make_file

    path = make_file(tmp_path / "points.json", weights="1" * 64)
    before = path.read_bytes()
    a_slicer.user.answer(str(path))

    an_open_cohort.ui.saveButton.click()

    assert "of another model" in a_slicer.user.seen[-1].text
    assert path.read_bytes() == before


def test_the_table_holds_every_threshold(
    an_open_cohort: Any, a_slicer: Any, tmp_path: Path
) -> None:
    a_slicer.user.answer(str(tmp_path / "froc.csv"))

    an_open_cohort.ui.tableButton.click()

    with (tmp_path / "froc.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["threshold"]) for row in rows] == pytest.approx(THRESHOLDS)
    assert [int(row["tp"]) for row in rows] == list(TP)
    assert [float(row["fp_per_scan"]) for row in rows] == pytest.approx([n / 3 for n in FP])


@pytest.mark.parametrize("name", ["figure.svg", "figure.png"])
def test_the_figure_is_written(
    an_open_cohort: Any, a_slicer: Any, tmp_path: Path, name: str
) -> None:
    a_slicer.user.answer(str(tmp_path / name))

    an_open_cohort.ui.figureButton.click()

    assert (tmp_path / name).stat().st_size > 1000


def test_a_figure_of_another_kind_is_refused(
    an_open_cohort: Any, a_slicer: Any, tmp_path: Path
) -> None:
    a_slicer.user.answer(str(tmp_path / "figure.xyz"))

    an_open_cohort.ui.figureButton.click()

    assert "neither .png nor .svg" in a_slicer.user.seen[-1].text


def test_every_widget_that_takes_input_explains_itself(a_froc_panel: Any) -> None:
    import qt

    kinds = (qt.QAbstractButton, qt.QComboBox, qt.QAbstractSpinBox, qt.QLabel, qt.QProgressBar)
    silent = [
        name
        for name, widget in vars(a_froc_panel.ui).items()
        if isinstance(widget, kinds)
        and not name.startswith("qt_")
        and not name.endswith("CollapsibleButton")
        and not widget.toolTip
    ]
    assert not silent


def test_help_cites_the_paper_and_says_not_for_clinical_use(a_froc_panel: Any) -> None:
    assert "Scaling Tumor Segmentation" in a_froc_panel.module.acknowledgementText
    assert "not for clinical use" in a_froc_panel.module.helpText
    assert a_froc_panel.ui.disclaimerLabel.text == "Research use only. Not for clinical use."


def test_measuring_asks_for_no_torch(a_froc_panel: Any) -> None:
    from AtlasTumorSlicer.Install import MEASURING_PACKAGES

    assert {package.module for package in MEASURING_PACKAGES} == {"nibabel", "psutil"}
