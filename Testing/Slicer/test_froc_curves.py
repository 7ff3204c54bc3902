"""One organ's curve in the panel: its intervals, and why its threshold was chosen."""

# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlastumor.detection.operating_point import load_operating_points
from atlastumor.detection.rates import wilson
from atlastumor.detection.rules import HIT_RULES
from Backend.detection.made_sweeps import RULE, a_sweep


@pytest.fixture
def curves(a_slicer: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "AtlasFROC"))
    from AtlasFROCLib import Curves

    return Curves


# 30 scans of a lesion each: 29 found at 0.5, all at 0.25; and 4 scans, 3 found.
@pytest.mark.parametrize("missed", [(29, 1), (3, 1)])
def test_intervals_at_a_threshold_are_those_of_the_band(curves: Any, missed: Any) -> None:
    n_found, n_missed = missed
    found = [a_sweep((0.5, "1", 0), (0.25, "1", 1)) for _ in range(n_found)]
    late = [a_sweep((0.5, "0", 0), (0.25, "1", 2)) for _ in range(n_missed)]
    curve = curves.OrganCurve([*found, *late], RULE)
    curve.computeBands(200, 0.9)

    for curve.threshold in (0.5, 0.25):
        sensitivity, fp = curve.intervals()
        assert sensitivity == curve.bands.sensitivity_interval(curve.threshold)
        assert fp == pytest.approx(curve.bands.fp_interval(curve.threshold))

    assert sensitivity == wilson(n_found + n_missed, n_found + n_missed)


def test_a_saved_point_says_why_its_threshold_was_chosen(
    an_open_cohort: Any, tmp_path: Path
) -> None:
    logic, operating = an_open_cohort.logic, an_open_cohort.widget._operating
    export = an_open_cohort.widget._export

    def target() -> str:
        export._savePoint(tmp_path / "points.json")
        return load_operating_points(tmp_path / "points.json")[0].target

    assert "reach sensitivity >= 0.9" in target()  # as it was measured, without a click
    operating._onFp(0.25)
    assert "at most 0.25 FP per scan" in target()
    logic.setOrgan("pancreas")
    logic.setOrgan("liver")
    assert "at most 0.25 FP per scan" in target()
    logic.setRule(HIT_RULES["peak"])
    assert target() == "chosen by hand"  # by that rule nothing was asked for
    assert "at most 0.25 FP per scan" not in an_open_cohort.ui.numbersLabel.text
