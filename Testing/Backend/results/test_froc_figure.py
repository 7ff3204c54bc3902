"""The FROC figure: what is on it, and that it is the same each time."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from atlastumor.detection.summary import OrganSummary, SummaryOptions, summarize
from atlastumor.results.froc_figure import draw_figure, write_figure

from ..detection.made_sweeps import RULE, a_sweep

LIBRARY = Path(__file__).parents[3] / "AtlasTumorLib"


@pytest.fixture
def a_summary() -> OrganSummary:
    """Nine of ten found at 0.5 with one false positive per scan, all at 0.25 with four."""
    found = [a_sweep((0.5, "1", 1), (0.25, "1", 4)) for _ in range(9)]
    return summarize([*found, a_sweep((0.5, "0", 1), (0.25, "1", 4))], RULE)


def test_the_curve_is_a_step_function_over_the_points(a_summary: OrganSummary) -> None:
    axes = draw_figure(a_summary, "validation").axes[0]
    curve = next(line for line in axes.lines if line.get_label() == "FROC")

    assert curve.get_drawstyle() == "steps-post"
    x, y = curve.get_xdata(), curve.get_ydata()
    assert list(zip(x, y, strict=True)) == [(1 / 16, 0.0), (1.0, 0.9), (4.0, 1.0), (8.0, 1.0)]


def test_the_axis_is_logarithmic_and_reads_in_octaves(a_summary: OrganSummary) -> None:
    axes = draw_figure(a_summary, "validation").axes[0]
    read = axes.xaxis.get_major_formatter()

    assert axes.get_xscale() == "log"
    assert [read(x) for x in (0.0625, 0.125, 0.5, 1.0, 8.0)] == ["1/16", "1/8", "1/2", "1", "8"]


def test_the_chosen_point_is_marked_and_the_rule_stands_below(a_summary: OrganSummary) -> None:
    figure = draw_figure(a_summary, "validation")
    marks = [line for line in figure.axes[0].lines if "chosen" in str(line.get_label())]
    caption = figure.texts[0].get_text().replace("\n", " ")

    assert [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in marks] == [(1.0, 0.9)]
    assert RULE.text in caption
    assert "Threshold 0.5: sensitivity 90.0%" in caption
    assert "10 scans, 0 of them without tumor" in caption
    assert "Not for clinical use" in caption


def test_an_unreachable_target_marks_the_best_point_and_says_so() -> None:
    options = SummaryOptions(n_samples=0)
    summary = summarize([a_sweep((0.5, "10", 1))], RULE, options=options)

    figure = draw_figure(summary, "validation")

    labels = [str(line.get_label()) for line in figure.axes[0].lines]
    assert "unreachable; best at 0.5" in labels
    assert "Unreachable" in figure.texts[0].get_text()


def test_bars_show_how_large_the_false_positives_of_the_chosen_point_are(
    a_summary: OrganSummary,
) -> None:
    sized = dataclasses.replace(a_summary, false_sizes=(6, 3, 0, 0, 1, 0, 0, 0))

    bars = draw_figure(sized, "validation").axes[1]

    assert [bar.get_width() for bar in bars.patches] == [6, 3, 0, 0, 1, 0, 0, 0]
    assert [text.get_text() for text in bars.texts] == ["6", "3", "", "", "1", "", "", ""]
    assert bars.get_title(loc="left") == "False positives at 0.5"
    edges = [label.get_text() for label in bars.get_yticklabels()]
    assert edges == ["3", "4", "5", "7.5", "10", "15", "20"]


def test_points_without_false_positives_are_on_the_figure() -> None:
    summary = summarize([a_sweep((0.5, "1", 0))], RULE, options=SummaryOptions(n_samples=0))

    axes = draw_figure(summary, "validation").axes[0]

    curve = next(line for line in axes.lines if line.get_label() == "FROC")
    assert set(curve.get_ydata()) == {1.0}


def test_both_files_are_pictures_and_the_same_each_time(
    a_summary: OrganSummary, tmp_path: Path
) -> None:
    first = write_figure(tmp_path / "froc-liver", a_summary, "validation")
    second = write_figure(tmp_path / "again", a_summary, "validation")

    assert [path.name for path in first] == ["froc-liver.svg", "froc-liver.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert ElementTree.parse(first[0]).getroot().tag.endswith("svg")
    pixels = np.asarray(Image.open(first[1]).convert("RGB"), float)
    assert pixels.shape == (810, 1410, 3)
    red = (pixels[..., 0] > 150) & (pixels[..., 1] < 90)
    assert red.sum() > 50  # the chosen point


def test_drawing_needs_no_screen_and_loads_no_pyplot() -> None:
    code = (
        "import sys, atlastumor.results.froc_figure;"
        "print([name for name in sys.modules if re.match(r'matplotlib\\.pyplot|tkinter', name)])"
    )

    done = subprocess.run(
        [sys.executable, "-c", f"import re; {code}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=LIBRARY,
    )

    assert done.stdout.strip() == "[]"


def test_the_figure_names_no_time_and_no_path(a_summary: OrganSummary, tmp_path: Path) -> None:
    svg = write_figure(tmp_path / "froc-liver", a_summary, "validation")[0].read_text()

    assert not re.search(r"dc:date>\d", svg)
    assert str(tmp_path) not in svg
