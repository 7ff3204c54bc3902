"""Which cases there are, and which have no other side."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from atlastumor.batch.cohort import find_cases, organs_of
from atlastumor.errors import InputError, UnknownKeyError
from Backend.batch.cohorts import (
    block,
    empty,
    labels,
    only_case,
    write,
    write_labels,
    write_map,
    write_mask,
)
from Backend.forbidden_folders import forbid

TUMOR = block((2, 2, 2), (4, 5, 4))


def test_folders_and_flat_files_of_one_name_are_paired(predictions: Path, references: Path) -> None:
    write_labels(predictions, "B", labels(TUMOR))
    write(references / "B.nii.gz", labels(TUMOR))
    write(predictions / "A.nii", labels(TUMOR))
    write_mask(references, "A", "liver_lesion", TUMOR)

    cohort = find_cases(predictions, references)

    assert [case.name for case in cohort.cases] == ["A", "B"]
    assert not cohort.problems


def test_what_is_no_case_is_passed_over(predictions: Path, references: Path) -> None:
    for folder in (predictions, references):
        write_labels(folder, "A", labels(TUMOR))
        write_labels(folder, ".A.atlastumor-partial-1", labels(TUMOR))
        write_labels(folder, "_drafts", labels(TUMOR))
        (folder / "dataset.json").write_text("{}")

    assert only_case(predictions, references).name == "A"


def test_a_case_without_its_other_side_is_a_problem_and_the_rest_counts(
    predictions: Path, references: Path
) -> None:
    for name in ("A", "B"):
        write_labels(predictions, name, labels(TUMOR))
    for name in ("B", "C"):
        write_labels(references, name, labels(TUMOR))

    cohort = find_cases(predictions, references)

    assert [case.name for case in cohort.cases] == ["B"]
    assert [(p.case, p.message) for p in cohort.problems] == [
        ("A", "It has no reference in 'references'; add one."),
        ("C", "It has no prediction in 'predictions'; add one."),
    ]


def test_a_name_that_is_there_twice_is_a_problem_of_that_case_alone(
    predictions: Path, references: Path
) -> None:
    for folder in (predictions, references):
        write_labels(folder, "A", labels(TUMOR))
        write_labels(folder, "B", labels(TUMOR))
    write(predictions / "A.nii.gz", labels(TUMOR))

    cohort = find_cases(predictions, references)

    assert [case.name for case in cohort.cases] == ["B"]
    (problem,) = cohort.problems
    assert problem.case == "A"
    assert "more than once, as 'A' and 'A.nii.gz'" in problem.message


def test_an_empty_case_folder_is_a_problem(predictions: Path, references: Path) -> None:
    for name in ("A", "B"):
        write_labels(references, name, labels(TUMOR))
    write_labels(predictions, "A", labels(TUMOR))
    (predictions / "B").mkdir()

    cohort = find_cases(predictions, references)

    (problem,) = cohort.problems
    assert problem.case == "B"
    assert "no prediction" in problem.message


def test_a_name_that_is_no_text_has_one_that_is(predictions: Path, references: Path) -> None:
    for folder in (predictions, references):
        write_labels(folder, os.fsdecode(b"M\xfcller"), labels(TUMOR))

    case = only_case(predictions, references)

    assert case.name == r"M\udcfcller"
    assert organs_of(case) == ("liver",)


def test_a_case_folder_that_must_not_be_read_is_a_problem_and_the_rest_counts(
    predictions: Path, references: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (predictions, references):
        for name in ("A", "B"):
            write_labels(folder, name, labels(TUMOR))
    forbid(predictions / "B", monkeypatch)

    cohort = find_cases(predictions, references)

    (problem,) = cohort.problems
    assert (problem.case, problem.message[:33]) == ("B", "'B' cannot be read: permission de")


def test_a_prediction_that_lacks_an_organ_which_others_have_is_a_problem(
    predictions: Path, references: Path
) -> None:
    for name in ("A", "B"):
        write_labels(references, name, labels(TUMOR, empty()))
        write_map(predictions, name, "liver", TUMOR)
    write_map(predictions, "A", "pancreas", empty())

    cohort = find_cases(predictions, references)

    assert [organs_of(case) for case in cohort.cases] == [("liver", "pancreas"), ("liver",)]
    (problem,) = cohort.problems
    assert (problem.case, "pancreas" in problem.message) == ("B", True)


def test_an_organ_that_was_not_asked_for_may_be_missing(
    predictions: Path, references: Path
) -> None:
    for name in ("A", "B"):
        write_labels(references, name, labels(TUMOR, empty()))
        write_map(predictions, name, "liver", TUMOR)
    write_map(predictions, "A", "pancreas", empty())

    cohort = find_cases(predictions, references, organs=["liver"])

    assert not cohort.problems
    assert [organs_of(case) for case in cohort.cases] == [("liver",)] * 2


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda root: root.with_name("elsewhere").mkdir(), "cannot be read"),
        (lambda root: root.mkdir(), "holds no case"),
        (lambda root: root.write_text("x"), "is a file"),
        (lambda root: write_map(root.parent, root.name, "liver", TUMOR), "folder of one case"),
    ],
)
def test_a_folder_that_holds_no_cases_is_refused(
    predictions: Path, references: Path, make: Callable[[Path], object], text: str
) -> None:
    write_labels(references, "A", labels(TUMOR))
    make(predictions)

    with pytest.raises(InputError, match=text):
        find_cases(predictions, references)


def test_folders_without_a_name_in_common_are_refused(predictions: Path, references: Path) -> None:
    write_labels(predictions, "A_pred", labels(TUMOR))
    write_labels(references, "A", labels(TUMOR))

    with pytest.raises(InputError, match="Name them alike"):
        find_cases(predictions, references)


def test_an_unknown_organ_is_refused(predictions: Path, references: Path) -> None:
    with pytest.raises(UnknownKeyError, match="spleen"):
        find_cases(predictions, references, organs=["spleen"])
