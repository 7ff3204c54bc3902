"""Which cases there are, what each says, and what is wrong with the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from atlastumor.batch.cohort import (
    Case,
    collect_problems,
    find_cases,
    organs_of,
    read_pair,
    read_prediction,
    read_probability,
    read_reference,
)
from atlastumor.errors import GridMismatchError, InputError, UnknownKeyError
from Backend.batch.cohorts import (
    AFFINE,
    SHAPE,
    block,
    empty,
    labels,
    write,
    write_labels,
    write_map,
    write_mask,
)

TUMOR = block((2, 2, 2), (4, 5, 4))


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    return tmp_path / "predictions"


@pytest.fixture
def references(tmp_path: Path) -> Path:
    return tmp_path / "references"


def only_case(predictions: Path, references: Path, **options: list[str]) -> Case:
    cohort = find_cases(predictions, references, **options)
    assert not cohort.problems
    (case,) = cohort.cases
    return case


# What there is.


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


# What a reference says.


def test_an_organ_that_a_reference_does_not_outline_is_not_measured(
    predictions: Path, references: Path
) -> None:
    write_labels(predictions, "A", labels(TUMOR, TUMOR))
    write_mask(references, "A", "liver_lesion", empty())

    case = only_case(predictions, references)

    assert organs_of(case) == ("liver",)
    assert not read_reference(case, "liver")[0].any()
    with pytest.raises(InputError, match="says nothing of pancreas tumors"):
        read_reference(case, "pancreas")


def test_a_label_map_speaks_of_the_organs_it_holds_and_of_those_asked_for(
    predictions: Path, references: Path
) -> None:
    write_labels(predictions, "A", labels(TUMOR, TUMOR))
    write_labels(references, "A", labels(TUMOR))

    assert organs_of(only_case(predictions, references)) == ("liver",)
    case = only_case(predictions, references, organs=["pancreas"])
    assert organs_of(case) == ("pancreas",)
    tumor, organ, _ = read_reference(case, "pancreas")
    assert not tumor.any()
    assert organ is None


def test_the_organ_of_a_reference_includes_its_tumors(predictions: Path, references: Path) -> None:
    write_labels(predictions, "A", labels(TUMOR))
    write_labels(references, "A", labels(TUMOR))

    tumor, organ, grid = read_reference(only_case(predictions, references), "liver")

    assert np.array_equal(tumor, TUMOR)
    assert organ is not None
    assert int(organ.sum()) == 6 * 10 * 8
    assert grid.spacing_mm == (1.0, 2.0, 3.0)


def test_lesion_files_of_other_names_are_taken_together(
    predictions: Path, references: Path
) -> None:
    write_labels(predictions, "A", labels(TUMOR))
    other = block((6, 6, 6), (8, 8, 8))
    write_mask(references, "A", "kidney_tumor", TUMOR)
    write_mask(references, "A", "kidney_cyst", other)
    write_mask(references, "A", "kidney_left", block((0, 0, 0), (6, 6, 6)))

    tumor, organ, _ = read_reference(only_case(predictions, references), "kidney")

    assert np.array_equal(tumor, TUMOR | other)
    assert np.array_equal(organ, block((0, 0, 0), (6, 6, 6)) | other)


def test_the_collections_own_lesion_file_goes_before_other_names(
    predictions: Path, references: Path
) -> None:
    write_labels(predictions, "A", labels(TUMOR))
    write_mask(references, "A", "kidney_lesion", TUMOR)
    write_mask(references, "A", "kidney_cyst", block((6, 6, 6), (8, 8, 8)))

    tumor, organ, _ = read_reference(only_case(predictions, references), "kidney")

    assert np.array_equal(tumor, TUMOR)
    assert organ is None


# What a prediction says.


def test_probabilities_are_read_as_they_are(predictions: Path, references: Path) -> None:
    values = np.linspace(0, 1, TUMOR.size).reshape(SHAPE)
    write_map(predictions, "A", "liver", values)
    write_labels(references, "A", labels(TUMOR))

    probability, _ = read_probability(only_case(predictions, references), "liver")

    assert probability.dtype == np.float32
    assert np.array_equal(probability, values.astype(np.float32))


def test_a_label_map_gives_probabilities_of_0_and_1(predictions: Path, references: Path) -> None:
    write_labels(predictions, "A", labels(TUMOR))
    write_labels(references, "A", labels(TUMOR))

    pair = read_pair(only_case(predictions, references), "liver")

    assert np.array_equal(pair.probability, TUMOR.astype(np.float32))
    assert np.array_equal(pair.reference, TUMOR)


def test_the_label_map_is_the_prediction_unless_a_threshold_is_given(
    predictions: Path, references: Path
) -> None:
    write_labels(predictions, "A", labels(TUMOR))
    write_map(predictions, "A", "liver", 0.4 * block((0, 0, 0), (2, 2, 2)))
    write_labels(references, "A", labels(TUMOR))
    case = only_case(predictions, references)

    assert np.array_equal(read_prediction(case, "liver")[0], TUMOR)
    low, _ = read_prediction(case, "liver", threshold=0.4)
    assert np.array_equal(low, block((0, 0, 0), (2, 2, 2)))


def test_a_map_alone_is_cut_at_one_half(predictions: Path, references: Path) -> None:
    write_map(predictions, "A", "liver", np.where(TUMOR, 0.5, 0.4999))
    write_labels(references, "A", labels(TUMOR))

    mask, _ = read_prediction(only_case(predictions, references), "liver")

    assert np.array_equal(mask, TUMOR)


def test_a_threshold_needs_a_probability_map(predictions: Path, references: Path) -> None:
    write_labels(predictions, "A", labels(TUMOR))
    write_labels(references, "A", labels(TUMOR))

    with pytest.raises(InputError, match="which a threshold needs"):
        read_prediction(only_case(predictions, references), "liver", threshold=0.3)


def test_masks_per_class_are_a_prediction_too(predictions: Path, references: Path) -> None:
    write_mask(predictions, "A", "liver_tumor", TUMOR)
    write_labels(references, "A", labels(TUMOR))

    mask, _ = read_prediction(only_case(predictions, references), "liver")

    assert np.array_equal(mask, TUMOR)


def test_a_label_map_predicts_the_organs_of_the_record_beside_it(
    predictions: Path, references: Path
) -> None:
    write_labels(predictions, "A", labels(TUMOR))
    record = {"findings": [{"organ": "liver"}]}
    (predictions / "A" / "result.json").write_text(json.dumps(record))
    write_labels(references, "A", labels(TUMOR, TUMOR))

    case = only_case(predictions, references)

    assert organs_of(case) == ("liver",)
    with pytest.raises(InputError, match="no prediction of pancreas tumors"):
        read_probability(case, "pancreas")


# What is wrong.


def problem_of(predictions: Path, references: Path) -> str:
    """The one problem of case A, while case B is read without any."""
    write_map(predictions, "B", "liver", TUMOR)
    write_labels(references, "B", labels(TUMOR))
    problems: list = []
    read = []
    for case in find_cases(predictions, references).cases:
        with collect_problems(case, problems):
            for organ in organs_of(case):
                read_pair(case, organ)
                read.append(case.name)
    assert read == ["B"]
    (problem,) = problems
    assert problem.case == "A"
    return problem.message


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.where(TUMOR, np.nan, 0.1), "holds NaN"),
        (np.where(TUMOR, 1.5, 0.1), "from 0.1 to 1.5; probabilities lie in"),
        (np.where(TUMOR, -3.0, 0.1), "from -3 to 0.1"),
        (np.where(TUMOR, np.inf, 0.1), "from 0.1 to inf"),
    ],
)
def test_values_that_are_no_probabilities_are_a_problem(
    predictions: Path, references: Path, values: np.ndarray, text: str
) -> None:
    write_map(predictions, "A", "liver", values)
    write_labels(references, "A", labels(TUMOR))

    assert text in problem_of(predictions, references)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.where(TUMOR, 40, 5).astype(np.uint8), "the class 40"),
        (np.where(TUMOR, 27, -1).astype(np.int16), "the value -1, which is no class number"),
        (np.where(TUMOR, 300, 5).astype(np.int16), "the value 300"),
        (np.where(TUMOR, 0.5, 5).astype(np.float32), "the value 0.5"),
        (np.where(TUMOR, np.nan, 5).astype(np.float32), "the value nan"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_label_map_with_unknown_classes_is_a_problem(
    predictions: Path, references: Path, array: np.ndarray, text: str
) -> None:
    write_map(predictions, "A", "liver", TUMOR)
    write_labels(references, "A", array)

    assert text in problem_of(predictions, references)


def test_a_mask_with_other_values_than_0_and_1_is_a_problem(
    predictions: Path, references: Path
) -> None:
    write_map(predictions, "A", "liver", TUMOR)
    path = write_mask(references, "A", "liver_lesion", TUMOR)
    write(path, np.where(TUMOR, 2, 1).astype(np.uint8))

    assert "a mask holds 0 and 1 only" in problem_of(predictions, references)


def test_a_mask_of_0_and_255_will_do(predictions: Path, references: Path) -> None:
    write_labels(predictions, "A", labels(TUMOR))
    path = write_mask(references, "A", "liver_lesion", TUMOR)
    write(path, np.where(TUMOR, 255, 0).astype(np.uint8))

    assert np.array_equal(read_reference(only_case(predictions, references), "liver")[0], TUMOR)


def test_other_shapes_are_a_problem(predictions: Path, references: Path) -> None:
    write_map(predictions, "A", "liver", np.zeros((12, 10, 9)))
    write_labels(references, "A", labels(TUMOR))

    message = problem_of(predictions, references)

    assert "The prediction has 12 x 10 x 9 voxels, the reference has 12 x 10 x 8" in message


def test_other_affines_are_a_problem(predictions: Path, references: Path) -> None:
    path = write_map(predictions, "A", "liver", TUMOR)
    shifted = AFFINE.copy()
    shifted[0, 3] = 0.5
    write(path, TUMOR.astype(np.float32), shifted)
    write_labels(references, "A", labels(TUMOR))

    message = problem_of(predictions, references)

    assert "different affines (voxels lie up to 0.5 mm apart, axes RAS and RAS)" in message


def test_a_mismatch_is_also_an_error_of_its_own_kind(predictions: Path, references: Path) -> None:
    write_map(predictions, "A", "liver", np.zeros((12, 10, 9)))
    write_labels(references, "A", labels(TUMOR))

    with pytest.raises(GridMismatchError):
        read_pair(only_case(predictions, references), "liver")


def test_truncated_and_foreign_files_are_problems(predictions: Path, references: Path) -> None:
    rng = np.random.default_rng(0)
    path = write_map(predictions, "A", "liver", rng.random(SHAPE))
    write_labels(references, "A", labels(TUMOR))
    path.write_bytes(path.read_bytes()[:-1500])

    assert "truncated or damaged" in problem_of(predictions, references)
    path.write_bytes(b"This is not an image at all." * 20)
    assert "is no NIfTI file" in problem_of(predictions, references)


def test_a_volume_of_four_axes_is_a_problem(predictions: Path, references: Path) -> None:
    write_map(predictions, "A", "liver", np.zeros((*SHAPE, 2)))
    write_labels(references, "A", labels(TUMOR))

    assert "one 3-D volume is needed" in problem_of(predictions, references)


def test_a_fourth_axis_of_size_1_is_dropped(predictions: Path, references: Path) -> None:
    write_map(predictions, "A", "liver", TUMOR[..., None])
    write_labels(references, "A", labels(TUMOR))

    pair = read_pair(only_case(predictions, references), "liver")

    assert np.array_equal(pair.probability, TUMOR.astype(np.float32))


def test_a_reference_folder_without_any_mask_is_a_problem(
    predictions: Path, references: Path
) -> None:
    write_map(predictions, "A", "liver", TUMOR)
    write_mask(references, "A", "spleen", TUMOR)

    assert "neither a label map nor tumor masks" in problem_of(predictions, references)


def test_sides_without_an_organ_in_common_are_a_problem(
    predictions: Path, references: Path
) -> None:
    write_map(predictions, "A", "liver", TUMOR)
    write_mask(references, "A", "pancreas_lesion", TUMOR)

    message = problem_of(predictions, references)

    assert "the reference has pancreas, the prediction liver" in message
