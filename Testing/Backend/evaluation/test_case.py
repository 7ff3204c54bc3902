"""Cases measured and added up, and references of other collections read in our numbers."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.detection import CaseMatch, LesionMatch
from atlastumor.evaluation.case import CaseScore, score_case, summarize
from atlastumor.evaluation.scans import read_reference
from atlastumor.organs import find_organ
from atlastumor.volume import Grid, LabelMap, Scan

LIVER, KIDNEY = find_organ("liver"), find_organ("kidney")
SHAPE = (30, 20, 12)
GRID = Grid(SHAPE, np.diag([2.0, 2.0, 5.0, 1.0]))


def a_label_map(values: np.ndarray) -> LabelMap:
    return LabelMap(values.astype(np.uint8), GRID, {})


def test_a_tumor_counts_as_part_of_its_organ() -> None:
    reference, prediction = np.zeros(SHAPE), np.zeros(SHAPE)
    reference[5:15, 5:15, 2:6] = LIVER.label
    reference[8:12, 8:12, 3:5] = LIVER.tumor_label
    prediction[5:15, 5:15, 2:6] = LIVER.label

    score = score_case("one", a_label_map(prediction), a_label_map(reference))

    assert score.dice == {"liver": 1.0}
    assert (score.match.n_reference, score.match.n_found) == (1, 0)


def test_cases_add_up_by_organ_and_over_all() -> None:
    found, missed = LesionMatch("liver", 1.0, 0.5), LesionMatch("kidney", 1.0, 0.05)
    scores = [
        CaseScore("a", {"liver": 0.9}, CaseMatch((found, missed), ("liver",)), 1.0),
        CaseScore("b", {"liver": 0.7}, CaseMatch((), ()), 1.0),
    ]

    rows = {row.organ: row for row in summarize(scores)}

    assert (rows["liver"].mean_dice, rows["liver"].worst_dice) == (pytest.approx(0.8), 0.7)
    assert (rows["liver"].sensitivity, rows["liver"].false_per_scan) == (1.0, 0.5)
    assert (rows["all"].n_lesions, rows["all"].n_found, rows["all"].n_false) == (2, 1, 1)
    assert math.isnan(rows["uterus"].sensitivity)


def test_tumors_below_20_mm_are_counted_by_themselves() -> None:
    small, large = 4.18, 4.20  # ml; a ball of 20 mm has 4.189
    lesions = tuple(LesionMatch("colon", ml, iou) for ml in (small, large) for iou in (0.0, 0.5))

    row = summarize([CaseScore("a", {}, CaseMatch((*lesions, lesions[0]), ()), 1.0)])[-1]

    assert (row.n_lesions, row.n_found) == (5, 2)
    assert (row.n_early, row.n_early_found) == (3, 1)


def test_a_reference_that_lies_the_other_way_is_brought_to_the_scan(tmp_path: Path) -> None:
    theirs = np.zeros(SHAPE, np.uint8)
    theirs[3:9, 4:8, 2:5] = 2  # TotalSegmentator's right kidney
    turned = np.diag([-2.0, -2.0, 5.0, 1.0])
    turned[:3, 3] = (SHAPE[0] - 1) * 2.0, (SHAPE[1] - 1) * 2.0, 0.0
    nibabel.save(nibabel.Nifti1Image(theirs[::-1, ::-1], turned), tmp_path / "x_TSseg.nii.gz")
    scan = Scan(np.zeros(SHAPE, np.int16), GRID)

    labels = read_reference(tmp_path / "x_TSseg.nii.gz", scan, "totalsegmentator", [KIDNEY])

    right = next(side.label for side in KIDNEY.sides if side.key == "right")
    assert np.array_equal(labels.array, np.where(theirs == 2, right, 0))
