"""One organ's curve in the panel: its intervals are those of the figure's band."""

# ruff: noqa: ARG001 - many a fixture is asked for because of what it does alone

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlastumor.detection.rates import wilson
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
    late = [a_sweep((0.5, "0", 0), (0.25, "1", 1)) for _ in range(n_missed)]
    curve = curves.OrganCurve([*found, *late], RULE)
    curve.computeBands(200, 0.9)

    for curve.threshold in (0.5, 0.25):
        sensitivity, fp = curve.intervals()
        assert sensitivity == curve.bands.sensitivity_interval(curve.threshold)
        assert fp == pytest.approx(curve.bands.fp_interval(curve.threshold))

    assert sensitivity == wilson(n_found + n_missed, n_found + n_missed)
