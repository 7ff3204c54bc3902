"""What the two sides of a case say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from atlastumor.batch.cohort import (
    organs_of,
    read_pair,
    read_prediction,
    read_probability,
    read_reference,
)
from atlastumor.errors import InputError
from Backend.batch.cohorts import (
    AFFINE,
    SHAPE,
    block,
    empty,
    labels,
    only_case,
    write,
    write_labels,
    write_map,
    write_mask,
)

TUMOR = block((2, 2, 2), (4, 5, 4))


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


def test_a_sheared_grid_is_refused_as_its_spacing_gives_no_volumes(
    predictions: Path, references: Path
) -> None:
    sheared = AFFINE.copy()
    sheared[1, 2] = 0.3  # slices that slide, as from a tilted gantry
    write(references / "A" / "labels.nii.gz", labels(TUMOR), sheared)
    write(predictions / "A" / "labels.nii.gz", labels(TUMOR), sheared)

    with pytest.raises(InputError, match=r"'labels.nii.gz' is sheared: .* 5.7 degrees"):
        organs_of(only_case(predictions, references))


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
