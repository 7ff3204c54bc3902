"""A cohort of four: its sums worked out by hand, and what is written of them."""

from __future__ import annotations

import csv
import json
import math
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from atlastumor.batch.cases import Problem
from atlastumor.batch.cohort import find_cases
from atlastumor.batch.definitions import METRICS, define
from atlastumor.batch.evaluate import Evaluation, evaluate_scores
from atlastumor.batch.report import make_report
from atlastumor.batch.scoring import EvaluationOptions, score_case
from atlastumor.batch.tables import LESION_COLUMNS, METRIC_COLUMNS
from atlastumor.batch.write import write_evaluation
from atlastumor.detection.rates import wilson
from atlastumor.detection.rules import find_hit_rule
from atlastumor.errors import OutputError
from Backend.batch.cohorts import block, empty, labels, write_labels

LESION = block((1, 2, 2), (5, 6, 4))
CLOSE = block((2, 2, 2), (5, 6, 4))
ELSEWHERE = block((1, 8, 6), (5, 10, 8))

# Prediction and reference of liver tumors: found; missed with a false positive; a false positive on
# a clear scan; nothing on a clear scan. The last speaks of the pancreas, too.
COHORT = {
    "A": (labels(CLOSE), labels(LESION)),
    "B": (labels(ELSEWHERE), labels(LESION)),
    "C": (labels(ELSEWHERE), labels(empty())),
    "D": (labels(empty(), empty()), labels(empty(), empty())),
}
PROBLEM = Problem("E", "It has <no> reference.")


def evaluate(folder: Path, options: EvaluationOptions | None = None) -> Evaluation:
    options = options or EvaluationOptions(n_samples=200)
    for name, (predicted, wanted) in COHORT.items():
        write_labels(folder / "predictions", name, predicted)
        write_labels(folder / "references", name, wanted)
    cohort = find_cases(folder / "predictions", folder / "references")
    scores = [score for case in cohort.cases for score in score_case(case, options).scores]
    return evaluate_scores(scores, [PROBLEM], options)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(tmp_path_factory.mktemp("cohort"))


# Sums.


def test_lesions_and_scans_are_counted_apart(evaluation: Evaluation) -> None:
    liver = evaluation.organs[0]

    assert (liver.n_scans, liver.n_tumor_scans, liver.n_clear_scans) == (4, 2, 2)
    assert (liver.tumor.n_hit, liver.tumor.n_total) == (1, 2)
    assert liver.tumor.interval == wilson(1, 2)


def test_at_patient_level_a_false_positive_counts_as_found_only_if_place_does_not(
    evaluation: Evaluation,
) -> None:
    patients = evaluation.organs[0].patients

    assert (patients.sensitivity.n_hit, patients.sensitivity.n_total) == (2, 2)
    assert (patients.localized.n_hit, patients.localized.n_total) == (1, 2)
    assert (patients.specificity.n_hit, patients.specificity.n_total) == (1, 2)


def test_false_positives_are_counted_over_all_scans(evaluation: Evaluation) -> None:
    assert evaluation.organs[0].fp_per_scan.value == 0.5
    assert evaluation.organs[0].fp_per_scan.n == 4


def test_dice_is_averaged_over_scans_with_a_tumor(evaluation: Evaluation) -> None:
    dsc = evaluation.organs[0].means["dsc"]
    dice = 2 * 24 / (24 + 32)

    assert dsc.value == pytest.approx(dice / 2)  # A and B; C's 0 and D's nothing do not count
    assert dsc.sd == pytest.approx(dice / math.sqrt(2))
    assert dsc.n == 2
    assert dsc.interval == (0.0, pytest.approx(dice))


def test_a_distance_to_nothing_is_counted_as_not_defined(tmp_path: Path) -> None:
    write_labels(tmp_path / "predictions", "0", labels(empty()))
    write_labels(tmp_path / "references", "0", labels(LESION))

    hd95 = evaluate(tmp_path).organs[0].means["hd95_mm"]

    assert (hd95.n, hd95.n_without) == (2, 1)
    assert math.isfinite(hd95.value)


def test_an_organ_without_any_tumor_has_specificity_only(evaluation: Evaluation) -> None:
    pancreas = evaluation.organs[1]

    assert pancreas.organ == "pancreas"
    assert pancreas.n_scans == 1
    assert pancreas.tumor.n_total == 0
    assert math.isnan(pancreas.tumor.value)
    assert pancreas.means["dsc"].n == 0
    assert pancreas.patients.specificity.n_total == 1


def test_lesions_are_sorted_by_size(evaluation: Evaluation) -> None:
    sizes = evaluation.organs[0].sizes  # 192 mm3: a ball of 3.6 mm radius

    assert (sizes["tiny"].n_hit, sizes["tiny"].n_total) == (1, 2)
    assert sizes["early"].n_total == 2
    assert sizes["small"].n_total == 0


def test_the_bootstrap_takes_over_from_ten_lesions_on(tmp_path: Path) -> None:
    for n in range(8):
        write_labels(tmp_path / "predictions", f"more{n}", labels(CLOSE))
        write_labels(tmp_path / "references", f"more{n}", labels(LESION))

    tumor = evaluate(tmp_path).organs[0].tumor

    assert (tumor.n_hit, tumor.n_total, tumor.method) == (9, 10, "bootstrap")
    assert tumor.interval is not None
    assert tumor.interval[0] < 0.9 <= tumor.interval[1]


def test_the_same_seed_gives_the_same_intervals(evaluation: Evaluation, tmp_path: Path) -> None:
    again = evaluate(tmp_path)

    assert repr(again.organs) == repr(evaluation.organs)


def test_one_case_has_numbers_but_no_interval_of_a_mean(tmp_path: Path) -> None:
    options = EvaluationOptions()
    write_labels(tmp_path / "predictions", "A", labels(CLOSE))
    write_labels(tmp_path / "references", "A", labels(LESION))
    (case,) = find_cases(tmp_path / "predictions", tmp_path / "references").cases

    (liver,) = evaluate_scores(score_case(case, options).scores, [], options).organs

    assert liver.means["dsc"].interval is None
    assert math.isnan(liver.means["dsc"].sd)
    assert liver.tumor.interval == wilson(1, 1)


def test_the_rule_decides_and_is_named(tmp_path: Path) -> None:
    rule = find_hit_rule("union-iou", 0.9)

    evaluation = evaluate(tmp_path, EvaluationOptions(rule=rule, n_samples=0))

    assert evaluation.organs[0].tumor.n_hit == 0
    assert "IoU >= 0.90" in define(evaluation.options)["tumor_sensitivity"]


# Files.


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
