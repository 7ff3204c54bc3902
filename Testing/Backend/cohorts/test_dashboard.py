from __future__ import annotations

import html
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from atlastumor.batch.cases import Problem
from atlastumor.cli import main
from atlastumor.cohorts.anonymous import make_anonymous
from atlastumor.cohorts.case import CohortCase
from atlastumor.cohorts.dashboard import write_dashboard
from atlastumor.cohorts.dashboard.numbers import find_size_class, gather
from atlastumor.cohorts.dashboard.reasons import Reasons
from atlastumor.cohorts.journal import JOURNAL, Journal
from atlastumor.cohorts.outcome import CaseOutcome
from atlastumor.cohorts.records import CaseRecord
from atlastumor.cohorts.rows import CaseRow, State
from atlastumor.cohorts.settings import BatchSettings
from atlastumor.cohorts.tables import TABLES
from atlastumor.detection.false_sizes import RADIUS_EDGES_MM
from atlastumor.detection.rates import wilson
from atlastumor.detection.size_bins import SIZE_BINS
from atlastumor.errors import InputError

from .made_cohorts import make_cohort, names_of, quarantine

VOID = {"meta", "img", "br", "link"}


class Reader(HTMLParser):
    """What a page would fetch or run, and whether what it opens it closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.fetched += [given[name] or "" for name in ("src", "srcset") if name in given]
        self.fetched += [given["href"] or ""] if tag == "link" else []
        assert tag not in {"script", "iframe", "object", "embed"}
        assert not any(name.startswith("on") for name in given)
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    directory = make_cohort(tmp_path / "out", ["case_b", "case_a"])
    for folder in (directory / "cases").iterdir():
        Image.new("RGB", (900, 300), (9, 99, 199)).save(folder / "overview.png")
        (folder / "report.html").write_text("<p>Report</p>")
    return directory


def test_the_page_fetches_nothing_runs_nothing_and_is_whole(cohort: Path) -> None:
    before = set(names_of(cohort))

    page = write_dashboard(cohort).read_text(encoding="utf-8")

    reader = Reader(page)
    assert not reader.open
    assert len(reader.fetched) == 2
    assert all(one.startswith("data:image/jpeg;base64,") for one in reader.fetched)
    assert not re.search(r"url\(|@import|https?://", page)
    for svg in re.findall(r"<svg.*?</svg>", page):
        ElementTree.fromstring(svg)
    new = set(names_of(cohort)) - before
    assert {name for name in new if not name.startswith(JOURNAL)} == {"dashboard.html"}
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_the_page_says_what_was_found_how_often_and_how_sure(cohort: Path) -> None:
    text = text_of(write_dashboard(cohort).read_text(encoding="utf-8"))

    assert "2 scans were segmented by some-model: 6 tumors in 2 of them." in text
    low, high = (100 * end for end in wilson(2, 2))
    assert f"Liver 2 of 2 100.0% {low:.1f} to {high:.1f}" in text
    assert "Pancreas" not in text  # in view nowhere
    assert "Liver 4 tumors" in text
    assert "Engine 2 s 2 s 2 s" in text
    assert "Not for clinical use." in text


def test_the_cases_with_the_largest_tumors_are_shown_and_lead_to_their_reports(
    cohort: Path,
) -> None:
    (cohort / "cases/case_b/overview.png").write_bytes(b"no picture")

    page = write_dashboard(cohort).read_text(encoding="utf-8")

    assert page.count("<figure>") == 1
    assert '<a href="cases/case_a/report.html">case_a</a>' in page


def test_failures_are_grouped_and_tell_nothing_of_patients(cohort: Path) -> None:
    for n, name in enumerate(("Mueller^Hans", "O'Brien", "Doe Jane")):
        reason = f"'{name}.nii.gz' is truncated after {n}00 bytes. Copy <it> again."
        quarantine(cohort, f"case_{n}", reason)
    quarantine(cohort, "case_x", "OSError: /data/Mueller/x.dcm is gone", "OSError")
    with Journal.open(cohort / JOURNAL) as journal:
        journal.note_problems([Problem("Mueller.dcm", "'Mueller.dcm' is damaged.")])

    page = write_dashboard(cohort).read_text(encoding="utf-8")

    text = text_of(page)
    assert "<it>" not in page
    assert "Copy <it> again. failed: InputError case_0, case_1, case_2" in text
    assert "1 OSError: … is gone failed: OSError case_x" in text
    assert "1 … is damaged. not used: input" in text
    for word in ("Mueller", "Hans", "Brien", "Jane", "/data", str(cohort.parent)):
        assert word not in page


def test_a_word_to_the_command_writes_the_page_and_all_tables(cohort: Path) -> None:
    assert main(["batch", "report", str(cohort), "--parquet"]) == 0

    assert (cohort / "dashboard.html").is_file()
    names = {f"{name}{ending}" for name in TABLES for ending in (".csv", ".parquet")}
    assert {path.name for path in (cohort / "tables").iterdir()} == names


def test_a_cohort_of_which_nothing_is_done_has_a_page_too(tmp_path: Path) -> None:
    with Journal.create(tmp_path / JOURNAL, BatchSettings()) as journal:
        journal.add([CohortCase("a", tmp_path / "a.nii.gz")])

    text = text_of(write_dashboard(tmp_path).read_text(encoding="utf-8"))

    assert "0 scans were segmented: 0 tumors in 0 of them." in text
    assert "waiting 1" in text
    with pytest.raises(InputError, match="holds no batch"):
        write_dashboard(tmp_path / "elsewhere")


def test_a_result_that_cannot_be_read_is_said(cohort: Path) -> None:
    (cohort / "cases/case_a/result.json").write_text("[]")

    text = text_of(write_dashboard(cohort).read_text(encoding="utf-8"))

    assert "3 tumors in 1 of them" in text
    assert "1 The result is missing or damaged." in text


def test_bars_of_sizes_never_cross_the_borders_of_the_size_classes() -> None:
    radii = [x for edge in RADIUS_EDGES_MM for x in (edge - 1e-6, edge, edge + 1e-6)]
    groups = {0: "tiny", 1: "tiny", 2: "tiny", 3: "small", 4: "small", 5: "medium", 6: "medium"}

    for radius in radii:
        size = next(size.key for size in SIZE_BINS if size.spans(radius))
        assert groups.get(find_size_class(radius), "large") == size


def test_alike_reasons_are_one_whatever_their_numbers() -> None:
    reasons = Reasons()
    for n in range(9):
        reasons.add(f"c{n}", "InputError", f"It has {n}.5 slices.")
    reasons.add("d", "InputError", "It is empty.")

    first, second = reasons.ranked()

    assert (first.n, len(first.cases), first.text) == (9, 6, "It has 0.5 slices.")
    assert second.cases == ["d"]


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("'A' and 'B' share one UID. Export it.", "… share one UID. Export it."),
        ('File "C:\\p\\x" is bad', "File … is bad"),
        ("cannot open \\\\server\\Mueller\\x now", "cannot open … now"),
        ("line\nbreaks", "line breaks"),
    ],
)
def test_what_is_quoted_or_a_path_is_left_out_of_a_reason(reason: str, shown: str) -> None:
    assert make_anonymous(reason) == shown


def test_ten_thousand_cases_are_gathered_quickly() -> None:
    finding = {"organ": "liver", "coverage": "whole", "n_lesions": 1}
    lesion = {"organ": "liver", "volume_ml": 1.0, "diameter_mm": 12.0}
    seconds = {"read": 1.0, "wait": 0.0, "engine": 3.0, "write": 1.0}

    def make(n: int) -> CaseRecord:
        case = CohortCase(f"case_{n}", Path("x"))
        outcome = CaseOutcome(case.id, "t", "", 1, 1, seconds, 10**9)
        row = CaseRow(case, State.DONE, started=float(n), ended=n + 5.0, outcome=outcome)
        return CaseRecord(row, (finding,), (lesion,), {"model_id": "m"})

    start = time.process_time()
    numbers = gather(make(n) for n in range(10_000))

    assert time.process_time() - start < 2.0
    assert (numbers.n_cases, numbers.n_lesions, len(numbers.largest)) == (10_000, 10_000, 9)
