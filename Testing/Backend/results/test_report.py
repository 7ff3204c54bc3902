from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image

from atlastumor.results.report import write_report
from Backend.results.examples import make_provenance, make_scan, make_segmentation

VOID = {"meta", "img"}


class Outline(HTMLParser):
    """Checks that tags are balanced and collects what a browser would show or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for key, value in attrs if key in {"src", "href"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def a_page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    scan = make_scan()
    write_report(path, make_segmentation(scan), scan)
    page = Outline()
    page.feed(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_the_page_says_what_was_found(a_page):
    assert "Not for clinical use." in a_page.text
    assert "3 possible tumors were found (liver, kidney)." in a_page.text
    for words in ("Liver 1", "Kidney 1", "left", "0.91", "Not in view.", "some-model", "cd" * 32):
        assert words in a_page.text


def test_the_page_fetches_nothing_and_runs_nothing(a_page):
    assert "script" not in a_page.tags
    assert all(source.startswith("data:image/png;base64,") for source in a_page.sources)


def test_the_overview_and_the_largest_tumor_of_each_organ_are_shown(a_page):
    assert len(a_page.sources) == 1 + 2 * 2
    for source in a_page.sources:
        raw = base64.b64decode(source.partition(",")[2])
        with Image.open(io.BytesIO(raw)) as picture:
            assert min(picture.size) > 20


def test_text_from_outside_is_escaped(a_page):
    assert "b" not in a_page.tags
    assert "The scan says <b>bold</b> & more." in a_page.text


def test_a_dollar_in_a_note_is_only_a_dollar(tmp_path, a_segmentation, a_scan):
    record = make_provenance(a_scan.grid, notes=("costs $5 and $notice",))

    write_report(tmp_path / "r.html", replace(a_segmentation, provenance=record), a_scan)

    assert "costs $5 and $notice" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_nothing_found_leaves_the_table_of_tumors_out(tmp_path, a_clean_segmentation, a_scan):
    write_report(tmp_path / "report.html", a_clean_segmentation, a_scan)

    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No tumor was found in the organs in view." in text
    assert "<h2>Tumors</h2>" not in text
    assert not re.search(r"\bnan\b", text)


def test_of_hundreds_of_tumors_the_largest_are_listed_and_the_page_says_so(
    tmp_path, many_tumors, a_scan
):
    write_report(tmp_path / "report.html", many_tumors, a_scan)

    page = Outline()
    page.feed((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.open == []
    assert "242 possible tumors were found" in page.text
    assert "Liver 100" in page.text
    assert "Liver 101" not in page.text
    assert "Kidney 1" in page.text
    sentence = "Only the 100 largest tumors of each organ are listed here, 101 of 242; lesions.csv"
    assert sentence in page.text


def test_where_all_tumors_are_listed_nothing_is_said_about_it(a_page):
    assert "largest tumors of each organ" not in a_page.text
