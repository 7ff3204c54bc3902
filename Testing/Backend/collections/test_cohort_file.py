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


def test_a_cohort_can_be_moved_with_the_data_below_it(
    a_collection: Collection, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    path = write_cohort(tmp_path / "cohort.json", a_collection)
    path.rename(tmp_path / "here/cohort.json")

    cases = read_cohort(tmp_path / "here/cohort.json").cases

    assert cases[0].scan == tmp_path / "here/data/case_00001/imaging.nii.gz"
    assert cases[1].scan == Path("/elsewhere/bare.nii.gz")


def test_a_cohort_that_cannot_be_written_leaves_nothing(
    a_collection: Collection, tmp_path: Path
) -> None:
    (tmp_path / "cohort.json").mkdir()

    with pytest.raises(OutputError, match=r"'cohort\.json' cannot be written"):
        write_cohort(tmp_path / "cohort.json", a_collection)

    assert [one.name for one in tmp_path.iterdir()] == ["cohort.json"]


def spoil(document: Any, how: str) -> None:
    case = document["cases"][0]
    match how:
        case "organ":
            case["annotated"]["organs"] = ["spleen"]
        case "label":
            case["labels"][0]["values"]["1"] = [99]
        case "value":
            case["labels"][0]["values"]["one"] = [5]
        case "twice":
            document["cases"].append(case)
        case "annotated":
            del case["annotated"]
        case "version":
            document["schema_version"] = 2
        case "split":
            case["split"] = "test"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("organ", r'annotated\.organs\[0\] must be one of .* not "spleen"'),
        ("label", r"values\.1\[0\] must be one of"),
        ("value", "'one' is no value from 0 to 255"),
        ("twice", "the id 'kits/case_00001' comes twice"),
        ("annotated", r"cases\[0\]\.annotated is missing"),
        ("version", "schema_version must be one of 1, not 2"),
        ("split", r"split must be one of"),
    ],
)
def test_what_is_no_cohort_is_refused_with_its_first_fault(
    a_collection: Collection, tmp_path: Path, how: str, said: str
) -> None:
    path = write_cohort(tmp_path / "cohort.json", a_collection)
    document = json.loads(path.read_text())
    spoil(document, how)
    path.write_text(json.dumps(document))

    with pytest.raises(InputError, match=said):
        read_cohort(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x80", '{"schema": NaN}'])
def test_what_is_no_json_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cohort.json").write_text(text, encoding="latin-1")

    with pytest.raises(InputError, match=r"'cohort\.json' is n"):
        read_cohort(tmp_path / "cohort.json")


def test_a_cohort_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'cohort\.json' cannot be read"):
        read_cohort(tmp_path / "cohort.json")


def test_an_annotation_names_organs_only() -> None:
    with pytest.raises(ValueError, match="spleen"):
        Annotation(frozenset({"spleen"}))
