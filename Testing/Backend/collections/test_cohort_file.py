"""A cohort is written and read without loss, and what is none is refused with its first fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atlastumor.batch.cases import Problem
from atlastumor.collections import (
    UNKNOWN,
    Annotation,
    Collection,
    CollectionCase,
    LabelFile,
    read_cohort,
    write_cohort,
)
from atlastumor.errors import InputError, OutputError

CASE = ("cases", 0)
VALUES = (*CASE, "labels", 0, "values")


@pytest.fixture
def a_collection(tmp_path: Path) -> Collection:
    case = CollectionCase(
        "kits/case_00001",
        tmp_path / "data/case_00001/imaging.nii.gz",
        (
            LabelFile(
                tmp_path / "data/case_00001/segmentation.nii.gz",
                {0: (UNKNOWN,), 1: (3, 4), 2: (29,), 3: (UNKNOWN,), 4: ()},
            ),
        ),
        Annotation(frozenset({"kidney"}), frozenset({"kidney"})),
        "0f" * 16,
        "validation",
    )
    bare = CollectionCase("bare", Path("/elsewhere/bare.nii.gz"))
    return Collection((case, bare), (Problem("case_00002", "It is empty."),), ("A note.",))


def test_a_cohort_comes_back_as_it_was_written(a_collection: Collection, tmp_path: Path) -> None:
    path = write_cohort(tmp_path / "cohort.json", a_collection)

    assert read_cohort(path) == a_collection
    assert [one.name for one in tmp_path.iterdir()] == ["cohort.json"]


def test_a_cohort_saved_by_an_editor_on_windows_is_read(
    a_collection: Collection, tmp_path: Path
) -> None:
    path = write_cohort(tmp_path / "cohort.json", a_collection)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig", newline="\r\n")

    assert read_cohort(path) == a_collection


def test_a_cohort_can_be_moved_with_the_data_below_it(
    a_collection: Collection, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    path = write_cohort(tmp_path / "cohort.json", a_collection)
    path.rename(tmp_path / "here/cohort.json")

    cases = read_cohort(tmp_path / "here/cohort.json").cases

    assert cases[0].scan == tmp_path / "here/data/case_00001/imaging.nii.gz"
    assert cases[1].scan == Path("/elsewhere/bare.nii.gz")


def test_a_link_keeps_its_own_name_as_what_it_leads_to_may_have_no_ending(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "scans").mkdir()
    (tmp_path / "blobs/0a1b").touch()
    (tmp_path / "scans/ct.nii.gz").symlink_to(tmp_path / "blobs/0a1b")
    cases = (CollectionCase("one", tmp_path / "scans/ct.nii.gz"),)

    path = write_cohort(tmp_path / "cohort.json", Collection(cases))

    assert read_cohort(path).cases == cases


def test_a_cohort_in_place_of_a_link_finds_its_files(
    a_collection: Collection, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/old.json").touch()
    (tmp_path / "cohort.json").symlink_to(tmp_path / "data/old.json")

    assert read_cohort(write_cohort(tmp_path / "cohort.json", a_collection)) == a_collection


def test_a_cohort_that_cannot_be_written_leaves_nothing(
    a_collection: Collection, tmp_path: Path
) -> None:
    (tmp_path / "cohort.json").mkdir()

    with pytest.raises(OutputError, match=r"'cohort\.json' cannot be written"):
        write_cohort(tmp_path / "cohort.json", a_collection)

    assert [one.name for one in tmp_path.iterdir()] == ["cohort.json"]


# Where in a document what is put, and what is then said.
FAULTS: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("schema_version",), 2, "schema_version must be one of 1, not 2"),
    ((*CASE, "split"), "test", "split must be one of"),
    ((*CASE, "spilt"), "validation", r"cases\[0\]\.spilt is not a key here; known are annotated"),
    ((*CASE, "annotated"), {"organs": []}, r"cases\[0\]\.annotated\.tumors is missing"),
    ((*CASE, "annotated", "organs"), ["spleen"], r'organs\[0\] must be one of .* not "spleen"'),
    ((*CASE, "annotated", "organs"), ["liver"], "'liver' is annotated as an organ, but no value"),
    ((*CASE, "labels"), [], "kits/case_00001: 'kidney' is annotated as an organ"),
    ((*VALUES, "1"), [99], r"values\.1\[0\] must be one of"),
    ((*VALUES, "1"), [5, 27], r"value 1 is \[5, 27\], which are no two halves"),
    ((*VALUES, "one"), [5], "'one' is no value from 0 to 255"),
    (("cases", 1, "id"), "kits/case_00001", "the id 'kits/case_00001' comes twice"),
]


@pytest.mark.parametrize(("where", "what", "said"), FAULTS)
def test_what_is_no_cohort_is_refused_with_its_first_fault(
    a_collection: Collection, tmp_path: Path, where: tuple[str | int, ...], what: Any, said: str
) -> None:
    path = write_cohort(tmp_path / "cohort.json", a_collection)
    document = part = json.loads(path.read_text())
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = what
    path.write_text(json.dumps(document))

    with pytest.raises(InputError, match=said):
        read_cohort(path)


def test_a_scan_may_be_known_to_be_healthy_without_any_label(tmp_path: Path) -> None:
    case = CollectionCase("healthy", tmp_path / "ct.nii.gz", (), Annotation(tumors={"liver"}))
    path = write_cohort(tmp_path / "cohort.json", Collection((case,)))

    assert read_cohort(path).cases == (case,)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x80", '{"schema": NaN}'])
def test_what_is_no_json_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cohort.json").write_text(text, encoding="latin-1")

    with pytest.raises(InputError, match=r"'cohort\.json' is n"):
        read_cohort(tmp_path / "cohort.json")


def test_a_cohort_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = r"'cohort\.json' cannot be read: .*\. Give a cohort as `atlastumor collect` writes it\.$"
    with pytest.raises(InputError, match=said):
        read_cohort(tmp_path / "cohort.json")


def test_an_annotation_names_organs_only() -> None:
    with pytest.raises(ValueError, match="spleen"):
        Annotation(frozenset({"spleen"}))
