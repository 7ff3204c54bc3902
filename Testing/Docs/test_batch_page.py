"""The manual of batches says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from atlastumor.cohorts.finding import find_cohort
from atlastumor.cohorts.finding.folders import LABEL_ENDINGS
from atlastumor.cohorts.tables import TABLES
from Backend.source_tree import REPOSITORY

PAGE = (REPOSITORY / "Resources/Docs/batch.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", ["findings", "lesions", "inputs"])
def test_the_page_names_every_column_of_a_table(table: str) -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{table}.csv`"))

    assert set(re.findall(r"`(\w+)`", row)) == {column.name for column in TABLES[table]}


def test_the_page_names_every_ending_of_label_maps() -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith("| `CASE_seg.nii.gz`"))

    assert all(f"`{ending}`" in row for ending in set(LABEL_ENDINGS) - {"_seg", "-seg", "-label"})


def test_the_manifest_of_the_page_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/a.nii.gz").touch()
    (tmp_path / "cohort.csv").write_text(text, encoding="utf-8")

    found = find_cohort([tmp_path / "cohort.csv"])

    assert [case.id for case in found.cases] == ["patient-1"]
    assert len(found.problems) == 2  # the other two are not here
