"""The chart: where things lie, what a click means, and the same drawing as PNG and SVG."""

# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from atlastumor.detection.froc import FrocCurve
from atlastumor.detection.rules import HIT_RULES

SIZE = (500, 300)
THRESHOLDS = (0.9, 0.7, 0.6, 0.5, 0.4, 0.3)
TP, FP = (1, 2, 2, 2, 3, 3), (0, 0, 1, 2, 2, 16)


def make_curve(*, n_lesions: int = 3, rows: int = len(THRESHOLDS)) -> FrocCurve:
    fp = np.array(FP[:rows], np.int64)
    return FrocCurve(
        "liver",
        HIT_RULES["union-iou"],
        False,
        np.array(THRESHOLDS[:rows], np.float32),
        np.array(TP[:rows], np.int64) * bool(n_lesions),
        fp,
        fp,
        fp,
        n_lesions=n_lesions,
        n_scans=2,
        n_clear=0,
    )


@pytest.fixture
def drawing(a_slicer: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "AtlasFROC"))
    from AtlasFROCLib import ChartDrawing

    return ChartDrawing


def texts(shapes: list[Any]) -> list[str]:
    return [shape.text for shape in shapes if hasattr(shape, "text")]


def dots(shapes: list[Any]) -> list[tuple[float, float]]:
    return [shape.center for shape in shapes if hasattr(shape, "center")]


def test_doubling_false_positives_is_one_step_on_the_axis(drawing: Any) -> None:
    axes = drawing.axesFor(make_curve(), SIZE)

    xs = axes.x(np.array([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]))

    assert np.diff(xs) == pytest.approx(np.full(6, np.diff(xs)[0]))
    left, _top, right, _bottom = axes.box
    assert axes.x(0.0) == left
    assert axes.x(8.0) == right  # 16 false positives on 2 scans are the most


def test_the_axis_reaches_down_to_the_least_and_up_to_the_most(drawing: Any) -> None:
    curve = make_curve()
    rare = FrocCurve(**{**vars(curve), "n_scans": 100})
    often = FrocCurve(**{**vars(curve), "n_false": curve.n_false * 10})

    assert drawing.axesFor(rare, SIZE).low == 2.0**-7  # 1 of 100
    assert drawing.axesFor(often, SIZE).high == 128.0  # 80 a scan


def test_a_click_finds_the_nearest_evaluated_threshold(drawing: Any) -> None:
    curve = make_curve()
    axes = drawing.axesFor(curve, SIZE)
    for row in range(len(THRESHOLDS)):
        x, y = float(axes.x(FP[row] / 2)), float(axes.y(TP[row] / 3))

        assert drawing.nearestRow(curve, axes, (x + 3, y - 2)) == row


def test_the_point_lies_where_its_numbers_are(drawing: Any) -> None:
    curve = make_curve()
    axes = drawing.axesFor(curve, SIZE)

    shapes = drawing.drawChart(curve, axes, row=4)

    assert dots(shapes) == [(float(axes.x(1.0)), float(axes.y(1.0)))]
    assert {"0", "1/8", "1", "8", "100%", "False positives per scan"} <= set(texts(shapes))


def test_the_curve_is_drawn_in_steps_and_starts_at_nothing_found(drawing: Any) -> None:
    curve = make_curve()
    axes = drawing.axesFor(curve, SIZE)

    lines = [s for s in drawing.drawChart(curve, axes) if getattr(s, "width", 0) == 2.0]

    (line,) = lines
    assert line.points[0] == (float(axes.x(0)), float(axes.y(0)))
    for (x0, y0), (x1, y1) in zip(line.points, line.points[1:], strict=False):
        assert x0 == x1 or y0 == y1


@pytest.mark.parametrize(
    ("curve", "text"),
    [
        (make_curve(n_lesions=0), "No lesions, so no sensitivity"),
        (make_curve(rows=0), "No candidates at any threshold"),
    ],
)
def test_what_cannot_be_drawn_is_said(drawing: Any, curve: FrocCurve, text: str) -> None:
    axes = drawing.axesFor(curve, SIZE)

    assert text in texts(drawing.drawChart(curve, axes))
    assert drawing.nearestRow(curve, axes, (100, 100)) == -1


def test_svg_and_png_hold_the_same_drawing(drawing: Any, tmp_path: Path) -> None:
    from AtlasFROCLib.Painting import writePng
    from AtlasFROCLib.Shapes import writeSvg
    from PIL import Image

    curve = make_curve()
    colors = drawing.Colors()
    shapes = drawing.drawChart(curve, drawing.axesFor(curve, SIZE), row=4, target=0.9)
    x, y = dots(shapes)[0]

    writeSvg(tmp_path / "a.svg", shapes, SIZE, colors.background)
    writePng(tmp_path / "a.png", shapes, SIZE, colors.background)

    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    (circle,) = root.iter("{http://www.w3.org/2000/svg}circle")
    assert (float(circle.get("cx")), float(circle.get("cy"))) == pytest.approx((x, y), abs=0.01)
    assert "False positives per scan" in (tmp_path / "a.svg").read_text(encoding="utf-8")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (2 * SIZE[0], 2 * SIZE[1])
        red, green, blue = picture.convert("RGB").getpixel((round(2 * x), round(2 * y)))
    assert f"#{red:02x}{green:02x}{blue:02x}" == colors.point


def test_text_from_outside_cannot_break_the_svg(drawing: Any) -> None:
    from AtlasFROCLib.Shapes import Text, toSvg

    text = toSvg([Text("<script>&", (1, 1), "#000000")], (10, 10), "#ffffff")

    (element,) = ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")
    assert element.text == "<script>&"
