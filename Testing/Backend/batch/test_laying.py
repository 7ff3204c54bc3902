"""Volumes of one scan whose axes are stored in another order or direction."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel import orientations

from atlastumor.batch.cohort import read_pair
from atlastumor.batch.laying import lay_on_grid
from atlastumor.batch.scoring import EvaluationOptions, OrganScore, score_organ
from atlastumor.detection.rules import HIT_RULES
from atlastumor.errors import GridMismatchError
from atlastumor.volume import Grid
from Backend.batch.cohorts import AFFINE, SHAPE, block, labels, only_case, write_labels, write_map

TUMOR = block((2, 2, 2), (4, 5, 4))
NAMES = ("The prediction", "the reference")
ANGLE = 0.4
TILTED = AFFINE.copy()
TILTED[:3, :3] = [
    [np.cos(ANGLE), -np.sin(ANGLE), 0],
    [np.sin(ANGLE), np.cos(ANGLE), 0],
    [0, 0, 1],
] @ np.diag([0.8, 0.9, 2.5])
WAYS = [
    np.column_stack([order, signs])
    for order in permutations(range(3))
    for signs in product((1, -1), repeat=3)
]


def turn(path: Path, codes: str) -> None:
    """Store a file's volume with other axes, as MONAI stores its predictions."""
    image = nib.load(path)
    way = orientations.ornt_transform(
        nib.io_orientation(image.affine), orientations.axcodes2ornt(codes)
    )
    nib.save(image.as_reoriented(way), path)


def describe(score: OrganScore) -> list[object]:
    return [
        score.dsc,
        score.nsd,
        score.hd95_mm,
        score.volume_error,
        score.counts(HIT_RULES["union-iou"]),
    ]


@pytest.mark.parametrize("affine", [AFFINE, TILTED], ids=["straight", "tilted"])
def test_all_48_orders_and_directions_of_axes_come_back(affine: np.ndarray) -> None:
    target = Grid(SHAPE, affine)
    values = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)

    for way in WAYS:
        turned = nib.Nifti1Image(values, affine).as_reoriented(way)
        stored = np.asarray(turned.dataobj)

        back = lay_on_grid(stored, Grid(stored.shape, turned.affine), target, NAMES)

        assert np.array_equal(back, values), way
    assert len(WAYS) == 48


def test_what_lies_on_the_grid_already_is_not_copied() -> None:
    values = np.zeros(SHAPE, np.uint8)

    assert lay_on_grid(values, Grid(SHAPE, AFFINE), Grid(SHAPE, AFFINE), NAMES) is values


def test_a_turned_volume_half_a_voxel_off_is_refused_as_its_file_has_it() -> None:
    turned = nib.Nifti1Image(np.zeros(SHAPE, np.uint8), AFFINE).as_reoriented(
        np.array([[0, -1], [1, -1], [2, 1]])
    )
    affine = turned.affine.copy()
    affine[2, 3] += 0.5

    with pytest.raises(GridMismatchError, match="axes LPS and RAS"):
        lay_on_grid(np.zeros(SHAPE), Grid(SHAPE, affine), Grid(SHAPE, AFFINE), NAMES)


@pytest.mark.parametrize("codes", ["LPS", "SRA", "PIR"])
def test_a_prediction_in_other_axes_counts_as_if_it_were_in_the_references(
    predictions: Path, references: Path, codes: str
) -> None:
    predicted = write_labels(predictions, "A", labels(block((2, 2, 2), (4, 5, 5))))
    write_labels(references, "A", labels(TUMOR))
    case = only_case(predictions, references)
    expected = score_organ(case, "liver", EvaluationOptions())

    turn(predicted, codes)

    assert expected.dsc == pytest.approx(0.8)
    assert describe(score_organ(case, "liver", EvaluationOptions())) == describe(expected)


def test_a_map_in_other_axes_is_laid_on_the_references_grid(
    predictions: Path, references: Path
) -> None:
    turn(write_map(predictions, "A", "liver", 0.75 * TUMOR), "LSA")
    write_labels(references, "A", labels(TUMOR))

    pair = read_pair(only_case(predictions, references), "liver")

    assert np.array_equal(pair.probability, np.float32(0.75) * TUMOR)
    assert np.array_equal(pair.reference, TUMOR)
