"""The tables of a FROC run."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from atlastumor.detection.froc import FROC_COLUMNS
from atlastumor.detection.summary import OrganSummary, SummaryOptions, summarize
from atlastumor.results.froc_tables import (
    FALSE_POSITIVE_COLUMNS,
    make_operating_points,
    write_curves,
    write_false_sizes,
)

from ..detection.made_sweeps import RULE, MadeSweep, a_sweep

COHORT = {
    "model_id": "some-v1",
    "weights_sha256": "ab" * 32,
    "data_set": "validation",
    "min_volume_mm3": 30.0,
    "floor": 0.01,
}


def summary_of(*sweeps: MadeSweep, target: float = 0.9, strict: bool = False) -> OrganSummary:
    options = SummaryOptions(target=target, n_samples=0, strict=strict)
    return summarize(sweeps, RULE, options=options)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_those_where_a_listed_count_changes(tmp_path: Path) -> None:
    # At 0.7 only the strict count changes, which is not the one that is listed.
    sweep = a_sweep((0.9, "0", 1), (0.7, "0", 1), (0.5, "1", 1), strict=(1, 2, 1))

    write_curves(tmp_path / "lenient.csv", [summary_of(sweep)])
    write_curves(tmp_path / "strict.csv", [summary_of(sweep, strict=True)])

    lenient, strict = rows_of(tmp_path / "lenient.csv"), rows_of(tmp_path / "strict.csv")
    assert tuple(lenient[0]) == FROC_COLUMNS
    assert [row["threshold"] for row in lenient] == ["0.899999976", "0.5"]
    assert [row["fp"] for row in strict] == ["1", "2", "1"]


def test_thresholds_come_back_to_the_bit(tmp_path: Path) -> None:
    exact = np.float32(0.1) + np.spacing(np.float32(0.1))

    write_curves(tmp_path / "froc.csv", [summary_of(a_sweep((float(exact), "1", 0)))])

    assert np.float32(rows_of(tmp_path / "froc.csv")[0]["threshold"]) == exact


def test_a_huge_curve_is_thinned_around_its_chosen_point(tmp_path: Path) -> None:
    # FP rise and fall by turns, so that every row differs; the target is reached at one row only.
    thresholds = np.linspace(1.0, 0.02, 30_000)
    rows = [(float(t), "1" if n == 12_345 else "0", n % 2) for n, t in enumerate(thresholds)]
    summary = summary_of(a_sweep(*rows))

    write_curves(tmp_path / "froc.csv", [summary])

    listed = rows_of(tmp_path / "froc.csv")
    assert len(listed) <= 10_002
    found = [np.float32(row["threshold"]) for row in listed if row["tp"] == "1"]
    assert found == [np.float32(summary.choice.threshold)]


def test_false_positives_have_a_row_per_size_at_the_chosen_or_best_point(tmp_path: Path) -> None:
    chosen = summary_of(a_sweep((0.5, "1", 2)), a_sweep((0.7, "0", 1)), target=0.5)
    unreachable = summary_of(a_sweep((0.25, "0", 4)))
    silent = summary_of(a_sweep())

    write_false_sizes(tmp_path / "sizes.csv", [chosen, unreachable, silent])

    rows = rows_of(tmp_path / "sizes.csv")
    assert tuple(rows[0]) == FALSE_POSITIVE_COLUMNS
    assert [tuple(row.values()) for row in rows[:2]] == [
        ("liver", "0.5", "0", "3", "3", "1.500000"),
        ("liver", "0.5", "3", "4", "0", "0.000000"),
    ]
    assert rows[7]["radius_up_to_mm"] == ""
    assert (rows[8]["threshold"], rows[8]["fp"]) == ("0.25", "4")
    assert len(rows) == 16


def test_operating_points_are_made_of_chosen_points_only() -> None:
    reached = summary_of(a_sweep((0.5, "1", 2)))
    unreachable = summary_of(a_sweep((0.5, "0", 2)))
    of_labels = summary_of(a_sweep((1.0, "1", 2)))

    points = make_operating_points([reached, unreachable, of_labels], **COHORT)

    (point,) = points
    assert (point.organ, point.threshold, point.fp_per_scan) == ("liver", 0.5, 2.0)
    assert point.sensitivity_interval is None
    assert point.false_positives == "lenient"


@pytest.mark.parametrize(("strict", "word"), [(True, "strict"), (False, "lenient")])
def test_an_operating_point_says_which_false_positives_it_counts(strict: bool, word: str) -> None:
    summary = summary_of(a_sweep((0.5, "1", 2), strict=(3,)), strict=strict)

    (point,) = make_operating_points([summary], **COHORT)

    assert point.false_positives == word
    assert point.fp_per_scan == (3.0 if strict else 2.0)
