"""What is written of a cohort: tables, record and page."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from atlastumor.batch.definitions import METRICS, define
from atlastumor.batch.evaluate import Evaluation
from atlastumor.batch.report import make_report
from atlastumor.batch.scoring import EvaluationOptions
from atlastumor.batch.tables import LESION_COLUMNS, METRIC_COLUMNS
from atlastumor.batch.write import write_evaluation
from atlastumor.errors import OutputError
from Backend.batch.evaluations import PROBLEM, evaluate


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(tmp_path_factory.mktemp("cohort"))


def test_every_number_of_every_case_is_in_the_table(evaluation: Evaluation, tmp_path: Path) -> None:
    write_evaluation(evaluation, tmp_path / "out")

    with (tmp_path / "out" / "metrics.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == METRIC_COLUMNS
    assert len(rows) == 5 * len(METRICS)  # liver four times, pancreas once
    values = {(case, organ, metric): value for case, organ, metric, value in rows}
    assert float(values["A", "liver", "dsc"]) == pytest.approx(48 / 56, abs=1e-6)
    assert values["C", "liver", "n_false"] == "1"
    assert values["C", "liver", "hd95_mm"] == "inf"
    assert values["D", "liver", "dsc"] == ""


def test_every_lesion_is_in_the_table(evaluation: Evaluation, tmp_path: Path) -> None:
    write_evaluation(evaluation, tmp_path / "out")

    with (tmp_path / "out" / "lesions.csv").open(newline="") as file:
        found, missed = csv.DictReader(file)
    assert tuple(found) == LESION_COLUMNS
    assert (found["case"], found["found"], found["union_iou"]) == ("A", "1", "0.7500")
    assert (missed["case"], missed["found"], missed["union_iou"]) == ("B", "0", "0.0000")
    assert (found["size"], found["volume_ml"]) == ("tiny", "0.1920")
    assert [float(found[axis]) for axis in "ijk"] == [2.5, 3.5, 2.5]


def test_the_record_says_what_its_numbers_mean(evaluation: Evaluation, tmp_path: Path) -> None:
    write_evaluation(evaluation, tmp_path / "out")

    record = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert record["definitions"] == define(evaluation.options)
    assert record["options"]["hit_rule"]["text"] == evaluation.options.rule.text
    assert record["organs"]["liver"]["tumor_sensitivity"]["value"] == 0.5
    assert record["organs"]["pancreas"]["tumor_sensitivity"]["value"] is None
    assert record["problems"] == [{"case": "E", "message": PROBLEM.message}]
    assert len(record["cases"]) == 5


def test_an_earlier_result_is_replaced_and_anything_else_kept(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    files = write_evaluation(evaluation, out)
    (out / "mine.txt").write_text("kept")

    write_evaluation(evaluation, out)

    assert {path.name for path in out.iterdir()} == {*(path.name for path in files), "mine.txt"}


def test_a_folder_of_other_files_is_not_written_to(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")

    with pytest.raises(OutputError):
        write_evaluation(evaluation, tmp_path)


# The page.


class Page(HTMLParser):
    """Collects tables, and checks that every element that opens is closed in order."""

    EMPTY = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.headings: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        assert tag not in {"script", "link", "img"}
        if tag not in self.EMPTY:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")
        elif tag == "h2":
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data
        elif "h2" in self.open:
            self.headings[-1] += data


def test_the_page_is_whole_and_every_row_fits_its_head(evaluation: Evaluation) -> None:
    page = Page(make_report(evaluation))

    assert page.headings == [
        "Tumors",
        "Patients",
        "Sensitivity by size, tumor level",
        "Cases",
        "Problems",
    ]
    assert all(len(row) == len(table[0]) for table in page.tables for row in table)


def test_the_page_shows_the_papers_numbers_for_each_organ(evaluation: Evaluation) -> None:
    tumors, patients, _, cases, problems = Page(make_report(evaluation)).tables

    assert [row[0] for row in tumors] == ["Organ", "Liver", "Pancreas"]
    assert tumors[1][2].startswith("50.0 %1/2; 9.5 to 90.5 %; Wilson")
    assert tumors[1][3].startswith("0.429 ± 0.606")
    assert tumors[2][2] == "n/a"
    assert patients[1][3].startswith("50.0 %1/2")
    assert [row[0] for row in cases[1:3]] == ["B", "C"]  # the worst first
    assert problems[1] == ["E", "It has <no> reference."]


def test_every_table_of_the_page_names_its_rule(evaluation: Evaluation) -> None:
    text = make_report(evaluation)
    hit = evaluation.options.rule.text.replace(">", "&gt;")

    parts = text.split("<h2>")[1:5]
    assert all(hit in part for part in parts)
    assert "at 2 mm (DeepMind&#x27;s definition" in parts[0]


def test_a_long_cohort_is_cut_in_the_page_and_says_so(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlastumor.batch.report._MOST_CASES", 2)

    text = make_report(evaluation)

    assert len(Page(text).tables[3]) == 3
    assert "The first 2 of 5." in text


def test_every_metric_of_the_table_has_a_definition() -> None:
    meaning = define(EvaluationOptions())
    plain = {"predicted_ml", "reference_ml", "n_lesions", "n_found", "n_candidates"}

    assert set(METRICS) - plain <= set(meaning)


def test_thresholds_are_named_among_the_definitions() -> None:
    options = EvaluationOptions(thresholds={"liver": 0.25})

    assert "liver from 0.25 on" in define(options)["prediction"]


def test_values_that_are_whole_numbers_stay_so(evaluation: Evaluation, tmp_path: Path) -> None:
    write_evaluation(evaluation, tmp_path / "out")

    lines = (tmp_path / "out" / "metrics.csv").read_text().splitlines()
    assert "A,liver,n_found,1" in lines
    assert not np.any([line.endswith(",nan") for line in lines])
