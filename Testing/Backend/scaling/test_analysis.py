"""A study of made-up cells whose laws are known says what was put into it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from atlastumor.cotraining.config import TrainingConfig
from atlastumor.scaling.analysis import Study, analyze
from atlastumor.scaling.cells import Cell, CellResult
from atlastumor.scaling.config import ScalingConfig
from atlastumor.scaling.estimating import NOT_ESTIMABLE, NOT_REACHED
from atlastumor.scaling.measuring import Row
from atlastumor.scaling.report import say_gains, write_report
from atlastumor.scaling.running import list_cells

FACTS = {"training_seconds": 1.0, "evaluation_seconds": 1.0, "machine": "none", "threads": 1}
Law = Callable[[float], float]


def make_study(real: Law, synthetic: Law, *, missing: tuple[Cell, ...] = ()) -> Study:
    """Thirty held-out scans whose Dice is the law's, give or take a little of scan and seed."""
    config = ScalingConfig(
        cohorts=(),
        held_out={"held-out": Path("none")},
        sizes=(4, 8, 16, 32),
        folds=(0.0, 3.0),
        seeds=(1, 2, 3),
        training=TrainingConfig(cohorts=(), output=Path("none")),
        samples=400,
    )
    results = []
    for cell in list_cells(config):
        rng = np.random.default_rng([cell.n, cell.seed])
        dice = (synthetic if cell.fold else real)(cell.n) + 0.01 * (cell.seed - 2)
        rows = tuple(
            Row("held-out", f"scan{n}", "liver", float(np.clip(dice + wobble, 0, 1)), 0.5,
                1, int(rng.random() < dice), 0, 0, 1, 0, False, 0.5)
            for n, wobble in enumerate(rng.normal(0, 0.02, 30))
        )  # fmt: skip
        results.append(CellResult(cell, rows, (), FACTS))
    kept = [result for result in results if result.cell not in missing]
    return analyze(config, kept, len(results))


def law(a: float, b: float, c: float) -> Law:
    return lambda n: 1 - (a * n**-b + c)


@pytest.fixture(scope="module")
def helped() -> Study:
    """Synthetic scans do what twice the real ones would."""
    return make_study(law(1.0, 0.8, 0.1), law(1.0 * 0.5**0.8, 0.8, 0.1))


def test_curves_gains_and_the_share_saved_are_those_that_were_put_in(helped: Study) -> None:
    curve = helped.curves["held-out", "liver", "dsc", 0.0]
    gain = helped.gains["held-out", "liver", "dsc", 3.0]

    expected = [law(1.0, 0.8, 0.1)(n) for n in helped.config.sizes]
    np.testing.assert_allclose(curve.mean, expected, atol=0.01)
    assert (curve.interval[0] < expected).all()
    assert (curve.interval[1] > expected).all()
    assert (gain.interval[0] > 0).all()
    assert gain.equal is not None
    assert gain.equal.value == pytest.approx(0.5, abs=0.08)
    assert gain.equal.low <= 0.5 <= gain.equal.high
    assert say_gains(gain).startswith("DSC, real + 3-fold synthetic against real only: higher at")


def test_the_plateau_of_the_law_lies_within_its_interval(helped: Study) -> None:
    plateau = helped.curves["held-out", "liver", "dsc", 0.0].plateau

    # (1 - 2^-0.8) n^-0.8 = 0.01 at n = 142: beyond what was studied
    assert plateau is not None
    assert plateau.state == NOT_REACHED


def test_synthetic_scans_that_hurt_are_said_to_hurt() -> None:
    study = make_study(law(1.0, 0.8, 0.1), law(1.0, 0.8, 0.3))

    gain = study.gains["held-out", "liver", "dsc", 3.0]

    assert "lower at n = 4" in say_gains(gain)
    assert "higher" not in say_gains(gain)
    assert gain.equal is not None
    assert gain.equal.state == NOT_REACHED


def test_where_nothing_is_learned_nothing_is_claimed(tmp_path: Path) -> None:
    study = make_study(lambda _: 0.3, lambda _: 0.3)

    curve = study.curves["held-out", "liver", "dsc", 0.0]
    gain = study.gains["held-out", "liver", "dsc", 3.0]
    write_report(tmp_path / "report.md", study, [], [])

    assert curve.plateau is not None
    assert gain.equal is not None
    assert curve.plateau.state == gain.equal.state == NOT_ESTIMABLE
    assert "higher" not in say_gains(gain)
    assert "accuracy is not shown to rise" in (tmp_path / "report.md").read_text()


def test_a_missing_cell_leaves_the_mean_of_the_other_seeds(tmp_path: Path) -> None:
    gone = Cell(8, 0.0, 3)

    study = make_study(law(1.0, 0.8, 0.1), law(1.0, 0.8, 0.1), missing=(gone,))
    write_report(tmp_path / "report.md", study, [], [])

    curve = study.curves["held-out", "liver", "dsc", 0.0]
    assert math.isnan(curve.seeds[2, 1])
    assert curve.mean[1] == pytest.approx(np.mean(curve.seeds[:2, 1]))
    assert np.isfinite(curve.interval).all()
    assert "1 of 24 cells are missing" in (tmp_path / "report.md").read_text()


def test_the_same_cells_give_the_same_study(helped: Study) -> None:
    again = make_study(law(1.0, 0.8, 0.1), law(1.0 * 0.5**0.8, 0.8, 0.1))

    for key, curve in helped.curves.items():
        np.testing.assert_array_equal(curve.interval, again.curves[key].interval)
