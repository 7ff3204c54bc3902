"""A reader at work, from the first scan to the last, over stops and restarts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.errors import InputError
from atlastumor.review import (
    Stopwatch,
    load_outline,
    make_ball,
    make_outline,
    measure_times,
    read_log,
)
from atlastumor.review.session import ReviewSession
from Backend.review.cohort import GRID, KEYS, ONE, basis_of, open_session, write_case
from Backend.review.examples import REMOVE, REVISE


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    folder = tmp_path / "predictions"
    for name in ("case-1", "case-2"):
        write_case(folder / name)
    return folder


@pytest.fixture
def a_session(tmp_path: Path, predictions: Path) -> ReviewSession:
    session = open_session(tmp_path / "review", predictions)
    session.show("case-1")
    return session


def test_a_scan_comes_up_at_its_best_candidate(a_session: ReviewSession) -> None:
    assert [item.key for item in a_session.items] == list(KEYS)
    assert a_session.current is not None
    assert a_session.current.key == KEYS[0]


def test_deciding_and_going_on_walks_down_the_list(a_session: ReviewSession) -> None:
    a_session.accept()
    assert a_session.advance().key == KEYS[1]
    a_session.reject()
    assert a_session.advance().key == KEYS[2]

    assert a_session.scan_state.is_accepted(KEYS[0]) is True
    assert a_session.scan_state.is_accepted(KEYS[1]) is False


def test_a_decision_is_in_the_log_when_the_call_returns(a_session: ReviewSession) -> None:
    a_session.reject()

    last = read_log(a_session.folder).entries[-1]
    assert (last.kind, last.candidate, last.organ) == ("reject", KEYS[0], ONE.key)
    assert (last.threshold, last.model_id) == (0.25, "a-model")
    assert last.score == pytest.approx(0.9)


def test_a_scan_is_finished_when_everything_is_decided(a_session: ReviewSession) -> None:
    with pytest.raises(InputError, match="is not decided yet"):
        a_session.finish()
    for _ in KEYS:
        a_session.accept()
        a_session.advance()

    a_session.finish()

    assert a_session.n_done == 1
    assert a_session.find_scan() == "case-2"


def test_a_restart_resumes_where_the_reader_stopped(
    a_session: ReviewSession, predictions: Path
) -> None:
    for _ in KEYS:
        a_session.accept()
        a_session.advance()
    a_session.finish()
    a_session.show("case-2")
    a_session.reject()

    again = open_session(a_session.folder, predictions)  # as after a crash: nothing was closed

    assert again.find_scan() == "case-2"
    again.show("case-2")
    assert again.current.key == KEYS[1]


def test_undo_goes_back_step_by_step_and_over_scans(a_session: ReviewSession) -> None:
    a_session.accept()
    a_session.show("case-2")
    a_session.reject()

    assert a_session.undo().scan == "case-2"
    assert a_session.current.key == KEYS[0]
    assert a_session.undo().scan == "case-1"
    assert a_session.scan is None
    assert a_session.undo() is None
    assert a_session.state.scan("case-1").is_accepted(KEYS[0]) is None


def test_an_added_tumor_joins_the_list_accepted(a_session: ReviewSession) -> None:
    ball = make_ball((12, 12, 3), GRID, diameter_mm=10.0)

    a_session.add_tumor(ONE.key, (12, 12, 3), ball)
    a_session.add_tumor(ONE.key, (3, 3, 3), make_ball((3, 3, 3), GRID, diameter_mm=10.0))

    assert [item.key for item in a_session.items][4:] == [
        f"{ONE.key}-added-3",  # named by their lines in the log
        f"{ONE.key}-added-4",
    ]
    assert a_session.scan_state.is_accepted(f"{ONE.key}-added-3") is True
    again = a_session.outline_of(a_session.items[4])
    assert (again.mask == ball.mask).all()


def test_an_undone_addition_leaves_the_list_and_its_number_is_not_used_again(
    a_session: ReviewSession,
) -> None:
    ball = make_ball((12, 12, 3), GRID, diameter_mm=10.0)
    a_session.add_tumor(ONE.key, (12, 12, 3), ball)
    a_session.undo()

    a_session.add_tumor(ONE.key, (12, 12, 3), ball)

    assert [item.key for item in a_session.items][4:] == [f"{ONE.key}-added-5"]


def test_an_edited_border_takes_the_models_place(a_session: ReviewSession) -> None:
    mask = np.zeros(GRID.shape, bool)
    mask[4:9, 4:6, 4:6] = True

    a_session.edit_border(KEYS[0], make_outline(mask, GRID))

    outline = a_session.outline_of(a_session.items[0])
    assert int(outline.mask.sum()) == 20
    assert a_session.scan_state.is_accepted(KEYS[0]) is True


def test_removing_false_positives_neither_adds_nor_edits(tmp_path: Path, predictions: Path) -> None:
    session = open_session(tmp_path / "review", predictions, role=REMOVE)
    session.show("case-1")
    ball = make_ball((12, 12, 3), GRID, diameter_mm=10.0)

    with pytest.raises(InputError, match="role 'revise'"):
        session.add_tumor(ONE.key, (12, 12, 3), ball)
    with pytest.raises(InputError, match="role 'revise'"):
        session.edit_border(KEYS[0], ball)

    assert not (tmp_path / "review" / "outlines").exists()


def test_what_one_reader_removed_does_not_wait_for_the_next(
    tmp_path: Path, predictions: Path
) -> None:
    first = open_session(tmp_path / "review", predictions, role=REMOVE)
    first.show("case-1")
    first.reject()

    second = open_session(tmp_path / "review", predictions, who="Bob", role=REVISE)
    second.show("case-1")

    assert second.current.key == KEYS[1]


def test_two_sessions_at_once_see_each_others_decisions(tmp_path: Path, predictions: Path) -> None:
    ada = open_session(tmp_path / "review", predictions)
    bob = open_session(tmp_path / "review", predictions, who="Bob")
    ada.show("case-1")
    bob.show("case-1")
    ada.reject()

    bob.accept()

    assert bob.scan_state.disagreements == (KEYS[0],)
    assert [entry.n for entry in bob.entries] == [2, 3, 4, 5]


def test_two_readers_who_add_at_once_add_two_tumors(tmp_path: Path, predictions: Path) -> None:
    readers = [open_session(tmp_path / "review", predictions, who=who) for who in ("Ada", "Bob")]
    for reader in readers:
        reader.show("case-1")
    for number, reader in enumerate(readers):
        voxel = (12, 12, 3 + number)
        reader.add_tumor(ONE.key, voxel, make_ball(voxel, GRID, diameter_mm=8.0))

    assert [item.voxel for item in readers[1].items][4:] == [(12, 12, 3), (12, 12, 4)]


def test_maps_that_changed_since_are_refused(a_session: ReviewSession, predictions: Path) -> None:
    path = predictions / "case-1" / "probabilities" / f"{ONE.key}_tumor.nii.gz"
    image = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(image.get_fdata(dtype=np.float32) * 0.8, image.affine), path)

    again = open_session(a_session.folder, predictions)

    with pytest.raises(InputError, match="its maps changed"):
        again.show("case-1")


def test_seconds_are_those_in_which_the_scan_was_shown(tmp_path: Path, predictions: Path) -> None:
    now = [0.0]
    session = open_session(
        tmp_path / "review", predictions, role=REMOVE, watch=Stopwatch(clock=lambda: now[0])
    )
    for name, each in (("case-1", 2.0), ("case-2", 3.0)):
        now[0] += 1000.0  # nothing is shown meanwhile
        session.show(name)
        now[0] += 50.0  # its image is being loaded
        session.watch.start()
        for _ in KEYS:
            now[0] += each
            session.reject()
            session.advance()
        session.finish()
        session.leave()

    times = measure_times(session.entries, REMOVE)

    assert (times.n_scans, times.median_s) == (2, 10.0)


def test_a_name_must_be_typed(tmp_path: Path, predictions: Path) -> None:
    with pytest.raises(InputError, match="Type your name first"):
        open_session(tmp_path / "review", predictions, who=" ")
    assert not (tmp_path / "review").exists()


KILLED = """
import sys
from pathlib import Path
from Backend.review.cohort import GRID, ONE, open_session
from atlastumor.review import make_ball

