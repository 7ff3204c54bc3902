"""Thresholds on cases they were not chosen on."""

from __future__ import annotations

import numpy as np

from atlastumor.detection.changes import find_changes
from atlastumor.detection.folds import HeldOut, cross_validate, split_cases
from atlastumor.detection.froc import pool

from .made_sweeps import RULE, MadeSweep, a_sweep


def held_out(cohort: list[MadeSweep], **options: float) -> HeldOut | None:
    changes = find_changes(cohort, RULE)
    return cross_validate(changes, pool(changes, "liver", RULE), **options)


def test_every_fold_gets_cases_with_lesions() -> None:
    n_lesions = np.array([0, 0, 1, 0, 2, 0, 1, 0])

    fold = split_cases(n_lesions, 3)

    assert sorted(fold[n_lesions > 0]) == [0, 1, 2]
    assert sorted(np.bincount(fold)) == [2, 3, 3]


def test_leaving_one_out_shows_what_choosing_hides() -> None:
    # Each threshold fits the two scans it was chosen on, and the lowest lesion is missed by it.
    cohort = [a_sweep((0.9, "1", 0)), a_sweep((0.8, "1", 0)), a_sweep((0.2, "1", 0))]

    outcome = held_out(cohort, target=1.0, folds=3)

    assert outcome is not None
    assert sorted(outcome.thresholds) == sorted(np.float32([0.2, 0.2, 0.8]).tolist())
    assert outcome.sensitivity == 2 / 3
    assert outcome.fp_per_scan == 0.0


def test_folds_that_cannot_reach_the_target_are_counted_apart() -> None:
    # The target is within reach only where the scan with the miss is the one that is held out.
    cohort = [a_sweep((0.5, "1", 1)), a_sweep((0.5, "1", 2)), a_sweep((0.5, "0", 4))]

    outcome = held_out(cohort, target=1.0, folds=3)

    assert outcome is not None
    assert (outcome.n_folds, outcome.n_reached) == (3, 1)
    assert (outcome.sensitivity, outcome.fp_per_scan) == (0.0, 4.0)


def test_one_case_with_lesions_leaves_nothing_to_try_on() -> None:
    assert held_out([a_sweep((0.5, "1", 1)), a_sweep((0.5, "", 1))]) is None


def test_there_are_no_more_folds_than_cases() -> None:
    outcome = held_out([a_sweep((0.5, "1", 1)), a_sweep((0.5, "1", 1))], folds=10)

    assert outcome is not None
    assert outcome.n_folds == 2
