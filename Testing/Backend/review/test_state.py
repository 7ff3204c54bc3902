"""The fold: whatever was logged is the state."""

from __future__ import annotations

from dataclasses import replace

from atlastumor.review import Entry, find_undoable, fold
from Backend.review.examples import FIRST, REMOVE, REVISE, decide

ONE, TWO = f"{FIRST}-1", f"{FIRST}-2"


def numbered(*entries: Entry) -> list[Entry]:
    return [replace(entry, n=number) for number, entry in enumerate(entries, start=2)]


def test_nothing_logged_is_nothing_decided() -> None:
    scan = fold([]).scan("case-1")

    assert scan.is_accepted(ONE) is None
    assert not scan.done


def test_the_latest_decision_holds() -> None:
    scan = fold(numbered(decide("accept"), decide("reject"), decide("accept", TWO))).scan("case-1")

    assert scan.is_accepted(ONE) is False
    assert scan.is_accepted(TWO) is True


def test_undo_brings_the_decision_before_it_back() -> None:
    lines = numbered(decide("accept"), decide("reject"), decide("undo", undoes=3))

    assert fold(lines).scan("case-1").is_accepted(ONE) is True
    assert fold(lines[:1]).scan("case-1") == replace(fold(lines).scan("case-1"))


def test_undoing_twice_takes_back_two_decisions() -> None:
    lines = numbered(decide("accept"), decide("accept", TWO))
    for _ in range(2):
        last = find_undoable(lines, "Ada")
        assert last is not None
        lines.append(replace(decide("undo", undoes=last.n), n=len(lines) + 2))

    assert not fold(lines).scan("case-1").verdicts
    assert find_undoable(lines, "Ada") is None


def test_a_reader_undoes_only_what_is_their_own() -> None:
    lines = numbered(decide("accept"), decide("reject", TWO, who="Bob"))

    undoable = find_undoable(lines, "Ada")

    assert undoable is not None
    assert undoable.candidate == ONE


def test_scans_are_apart() -> None:
    state = fold(numbered(decide("reject"), decide("accept", scan="case-2")))

    assert state.scan("case-1").is_accepted(ONE) is False
    assert state.scan("case-2").is_accepted(ONE) is True


def test_added_and_edited_tumors_are_accepted_with_their_newest_outline() -> None:
    lines = numbered(
        decide("add", "added-1", role=REVISE, voxel=(1, 2, 3), outline="outlines/a.npz"),
        decide("border", "added-1", role=REVISE, outline="outlines/b.npz"),
        decide("border", ONE, role=REVISE, outline="outlines/c.npz"),
    )

    scan = fold(lines).scan("case-1")

    assert list(scan.added) == ["added-1"]
    assert scan.outlines == {"added-1": "outlines/b.npz", ONE: "outlines/c.npz"}
    assert scan.is_accepted(ONE) is True


def test_undoing_an_edit_brings_the_earlier_outline_back() -> None:
    lines = numbered(
        decide("border", ONE, role=REVISE, outline="outlines/a.npz"),
        decide("border", ONE, role=REVISE, outline="outlines/b.npz"),
        decide("undo", ONE, role=REVISE, undoes=3),
    )

    assert fold(lines).scan("case-1").outlines == {ONE: "outlines/a.npz"}


def test_two_readers_of_one_role_who_differ_are_named() -> None:
    lines = numbered(
        decide("accept"),
        decide("reject", who="Bob"),
        decide("accept", TWO),
        decide("reject", TWO, who="Bob", role=REVISE),
    )

    scan = fold(lines).scan("case-1")

    assert scan.disagreements == (ONE,)
    assert scan.is_accepted(ONE) is False
    assert scan.readers == {"Ada", "Bob"}


def test_a_scan_is_done_until_something_in_it_is_taken_back() -> None:
    lines = numbered(decide("accept"), decide("done", ""), decide("undo", undoes=2))

    assert fold(lines[:2]).scan("case-1").done == {REMOVE}
    assert fold(lines).scan("case-1").done == frozenset()
