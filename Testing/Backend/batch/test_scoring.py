"""One case: numbers worked out by hand on blocks in a grid of 1 x 2 x 3 mm."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest

from atlastumor.batch import scoring
from atlastumor.batch.cases import Case
from atlastumor.batch.cohort import find_cases
from atlastumor.batch.scoring import EvaluationOptions, OrganScore, score_case
from atlastumor.detection.rules import HIT_RULES
from atlastumor.errors import InputError
from Backend.batch.cohorts import (
    VOXEL_ML,
    block,
    empty,
    labels,
    write_labels,
    write_map,
    write_mask,
)

LESION = block((1, 2, 2), (5, 6, 4))  # 4 x 4 x 2 voxels, 192 mm3
CLOSE = block((2, 2, 2), (5, 6, 4))  # 24 of its 32 voxels
ELSEWHERE = block((1, 8, 6), (5, 10, 8))  # 16 voxels, 96 mm3
OPTIONS = EvaluationOptions()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "predictions", tmp_path / "references"


def case_of(folders: tuple[Path, Path], predicted: np.ndarray, wanted: np.ndarray) -> Case:
    """Case A, with liver tumors."""
    write_labels(folders[0], "A", labels(predicted))
    write_labels(folders[1], "A", labels(wanted))
    return find_cases(*folders).cases[0]


def score(
    folders: tuple[Path, Path],
    predicted: np.ndarray,
    wanted: np.ndarray,
    options: EvaluationOptions = OPTIONS,
) -> OrganScore:
    outcome = score_case(case_of(folders, predicted, wanted), options)
    assert not outcome.problems
    (one,) = outcome.scores
    return one


def test_a_smaller_prediction_has_the_numbers_of_its_blocks(folders: tuple[Path, Path]) -> None:
    one = score(folders, CLOSE, LESION)

    assert one.dsc == pytest.approx(2 * 24 / (24 + 32))
    assert one.volume_error == pytest.approx(-0.25)
    assert one.predicted_ml == pytest.approx(24 * VOXEL_ML)
    assert one.reference_ml == pytest.approx(32 * VOXEL_ML)
    assert one.nsd == 1.0  # one face is off by 1 mm, less than the tolerance
    assert one.hd95_mm == 1.0
    assert one.counts(OPTIONS.rule) == {
        "n_lesions": 1,
        "n_found": 1,
        "n_candidates": 1,
        "n_false": 0,
        "n_false_strict": 0,
    }


def test_the_tolerance_is_in_mm(folders: tuple[Path, Path]) -> None:
    one = score(folders, CLOSE, LESION, EvaluationOptions(tolerance_mm=0.5))

    assert one.nsd < 1.0


def test_a_candidate_elsewhere_is_false_and_the_lesion_missed(folders: tuple[Path, Path]) -> None:
    one = score(folders, ELSEWHERE, LESION)

    assert one.dsc == 0.0
    assert one.is_found(OPTIONS.rule) == [False]
    assert one.counts(OPTIONS.rule)["n_false"] == 1


def test_touching_without_a_hit_is_false_only_in_the_strict_sense(
    folders: tuple[Path, Path],
) -> None:
    # One voxel of 32 shared with a candidate of 32: an IoU of 1/63.
    corner = block((4, 5, 3), (6, 9, 7))
    one = score(folders, corner, LESION)

    counts = one.counts(OPTIONS.rule)
    assert (counts["n_found"], counts["n_false"], counts["n_false_strict"]) == (0, 0, 1)
    assert one.is_found(HIT_RULES["any-overlap"]) == [True]


def test_specks_below_the_least_volume_are_no_candidates(folders: tuple[Path, Path]) -> None:
    speck = block((1, 8, 6), (2, 10, 8))  # 24 mm3
    one = score(folders, CLOSE | speck, LESION)

    assert one.counts(OPTIONS.rule)["n_candidates"] == 1
    smaller = EvaluationOptions(min_volume_mm3=20.0)
    one = score(folders, CLOSE | speck, LESION, smaller)
    assert one.counts(OPTIONS.rule)["n_false"] == 1


def test_an_empty_prediction_misses_everything(folders: tuple[Path, Path]) -> None:
    one = score(folders, empty(), LESION)

    assert (one.dsc, one.nsd, one.hd95_mm, one.volume_error) == (0.0, 0.0, math.inf, -1.0)
    assert one.is_found(OPTIONS.rule) == [False]


def test_without_a_tumor_on_either_side_there_is_nothing_to_measure(
    folders: tuple[Path, Path],
) -> None:
    one = score(folders, empty(), empty())

    assert math.isnan(one.dsc)
    assert math.isnan(one.nsd)
    assert math.isnan(one.hd95_mm)
    assert math.isnan(one.volume_error)
    assert one.sweep.is_clear
    assert set(one.counts(OPTIONS.rule).values()) == {0}


def test_a_threshold_takes_the_probability_map_instead_of_the_labels(
    folders: tuple[Path, Path],
) -> None:
    case = case_of(folders, ELSEWHERE, LESION)
    write_map(folders[0], "A", "liver", 0.3 * LESION)

    (by_label,) = score_case(case, OPTIONS).scores
    (by_map,) = score_case(case, EvaluationOptions(thresholds={"liver": 0.3})).scores

    assert by_label.dsc == 0.0
    assert by_map.dsc == 1.0


def test_what_is_wrong_with_all_organs_is_said_once(folders: tuple[Path, Path]) -> None:
    write_labels(folders[0], "A", labels(LESION, empty())[:-1])
    write_labels(folders[1], "A", labels(LESION, empty()))

    outcome = score_case(find_cases(*folders).cases[0], OPTIONS)

    (problem,) = outcome.problems
    assert problem.message.startswith("liver, pancreas: The prediction has 11 x 10 x 8 voxels")
    assert not outcome.scores


def test_a_damaged_organ_does_not_cost_the_others(folders: tuple[Path, Path]) -> None:
    write_map(folders[0], "A", "liver", np.where(LESION, np.nan, 0.0))
    write_map(folders[0], "A", "pancreas", LESION)
    for name in ("liver_lesion", "pancreatic_lesion"):
        write_mask(folders[1], "A", name, LESION)

    outcome = score_case(find_cases(*folders).cases[0], OPTIONS)

    assert [one.organ for one in outcome.scores] == ["pancreas"]
    (problem,) = outcome.problems
    assert problem.message.startswith("liver: 'liver_tumor.nii.gz' holds NaN")


@pytest.mark.parametrize("kind", [RuntimeError, ValueError])
def test_a_bug_over_one_organ_is_its_problem_and_names_itself(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def fail(*_: object, **__: object) -> None:
        msg = "unheard of"
        raise kind(msg)

    monkeypatch.setattr(scoring, "measure_surfaces", fail)

    outcome = score_case(case_of(folders, LESION, LESION), OPTIONS)

    (problem,) = outcome.problems
    assert f"a bug in AtlasTumor ({kind.__name__})" in problem.message


def test_scores_and_options_travel_between_processes(folders: tuple[Path, Path]) -> None:
    options = EvaluationOptions(thresholds={"liver": 0.4})
    one = score(folders, CLOSE, LESION)

    assert pickle.loads(pickle.dumps(options)) == options
    assert pickle.loads(pickle.dumps(one)).counts(OPTIONS.rule) == one.counts(OPTIONS.rule)


@pytest.mark.parametrize("name", ["tolerance_mm", "min_volume_mm3"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_impossible_options_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match="give 0 or more"):
        EvaluationOptions(**{name: value})


def test_a_mask_has_no_highest_voxel_to_find_a_lesion_by() -> None:
    with pytest.raises(InputError, match="'peak' asks for the highest probability"):
        EvaluationOptions(rule=HIT_RULES["peak"])
