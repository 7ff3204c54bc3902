"""What comes next: candidates by score, scans where one stopped."""

from __future__ import annotations

from dataclasses import replace

from atlastumor.review import find_next, find_next_scan, fold, identify_items, make_items
from Backend.review.examples import CASES, FIRST, REMOVE, REVISE, SECOND, Found, decide, items

ORDER = [f"{FIRST}-1", f"{SECOND}-1", f"{FIRST}-2"]


def state_of(*entries: object) -> object:
    lines = [replace(entry, n=number) for number, entry in enumerate(entries, start=2)]  # type: ignore[type-var]
    return fold(lines)  # type: ignore[arg-type]


def test_candidates_come_by_falling_score_across_organs() -> None:
    assert [item.key for item in items()] == ORDER
    assert items()[1].organ == SECOND


def test_equal_scores_keep_the_order_of_the_organ_table() -> None:
    made = make_items({SECOND: [Found(1, 0.5)], FIRST: [Found(2, 0.5), Found(1, 0.5)]})

    assert [item.key for item in made] == [f"{FIRST}-1", f"{FIRST}-2", f"{SECOND}-1"]


def test_added_tumors_stand_last() -> None:
    state = state_of(decide("add", f"{FIRST}-added-1", role=REVISE, organ=FIRST, voxel=(1, 2, 3)))

    made = make_items({FIRST: [Found(1, 0.9)]}, state.scan("case-1"))

    assert [(item.key, item.voxel) for item in made][1:] == [(f"{FIRST}-added-1", (1, 2, 3))]


def test_next_is_the_best_undecided_one_and_goes_round() -> None:
    scan = state_of(decide("reject", ORDER[0])).scan("case-1")

    assert find_next(items(), scan, REMOVE).key == ORDER[1]
    assert find_next(items(), scan, REMOVE, after=ORDER[1]).key == ORDER[2]
    assert find_next(items(), scan, REMOVE, after=ORDER[2]).key == ORDER[1]


def test_nothing_is_next_when_all_is_decided() -> None:
    scan = state_of(*[decide("accept", key) for key in ORDER]).scan("case-1")

    assert find_next(items(), scan, REMOVE) is None


def test_revising_skips_what_was_removed_and_looks_at_what_was_kept() -> None:
    scan = state_of(decide("reject", ORDER[0]), decide("accept", ORDER[1])).scan("case-1")

    assert find_next(items(), scan, REVISE).key == ORDER[1]
    assert find_next(items(), scan, REVISE, after=ORDER[2]).key == ORDER[1]


def test_a_review_resumes_at_the_first_scan_that_is_not_done() -> None:
    state = state_of(decide("done", ""), decide("accept", scan="case-2"))

    assert find_next_scan(CASES, state, REMOVE) == "case-2"
    assert find_next_scan(CASES, state, REVISE) == "case-1"
    assert find_next_scan(CASES, state, REMOVE, after="case-3") == "case-2"


def test_after_the_last_scan_there_is_none() -> None:
    state = state_of(*[decide("done", "", scan=case) for case in CASES])

    assert find_next_scan(CASES, state, REMOVE) is None


def test_the_fingerprint_tells_other_candidates_apart() -> None:
    same = identify_items(items())
    other = identify_items(make_items({FIRST: [Found(1, 0.9), Found(2, 0.51)]}))

    assert same == identify_items(items())
    assert same != other
