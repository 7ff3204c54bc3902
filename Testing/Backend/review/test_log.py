"""The audit log: nothing that was acknowledged is ever lost, and nothing else is let in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from atlastumor.errors import InputError, OutputError
from atlastumor.review import LOG_NAME, Entry, ReviewLog, read_log
from Backend.review.examples import CASES, FIRST, REMOVE, a_basis, decide

WRITER = """
import sys
from pathlib import Path
from atlastumor.review import Entry, ReviewLog, make_basis

folder, who, organ = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
log = ReviewLog(folder, make_basis(["case-1"], model_id="a-model", thresholds={organ: 0.5}))
for number in range(100_000):
    key = f"{who}-{number}"
    log.append(Entry(kind="accept", who=who, role="revise", scan="case-1", candidate=key))
    print(number, flush=True)
"""


@pytest.fixture
def a_log(tmp_path: Path) -> ReviewLog:
    """A log with two decisions."""
    log = ReviewLog(tmp_path, a_basis())
    log.append(decide("accept"))
    log.append(decide("reject", f"{FIRST}-2", seconds=2.5, score=0.5, threshold=0.25))
    return log


def start_writer(folder: Path, who: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), who, FIRST],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def read_acknowledged(writer: subprocess.Popen[str], at_least: int) -> set[int]:
    """Read some acknowledgments, kill the writer with SIGKILL, read what else it had said."""
    assert writer.stdout is not None
    said = [writer.stdout.readline() for _ in range(at_least)]
    writer.kill()
    said += writer.stdout.read().splitlines()
    writer.wait()
    writer.stdout.close()
    return {int(line) for line in said if line.strip()}


def test_a_line_says_all_that_an_audit_asks_for(a_log: ReviewLog) -> None:
    lines = a_log.path.read_text("utf-8").splitlines()

    first, last = json.loads(lines[0]), json.loads(lines[-1])
    assert first["schema"] == "atlastumor-review"
    assert first["basis"]["n_cases"] == len(CASES)
    assert last["kind"] == "reject"
    assert (last["who"], last["role"], last["scan"]) == ("Ada", REMOVE, "case-1")
    assert (last["candidate"], last["seconds"], last["threshold"]) == (f"{FIRST}-2", 2.5, 0.25)
    assert last["when"].endswith("+00:00")


def test_a_log_opened_again_goes_on_where_it_stopped(a_log: ReviewLog) -> None:
    again = ReviewLog(a_log.path.parent, a_basis())

    written = again.append(decide("accept", f"{FIRST}-3"))

    assert written.n == 4
    assert [entry.n for entry in read_log(a_log.path.parent).entries] == [2, 3, 4]
    assert read_log(a_log.path).notes == ()


def test_killing_a_writer_loses_nothing_that_it_was_told_is_safe(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for round_number in range(3):
        who = f"reader{round_number}"
        said = read_acknowledged(start_writer(tmp_path, who), at_least=5 + 7 * round_number)
        acknowledged |= {f"{who}-{number}" for number in said}

    written = {entry.candidate for entry in read_log(tmp_path).entries}

    assert len(acknowledged) >= 5 + 12 + 19
    assert acknowledged <= written


def test_two_readers_at_once_share_one_log(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, who) for who in ("ada", "bob")]
    said = [read_acknowledged(writer, at_least=20) for writer in writers]

    entries = read_log(tmp_path).entries

    for who, numbers in zip(("ada", "bob"), said, strict=True):
        written = [entry.candidate for entry in entries if entry.who == who]
        assert {f"{who}-{number}" for number in numbers} <= set(written)
        assert written == [f"{who}-{number}" for number in range(len(written))]


@pytest.mark.parametrize("kept", [1, 40, -2])
def test_a_torn_last_line_is_left_out_and_told(a_log: ReviewLog, kept: int) -> None:
    data = a_log.path.read_bytes()
    last = data.splitlines(keepends=True)[-1]
    a_log.path.write_bytes(data[: -len(last)] + last[:kept])

    content = read_log(a_log.path)

    assert [entry.candidate for entry in content.entries] == [f"{FIRST}-1"]
    assert content.notes == ("Line 3 was torn by a crash before it counted; it is left out.",)


@pytest.mark.parametrize("times", [1, 2])
def test_after_a_torn_line_the_log_goes_on(a_log: ReviewLog, times: int) -> None:
    for number in range(times):
        with a_log.path.open("ab") as file:
            file.write(b'{"n": 4, "kind": "acc')
        again = ReviewLog(a_log.path.parent, a_basis())
        again.append(decide("accept", f"{FIRST}-{5 + number}"))

    content = read_log(a_log.path)

    kinds = [entry.kind for entry in content.entries]
    assert kinds == ["accept", "reject", *["repair", "accept"] * times]
    assert len(content.notes) == times


def test_a_crash_while_mending_a_torn_line_can_be_mended_too(a_log: ReviewLog) -> None:
    with a_log.path.open("ab") as file:
        file.write(b'{"n": 4, "kind": "acc\n{"n": 4, "kind": "repair", "who"')

    log = ReviewLog(a_log.path.parent, a_basis())
    log.append(decide("accept", f"{FIRST}-5"))

    assert [entry.kind for entry in read_log(a_log.path).entries][2:] == ["repair", "accept"]


def test_a_line_that_lacks_its_line_break_alone_counts(a_log: ReviewLog) -> None:
    a_log.path.write_bytes(a_log.path.read_bytes()[:-1])

    log = ReviewLog(a_log.path.parent, a_basis())
    log.append(decide("accept", f"{FIRST}-5"))

    kinds = [entry.kind for entry in read_log(a_log.path).entries]
    assert kinds == ["accept", "reject", "accept"]


def test_a_torn_first_line_held_no_decision_and_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / LOG_NAME).write_bytes(b'{"schema": "atlastu')

    log = ReviewLog(tmp_path, a_basis())

    assert log.append(decide("accept")).n == 2


@pytest.mark.parametrize(
    ("old", "new"), [(b'"accept"', b'"reject"'), (b'"who": "Ada"', b'"who": "Bob"')]
)
def test_an_altered_line_is_found(a_log: ReviewLog, old: bytes, new: bytes) -> None:
    a_log.path.write_bytes(a_log.path.read_bytes().replace(old, new, 1))

    with pytest.raises(InputError, match="was altered, damaged or removed"):
        read_log(a_log.path)


def test_a_removed_line_is_found(a_log: ReviewLog) -> None:
    lines = a_log.path.read_bytes().splitlines(keepends=True)
    a_log.path.write_bytes(lines[0] + lines[2])

    with pytest.raises(InputError, match=r"Line 2 .* was altered"):
        ReviewLog(a_log.path.parent, a_basis())


def test_a_log_that_shrinks_while_in_use_is_noticed(a_log: ReviewLog) -> None:
    lines = a_log.path.read_bytes().splitlines(keepends=True)
    a_log.path.write_bytes(b"".join(lines[:-1]))

    with pytest.raises(InputError, match="shortened or replaced"):
        a_log.append(decide("accept"))


def test_a_log_that_vanishes_while_in_use_is_noticed(a_log: ReviewLog) -> None:
    a_log.path.unlink()

    with pytest.raises(OutputError, match=r"could not be recorded .* does not count"):
        a_log.append(decide("accept"))


def test_what_another_reader_wrote_is_seen(a_log: ReviewLog) -> None:
    other = ReviewLog(a_log.path.parent, a_basis())
    other.append(decide("accept", f"{FIRST}-7", who="Bob"))

    a_log.refresh()

    assert a_log.entries[-1].who == "Bob"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"cases": ("case-1", "case-2")}, "another cohort"),
        ({"model_id": "b-model"}, "another model"),
        ({"weights_sha256": "ab" * 32}, "other weights"),
        ({"thresholds": {FIRST: 0.3}}, "other thresholds"),
        ({"min_volume_mm3": 113.0}, "another smallest candidate"),
    ],
)
def test_a_log_of_something_else_is_refused(
    a_log: ReviewLog, changes: dict[str, object], what: str
) -> None:
    before = a_log.path.read_bytes()

    with pytest.raises(InputError, match=what):
        ReviewLog(a_log.path.parent, a_basis(**changes))

    assert a_log.path.read_bytes() == before


@pytest.mark.parametrize("content", [b"hello\n", b'{"a": 1}\n', b"[]\n", b'{"schema": "other"}\n'])
def test_a_file_of_somebody_else_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LOG_NAME).write_bytes(content)

    with pytest.raises(InputError, match="not that of a review"):
        ReviewLog(tmp_path, a_basis())

    assert (tmp_path / LOG_NAME).read_bytes() == content


def test_no_review_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no review at"):
        read_log(tmp_path)


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 81])
def test_a_reader_must_have_typed_a_name(name: str) -> None:
    with pytest.raises(InputError, match="name"):
        decide("accept", who=name)


def test_a_role_allows_what_its_stage_is_for() -> None:
    with pytest.raises(InputError, match="role 'revise'"):
        decide("add", role=REMOVE)
    with pytest.raises(InputError, match="is no role"):
        decide("accept", role="boss")
    with pytest.raises(ValueError, match="knows no"):
        Entry(kind="guess")


def test_a_full_disk_tears_a_line_and_the_next_decision_mends_it(
    a_log: ReviewLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from atlastumor.review import log as module

    def write_half(file: object, data: bytes) -> None:
        file.write(data[:30])  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_write", write_half)
        with pytest.raises(OutputError, match="No space left on device"):
            a_log.append(decide("accept", f"{FIRST}-8"))
    a_log.append(decide("accept", f"{FIRST}-9"))

    content = read_log(a_log.path)
    assert [entry.kind for entry in content.entries] == ["accept", "reject", "repair", "accept"]
    assert content.entries[-1].candidate == f"{FIRST}-9"


@pytest.mark.parametrize(("cases", "thresholds"), [((), {FIRST: 0.5}), (CASES, {})])
def test_a_review_of_nothing_is_refused(
    cases: tuple[str, ...], thresholds: dict[str, float]
) -> None:
    with pytest.raises(InputError, match="at least one"):
        a_basis(cases=cases, thresholds=thresholds)


def test_a_threshold_of_zero_is_refused() -> None:
    with pytest.raises(InputError, match="must lie above 0"):
        a_basis(thresholds={FIRST: 0.0})
