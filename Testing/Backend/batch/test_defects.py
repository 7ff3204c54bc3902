"""What can be wrong with a case: one problem in a sentence, while the other case counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atlastumor.batch.cohort import (
    collect_problems,
    find_cases,
    organs_of,
    read_pair,
    read_reference,
)
from atlastumor.errors import GridMismatchError
from Backend.batch.cohorts import (
    AFFINE,
    SHAPE,
    block,
    labels,
    only_case,
    write,
    write_labels,
    write_map,
    write_mask,
)

TUMOR = block((2, 2, 2), (4, 5, 4))


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
