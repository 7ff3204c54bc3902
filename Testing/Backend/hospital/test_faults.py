"""Nodes that refuse, break off, are slow or full: each is told by name, and nothing hangs."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless
from pynetdicom import AE, evt
from pynetdicom.events import Event

from atlastumor.errors import InputError, NetworkError
from atlastumor.hospital import Peer, Tls, echo, fetch, find, parse_peer, send
from atlastumor.hospital.instances import find_instances
from Backend.hospital.nodes import a_node
from Backend.scans.bodies import a_scan
from Backend.scans.dicom_series import write_dicom_series

CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
GET = "1.2.840.10008.5.1.4.1.2.2.3"


class Times:
    """Answers with a status so many times, then accepts."""

    def __init__(self, n: int, status: int) -> None:
        self.left, self.status, self.n_asked = n, status, 0

    def __call__(self, _event: Event) -> int:
        self.n_asked += 1
        self.left -= 1
        return self.status if self.left >= 0 else 0


@contextmanager
def a_silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


# Addresses.


def test_addresses_are_read_as_they_are_typed() -> None:
    assert parse_peer("PACS@pacs.hospital.org:104") == Peer("pacs.hospital.org", 104, "PACS")
    assert parse_peer("A B@[::1]:11112").host == "::1"
    assert str(parse_peer("A@[::1]:11112")) == "A@[::1]:11112"


@pytest.mark.parametrize(
    "text",
    ["PACS", "PACS@host", "host:104", "@host:104", "PACS@host:0", "PACS@host:70000",
     "PACS@host:1:2", "LONGER THAN SIXTEEN@host:104", "A\\B@host:104", "PACS@host:-1", "Ä@host:1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"address|AE title|port"):
        parse_peer(text)


# Association.


def test_a_port_on_which_nobody_listens_is_told(a_series: list[Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(NetworkError, match="connection refused"):
        send(Peer("127.0.0.1", port, "X"), a_series, n_retries=1)


def test_a_name_that_no_computer_has_is_told() -> None:
    with pytest.raises(NetworkError, match=r"no computer is called 'nowhere\.invalid'"):
        echo(Peer("nowhere.invalid", 104, "X"))


def test_a_port_that_never_answers_is_given_up() -> None:
    began = time.monotonic()
    with a_silent_port() as port, pytest.raises(NetworkError, match="broke off before it answered"):
        echo(Peer("127.0.0.1", port, "X", timeout_s=0.5))

    assert time.monotonic() - began < 10


def test_refusals_of_titles_are_told_apart(a_series: list[Path]) -> None:
    def strict(entity: AE) -> None:
        entity.require_calling_aet = ["SCANNER"]

    def called(entity: AE) -> None:
        entity.require_called_aet = True

    with a_node(prepare=strict) as peer, pytest.raises(NetworkError, match="not know 'ATLASTUMOR'"):
        send(peer, a_series, n_retries=0)
    with a_node(prepare=called) as peer:
        stranger = Peer(peer.host, peer.port, "ANOTHER")
        with pytest.raises(NetworkError, match="is not called 'ANOTHER'"):
            send(stranger, a_series, n_retries=0)


def test_a_node_that_offers_nothing_that_is_needed_is_told() -> None:
    with a_node(kinds=[CT]) as peer, pytest.raises(NetworkError, match="no presentation context"):
        echo(peer)


def test_a_server_that_speaks_another_protocol_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        peer = Peer("127.0.0.1", server.getsockname()[1], "X", timeout_s=2.0)
        with pytest.raises(NetworkError, match="broke off before it answered"):
            echo(peer)


def test_ctrl_c_while_nobody_answers_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    main = threading.main_thread().ident
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
    with a_silent_port() as port:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            echo(Peer("127.0.0.1", port, "X", timeout_s=30.0))

    timer.join()
    assert set(threading.enumerate()) <= before


# Sending.


def test_a_node_that_takes_some_kinds_alone_gets_those_and_the_rest_is_named(
    a_series: list[Path], tmp_path: Path
) -> None:
    capture = pydicom.dcmread(a_series[0])
    capture.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    capture.file_meta.MediaStorageSOPClassUID = capture.SOPClassUID
    capture.SOPInstanceUID = capture.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    capture.save_as(tmp_path / "capture.dcm")

    with a_node(kinds=[CT]) as peer:
        sent = send(peer, [*a_series[:3], tmp_path / "capture.dcm"])

    assert len(sent.done) == 3
    assert [one.path.name for one in sent.failed] == ["capture.dcm"]
    assert "Secondary Capture" in sent.failed[0].reason


def test_out_of_resources_is_tried_again_and_a_refusal_is_not(a_series: list[Path]) -> None:
    full, refusing = Times(3, 0xA700), Times(3, 0xA900)

    with a_node(store=full) as peer:
        assert len(send(peer, a_series).done) == 12
    with a_node(store=refusing) as peer:
        sent = send(peer, a_series)

    assert full.n_asked == 15
    assert (refusing.n_asked, len(sent.done), len(sent.failed)) == (12, 9, 3)
    assert "A900" in sent.failed[0].reason


def test_a_node_that_stays_full_is_told_of_each_file(a_series: list[Path]) -> None:
    with a_node(store=Times(10**6, 0xA700)) as peer:
        sent = send(peer, a_series[:2], n_retries=1)

    assert (sent.done, len(sent.failed)) == ((), 2)
    assert "out of resources" in sent.failed[0].reason


def test_a_warning_counts_as_stored_and_an_unknown_status_does_not(a_series: list[Path]) -> None:
    with a_node(store=Times(1, 0xB000)) as peer:
        assert len(send(peer, a_series[:2]).done) == 2
    with a_node(store=Times(1, 0x0123)) as peer:
        sent = send(peer, a_series[:2])
    assert len(sent.done) == 1
    assert "0123" in sent.failed[0].reason


def test_what_was_not_answered_when_a_node_broke_off_is_sent_again(a_series: list[Path]) -> None:
    seen: list[str] = []

    def abort_at_third(event: Event) -> int:
        seen.append(str(event.request.AffectedSOPInstanceUID))  # type: ignore[union-attr]
        if len(seen) == 3:
            event.assoc.abort()
        return 0

    with a_node(store=abort_at_third) as peer:
        sent = send(peer, a_series)

    assert len(sent.done) == 12
    assert len(seen) == 13
    assert len(set(seen)) == 12


def test_a_node_that_always_breaks_off_is_told_and_ends(a_series: list[Path]) -> None:
    def abort(event: Event) -> int:
        event.assoc.abort()
        return 0

    began = time.monotonic()
    with a_node(store=abort) as peer:
        sent = send(peer, a_series[:2], n_retries=1)

    assert [one.reason for one in sent.failed] == ["it did not answer"] * 2
    assert time.monotonic() - began < 20


def test_a_slow_node_is_waited_for_and_one_that_is_too_slow_is_not(a_series: list[Path]) -> None:
    def slow(_event: Event) -> int:
        time.sleep(0.6)
        return 0

    with a_node(store=slow, timeout_s=5.0) as peer:
        assert len(send(peer, a_series[:1]).done) == 1
    with a_node(store=slow, timeout_s=0.3) as peer:
        sent = send(peer, a_series[:1], n_retries=0)
    assert [one.reason for one in sent.failed] == ["it did not answer"]


def test_a_peer_that_stops_reading_is_given_up(tmp_path: Path) -> None:
    """It accepts the association, then never reads again."""
    large = write_dicom_series(a_scan(), tmp_path / "ct")[0]
    dataset = pydicom.dcmread(large)
    dataset.add_new(0x00091001, "OB", b"\0" * 40_000_000)
    dataset.add_new(0x00090010, "LO", "ATLASTUMOR TEST")
    dataset.save_as(large)

    stuck = threading.Event()

    def hold(event: Event) -> None:
        event.assoc.dul.socket.recv = lambda _n: stuck.wait(20) and bytearray()  # type: ignore

    def prepare(entity: AE) -> None:
        entity.maximum_pdu_size = 1 << 20

    began = time.monotonic()
    with a_node(prepare=prepare, timeout_s=0.5, handlers=[(evt.EVT_ESTABLISHED, hold)]) as peer:
        peer = Peer(peer.host, peer.port, peer.ae_title, timeout_s=0.5)
        sent = send(peer, [large], n_retries=0)
        stuck.set()

    assert len(sent.failed) == 1
    assert time.monotonic() - began < 20


def test_compressed_pixels_are_decoded_only_if_that_was_said(tmp_path: Path) -> None:
    plain = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]
    came: list[Dataset] = []

    def keep(event: Event) -> int:
        came.append(event.dataset)
        came[-1].file_meta = event.file_meta
        return 0

    files = write_dicom_series(a_scan(), tmp_path / "ct", transfer_syntax=JPEG2000Lossless)[:1]
    expected = pydicom.dcmread(files[0])
    with a_node(syntaxes=plain, store=keep) as peer:
        refused = send(peer, files)
        taken = send(peer, files, transcode=True)

    assert "compressed as JPEG 2000" in refused.failed[0].reason
    assert (len(taken.done), taken.n_changed) == (1, 1)
    assert came[0].SOPInstanceUID == expected.SOPInstanceUID
    assert (came[0].pixel_array == expected.pixel_array).all()


def test_a_node_that_takes_implicit_values_alone_gets_them(a_series: list[Path]) -> None:
    came: list[Dataset] = []

    def keep(event: Event) -> int:
        came.append(event.dataset)
        return 0

    with a_node(syntaxes=["1.2.840.10008.1.2"], store=keep) as peer:
        sent = send(peer, a_series[:1])

    assert (len(sent.done), sent.n_changed) == (1, 0)
    assert came[0].PixelData == pydicom.dcmread(a_series[0]).PixelData


def test_whoever_stops_sending_ends_the_association(a_series: list[Path]) -> None:
    ended = threading.Event()

    def stop(fraction: float, _stage: str) -> None:
        if fraction > 0.2:
            raise KeyboardInterrupt

    with a_node(handlers=[(evt.EVT_ABORTED, lambda _event: ended.set())]) as peer:
        with pytest.raises(KeyboardInterrupt):
            send(peer, a_series, progress=stop)
        assert ended.wait(10)


def test_what_is_no_dicom_or_says_not_what_it_is_is_refused_by_name(
    a_series: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "text.txt").write_text("hello, this is no DICOM")
    (tmp_path / "empty").mkdir()
    dataset = pydicom.dcmread(a_series[0])
    del dataset.SOPInstanceUID
    dataset.save_as(tmp_path / "nameless.dcm")

    for path, words in (
        (tmp_path / "text.txt", "'text.txt' is no DICOM file"),
        (tmp_path / "empty", "no DICOM objects in 'empty'"),
        (tmp_path / "nameless.dcm", "'nameless.dcm' has no SOPInstanceUID"),
        (tmp_path / "nowhere", "cannot be read"),
    ):
        with pytest.raises(InputError, match=words):
            find_instances([path])


def test_hidden_folders_and_files_of_other_kinds_are_left_out(a_series: list[Path]) -> None:
    folder = a_series[0].parent
    (folder / ".staging").mkdir()
    a_series[0].rename(folder / ".staging" / "half.dcm")
    (folder / "labels.nii.gz").write_bytes(b"\x1f\x8b")
    (folder / "result.json").write_text("{}")

    assert len(find_instances([folder, a_series[1]])) == 11


# Finding and fetching.


def _one_series(_event: Event, n: int = 2) -> Iterator[tuple[int, Any]]:
    match = Dataset()
    match.QueryRetrieveLevel, match.SeriesInstanceUID, match.Modality = "SERIES", "1.2.3", "CT"
    match.StudyInstanceUID, match.NumberOfSeriesRelatedInstances = "1.2", n
    yield 0xFF00, match


def _with_models(entity: AE) -> None:
    entity.add_supported_context(FIND)
    entity.add_supported_context(GET)


def test_a_failed_search_is_told_with_its_status() -> None:
    def fail(_event: Event) -> Iterator[tuple[int, Any]]:
        yield 0xC001, None

    with (
        a_node(find=fail, prepare=_with_models) as peer,
        pytest.raises(NetworkError, match="C001"),
    ):
        find(peer, "study")


def test_a_search_ends_at_its_limit_and_says_so_to_the_node() -> None:
    told = threading.Event()

    def endless(event: Event) -> Iterator[tuple[int, Any]]:
        match = Dataset()
        match.QueryRetrieveLevel, match.StudyInstanceUID = "STUDY", "1.2"
        while True:
            if event.is_cancelled:
                told.set()
                yield 0xFE00, None
                return
            yield 0xFF00, match

    with a_node(find=endless, prepare=_with_models) as peer:
        assert len(find(peer, "study", limit=5)) == 5
    assert told.is_set()


def test_a_search_that_hangs_is_given_up() -> None:
    def hang(_event: Event) -> Iterator[tuple[int, Any]]:
        time.sleep(1.5)
        yield 0x0000, None

    with (
        a_node(find=hang, prepare=_with_models, timeout_s=0.4) as peer,
        pytest.raises(NetworkError, match="did not answer within"),
    ):
        find(peer, "study")


def test_keys_and_levels_are_checked_before_anybody_is_asked() -> None:
    nobody = Peer("127.0.0.1", 1, "X")
    for level, keys, words in (
        ("image", {}, "no level 'image'"),
        ("study", {"Name": "x"}, "'Name' is no DICOM keyword"),
        ("series", {}, "Name its StudyInstanceUID"),
        ("series", {"StudyInstanceUID": "../x"}, "Name its StudyInstanceUID, not"),
    ):
        with pytest.raises(InputError, match=words):
            find(nobody, level, keys)
    with pytest.raises(InputError, match="limit is 0"):
        find(nobody, "study", limit=0)


def _giving(files: list[Path], n_first: int) -> Any:
    """A node that gives fewer than it announces, the first time."""
    calls = iter([n_first])

    def give(_event: Event) -> Iterator[Any]:
        n = next(calls, len(files))
        yield n
        for path in files[:n]:
            yield 0xFF00, pydicom.dcmread(path)

    return give


def test_a_node_without_c_get_is_told(tmp_path: Path) -> None:
    def finding_alone(entity: AE) -> None:
        entity.add_supported_context(FIND)

    with (
        a_node(find=_one_series, prepare=finding_alone) as peer,
        pytest.raises(NetworkError, match="offers no C-GET"),
    ):
        fetch(peer, tmp_path / "a", studies=["1.2"], n_retries=0)
    assert list(tmp_path.iterdir()) == []


def test_wildcards_and_odd_uids_may_be_asked_for() -> None:
    asked: list[Dataset] = []

    def note(event: Event) -> Iterator[tuple[int, Any]]:
        asked.append(event.identifier)
        yield 0x0000, None

    with a_node(find=note, prepare=_with_models) as peer:
        find(
            peer, "study", {"StudyInstanceUID": "*", "StudyDate": "2020*", "PatientName": "M?ller*"}
        )

    assert str(asked[0].PatientName) == "M?ller*"


def test_a_series_that_comes_in_part_is_asked_for_again(
    a_series: list[Path], tmp_path: Path
) -> None:
    for path in a_series[:2]:
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", "1.2.3"
        dataset.save_as(path)

    with (
        a_node(find=_one_series, get=_giving(a_series[:2], 1), prepare=_with_models) as peer,
        pytest.raises(NetworkError, match="sent 1 of 2 objects"),
    ):
        fetch(peer, tmp_path / "a", studies=["1.2"], n_retries=0)
    with a_node(find=_one_series, get=_giving(a_series[:2], 1), prepare=_with_models) as peer:
        fetched = fetch(peer, tmp_path / "b", studies=["1.2"], n_retries=1)

    assert fetched.n_objects == 2
    assert not (tmp_path / "a").exists()


# Encryption.


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("no certificate")

    for tls in (Tls(ca=tmp_path / "bad.pem"), Tls(certificate=tmp_path / "nowhere.pem")):
        with pytest.raises(InputError, match="certificates cannot be used"):
            echo(Peer("127.0.0.1", 1, "X", tls=tls))
    with pytest.raises(InputError, match="needs a certificate"):
        Tls().make_server_context()
