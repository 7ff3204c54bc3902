from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlastumor.cohorts.series_choice import SeriesFacts, choose_series
from atlastumor.cohorts.series_table import SERIES_COLUMNS, write_series

BASE = SeriesFacts(
    uid="1.1",
    study="s",
    number=1,
    n_files=100,
    n_slices=100,
    axial_cosine=1.0,
    spacing_mm=2.0,
    coverage_mm=400.0,
)


def chosen(*changes: dict[str, Any]) -> tuple[int, str]:
    """Number of the series that is taken, from 1, and the rule that decided it."""
    series = [
        replace(BASE, uid=f"1.{n}", number=n, **change) for n, change in enumerate(changes, start=1)
    ]
    taken = [choice for choice in choose_series(series[::-1]) if choice.is_taken]
    assert len(taken) == 1
    return taken[0].series.number, taken[0].rule


@pytest.mark.parametrize(
    ("worse", "better", "criterion"),
    [
        ({"axial_cosine": 0.0, "spacing_mm": 1.0}, {}, "orientation"),
        ({"kernel": "B70f"}, {"kernel": "B31f"}, "kernel"),
        ({"kernel": "Bl57d"}, {"kernel": "Br40d"}, "kernel"),
        ({"kernel": "LUNG"}, {"kernel": "STANDARD", "spacing_mm": 5.0}, "kernel"),
        ({"kernel": "BONEPLUS"}, {"kernel": "unheard of"}, "kernel"),
        ({"kernel": "FC51"}, {"kernel": "FC08"}, "kernel"),
        ({"description": "ABD_LUNG 1.0"}, {"description": "ABD 5.0"}, "kernel"),
        ({"coverage_mm": 100.0, "spacing_mm": 1.0}, {"spacing_mm": 5.0}, "coverage"),
        ({"description": "Arterial"}, {"description": "Portal venous"}, "phase"),
        ({"description": "native"}, {"description": "delayed 5 min"}, "phase"),
        ({"spacing_mm": 5.0}, {"spacing_mm": 3.0}, "slice spacing"),
        ({"spacing_mm": 3.0}, {"spacing_mm": 1.25}, "slice spacing"),
        ({"spacing_mm": 0.5}, {"spacing_mm": 3.0}, "slice spacing"),
        ({"spacing_mm": 5.0}, {"spacing_mm": 0.6}, "slice spacing"),
        ({"coverage_mm": 380.0}, {}, "longer coverage"),
        ({"n_slices": 90}, {}, "more slices"),
    ],
)
def test_the_better_series_is_taken_and_it_is_said_by_what(
    worse: dict[str, Any], better: dict[str, Any], criterion: str
) -> None:
    assert chosen(worse, better) == (2, f"before series 1: {criterion}")
    assert chosen(better, worse) == (1, f"before series 2: {criterion}")


def test_of_series_alike_the_first_is_taken() -> None:
    assert chosen({}, {}) == (1, "before series 2: series number")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"modality": "MR"}, "no CT: MR"),
        ({"modality": ""}, "no CT: no modality"),
        ({"n_slices": 0, "image_type": "ORIGINAL\\PRIMARY\\LOCALIZER"}, "localizer"),
        ({"n_slices": 2, "description": "Topogram 0.6"}, "localizer"),
        ({"n_slices": 0}, "no CT images: a capture or report"),
        ({"image_type": "DERIVED\\SECONDARY\\REFORMATTED\\AVERAGE"}, "derived: reformatted"),
        ({"image_type": "DERIVED\\SECONDARY\\OTHER"}, "derived: secondary"),
        ({"image_type": "DERIVED\\PRIMARY\\AXIAL\\CT_SOM5 MIP\\MIP"}, "derived: mip"),
        ({"description": "Dose Report"}, "dose report"),
        ({"n_slices": 7}, "7 slices, fewer than 8"),
        ({"n_orientations": 3}, "3 orientations"),
        ({"n_copies": 50}, "50 slices lie where others lie"),
        ({"n_stacks": 2}, "2 files of several images each"),
    ],
)
@pytest.mark.parametrize("wanted", ["best", "all"])
def test_what_is_no_original_ct_volume_is_not_taken(
    change: dict[str, Any], rule: str, wanted: str
) -> None:
    (choice,) = choose_series([replace(BASE, **change)], wanted)

    assert (choice.is_taken, choice.rule) == (False, rule)


def test_derived_images_that_are_no_reformats_are_taken() -> None:
    assert chosen({"image_type": "DERIVED\\PRIMARY\\AXIAL"})[0] == 1


def test_each_study_has_its_best_and_all_takes_every_volume() -> None:
    series = [
        replace(BASE, uid="1.1"),
        replace(BASE, uid="1.2", number=2),
        replace(BASE, uid="2.1", study="t"),
        replace(BASE, uid="2.2", study="t", number=2, n_slices=3),
    ]

    assert [one.series.uid for one in choose_series(series) if one.is_taken] == ["1.1", "2.1"]
    taken = [one.series.uid for one in choose_series(series, "all") if one.is_taken]
    assert taken == ["1.1", "1.2", "2.1"]


def test_the_table_of_series_holds_every_choice(tmp_path: Path) -> None:
    choices = choose_series([BASE, replace(BASE, uid="1.2", number=2, description="a,\nb")])

    write_series(tmp_path / "series.csv", choices)

    with (tmp_path / "series.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == SERIES_COLUMNS
    assert [(row["taken"], row["rule"]) for row in rows] == [
        ("1", "before series 2: series number"),
        ("0", "after series 1: series number"),
    ]
    assert rows[1]["description"] == "a, b"
    assert [path.name for path in tmp_path.iterdir()] == ["series.csv"]
