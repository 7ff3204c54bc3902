"""Results on their way out: tried until they arrive, and remembered over restarts."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from atlastumor.cohorts import CohortCase
from atlastumor.errors import NetworkError, OutputError, RefusedError
from atlastumor.watching.metrics import Metrics
from atlastumor.watching.records import Records
from atlastumor.watching.sending import Sender, pause_after


class Peer:
    """Takes files while it is up."""

    def __init__(self, *, is_up: bool = True) -> None:
        self.is_up = is_up
        self.taken: list[str] = []
        self.n_refused = 0

    def __call__(self, files: Sequence[Path]) -> None:
        if not self.is_up:
            self.n_refused += 1
            msg = "Nobody answers."
            raise NetworkError(msg)
        self.taken += [path.name for path in files]


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "watch.sqlite")


def files_of(case: str) -> list[Path]:
    return [] if case == "nothing" else [Path(f"{case}.dcm")]


def make_sender(peer: Peer, records: Records) -> Sender:
    return Sender(peer, files_of, records, Metrics("tiny"), pause_after=lambda _n: 0.01)


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_each_result_is_sent_once(records: Records) -> None:
    peer = Peer()
    sender = make_sender(peer, records)
    sender.start()

    records.add_parcels([("a", "1"), ("a", "1"), ("b", "1")])
    sender.wake()
    wait_until(lambda: records.count_parcels() == 0)
    sender.stop(5)

    records.add_parcels([("a", "1")])
    assert records.count_parcels() == 0
    assert peer.taken == ["a.dcm", "b.dcm"]


def test_a_peer_that_is_down_gets_it_when_it_is_back(records: Records) -> None:
    peer = Peer(is_up=False)
    sender = make_sender(peer, records)
    records.add_parcels([("a", "1")])
    sender.start()
    wait_until(lambda: peer.n_refused >= 3)
    assert sender.has_failed
    [parcel] = records.list_parcels()
    assert parcel.reason == "Nobody answers."
    assert parcel.attempts >= 2

    peer.is_up = True
    wait_until(lambda: records.count_parcels() == 0)
    sender.stop(5)

    assert peer.taken == ["a.dcm"]
    assert not sender.has_failed


def test_a_result_that_cannot_be_read_for_a_while_holds_up_nothing_else(records: Records) -> None:
    peer, troubles = Peer(), [OSError(116, "Stale file handle")]

    def list_files(case: str) -> list[Path]:
        if case == "a" and troubles:
            raise troubles.pop()
        return files_of(case)

    sender = Sender(peer, list_files, records, Metrics("tiny"), pause_after=lambda _n: 0.0)
    records.add_parcels([("a", "1"), ("b", "1")])
    for _ in range(2):
        sender._send_due()

    assert peer.taken == ["b.dcm", "a.dcm"]


class Refusing(Peer):
    """Takes nothing, for what it is."""

    def __call__(self, files: Sequence[Path]) -> None:
        self.n_refused += 1
        msg = f"{files[0].name} was not taken: it cannot understand the data."
        raise RefusedError(msg)


def test_what_is_refused_for_good_is_set_aside_until_it_is_asked_for(
    records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Refusing()
    sender = make_sender(peer, records)
    records.add_parcels([("a", "1")])
    with caplog.at_level("WARNING"):
        for _ in range(3):
            sender._send_due()
            records.add_parcels([("a", "1")])

    assert peer.n_refused == 1
    assert len(caplog.records) == 1
    assert not sender.has_failed
    assert (records.count_parcels(), records.count_refused()) == (0, 1)

    records.release_refused()
    [parcel] = records.list_parcels()
    assert parcel.reason == "a.dcm was not taken: it cannot understand the data."
    willing = Peer()
    make_sender(willing, records)._send_due()
    assert willing.taken == ["a.dcm"]
    assert (records.count_parcels(), records.count_refused()) == (0, 0)


def test_a_new_result_of_a_case_is_sent_though_an_older_one_was_refused(records: Records) -> None:
    records.add_parcels([("a", "1")])
    make_sender(Refusing(), records)._send_due()

    records.add_parcels([("a", "2")])

    assert [one.result for one in records.list_parcels()] == ["2"]
    assert records.count_refused() == 0


def test_records_of_earlier_versions_are_gone_on_with(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "watch.sqlite") as earlier:
        earlier.execute(
            "CREATE TABLE parcels (case_id TEXT NOT NULL, result TEXT NOT NULL, is_sent INTEGER "
            "NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL "
            "DEFAULT '', PRIMARY KEY (case_id, result)) STRICT"
        )
        earlier.execute("INSERT INTO parcels (case_id, result) VALUES ('a', '1')")
    earlier.close()

    for _ in range(2):
        records = Records(tmp_path / "watch.sqlite")
        assert [one.case for one in records.list_parcels()] == ["a"]
        records.close()


def test_what_was_not_sent_is_sent_after_a_restart(tmp_path: Path, records: Records) -> None:
    records.add_parcels([("a", "1")])
    records.close()
    peer = Peer()

    again = Records(tmp_path / "watch.sqlite")
    sender = make_sender(peer, again)
    sender.start()
    wait_until(lambda: again.count_parcels() == 0)
    sender.stop(5)

    assert peer.taken == ["a.dcm"]


def test_a_new_result_of_a_case_takes_the_place_of_one_not_sent_yet(records: Records) -> None:
    records.add_parcels([("a", "1")])
    records.add_parcels([("a", "2")])

    assert [(one.case, one.result) for one in records.list_parcels()] == [("a", "2")]


def test_a_result_without_files_for_a_peer_is_done_with(records: Records) -> None:
    peer = Peer(is_up=False)
    records.add_parcels([("nothing", "1")])
    sender = make_sender(peer, records)
    sender.start()
    wait_until(lambda: records.count_parcels() == 0)
    sender.stop(5)

    assert peer.n_refused == 0


def test_pauses_grow_up_to_ten_minutes() -> None:
    assert [pause_after(n) for n in (1, 2, 3, 4)] == [5, 10, 20, 40]
    assert pause_after(8) == pause_after(10_000) == 600


def test_copies_and_peers_are_remembered(tmp_path: Path, records: Records) -> None:
    case = CohortCase("a", Path("a.nii"), size_bytes=5, modified_ns=7)
    records.keep_copy(case)
    records.keep_peer("PACS")

    again = Records(tmp_path / "watch.sqlite")

    assert again.knows_copy(case)
    assert not again.knows_copy(replace(case, modified_ns=8))
    assert not again.knows_copy(replace(case, id="b"))
    assert again.knows_peer("PACS")
    assert not again.knows_peer("OTHER")
    again.forget_copies("a")
    assert not again.knows_copy(case)


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "watch.sqlite").write_text("no database at all, though it is long enough " * 50)

    with pytest.raises(OutputError, match="cannot be used"):
        Records(tmp_path / "watch.sqlite")