session = open_session(Path(sys.argv[1]), Path(sys.argv[2]))
session.show("case-1")
while True:
    for number in range(3):
        session.reject()
        print(session.entries[-1].n, flush=True)
        session.advance()
    ball = make_ball((8, 8, 5), GRID, diameter_mm=5.0 + len(session.entries))
    print(session.add_tumor(ONE.key, (8, 8, 5), ball).n, flush=True)
    print(session.edit_border(session.items[0].key, ball).n, flush=True)
    session.undo()
    print(session.entries[-1].n, flush=True)
"""


def test_killing_a_reader_at_work_loses_no_decision_and_no_outline(
    tmp_path: Path, predictions: Path
) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "review"), str(predictions)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert worker.stdout is not None
    said = [worker.stdout.readline() for _ in range(25)]
    worker.kill()
    said += worker.stdout.read().splitlines()
    worker.wait()
    worker.stdout.close()

    session = open_session(tmp_path / "review", predictions)

    acknowledged = {int(line) for line in said if line.strip()}
    assert len(acknowledged) >= 25
    assert acknowledged <= {entry.n for entry in session.entries}
    outlines = [entry.outline for entry in session.entries if entry.outline]
    assert len(outlines) >= 4
    for name in outlines:
        assert load_outline(session.folder, name, GRID).mask.any()
    session.show("case-1")
    assert len(session.items) == 4 + len(session.scan_state.added)


def test_without_a_scan_nothing_can_be_decided(tmp_path: Path, predictions: Path) -> None:
    session = open_session(tmp_path / "review", predictions)

    assert session.items == ()
    with pytest.raises(InputError, match=r"No scan is shown|No candidate is chosen"):
        session.accept()
    with pytest.raises(InputError, match="no scan 'x'"):
        session.show("x")
    assert basis_of(predictions).n_cases == 2
