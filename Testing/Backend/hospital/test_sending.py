"""Sending to nodes that refuse, break off, are slow or full; what is sent of what is on disk."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless
from pynetdicom import AE, evt
from pynetdicom.events import Event

from atlastumor.errors import InputError
from atlastumor.hospital import send
from atlastumor.hospital.instances import find_instances
from Backend.hospital.nodes import a_node
from Backend.scans.bodies import a_scan
from Backend.scans.dicom_series import write_dicom_series

CT = "1.2.840.10008.5.1.4.1.1.2"


class Times:
    """Answers with a status so many times, then accepts."""

    def __init__(self, n: int, status: int) -> None:
        self.left, self.status, self.n_asked = n, status, 0

    def __call__(self, _event: Event) -> int:
        self.n_asked += 1
        self.left -= 1
        return self.status if self.left >= 0 else 0


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
    is_over = threading.Event()

    def slow(_event: Event) -> int:
        time.sleep(0.6)
        return 0

    def too_slow(_event: Event) -> int:
        is_over.wait(120)
        return 0

    with a_node(store=slow, timeout_s=20.0) as peer:
        assert len(send(peer, a_series[:1]).done) == 1
    with a_node(store=too_slow, timeout_s=3.0) as peer:
        try:
            sent = send(peer, a_series[:1], n_retries=0)
        finally:
            is_over.set()
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
        event.assoc.dul.socket.recv = lambda _n: stuck.wait(100) and bytearray()  # type: ignore

    def prepare(entity: AE) -> None:
        entity.maximum_pdu_size = 1 << 20

    began = time.monotonic()
    with a_node(prepare=prepare, timeout_s=3.0, handlers=[(evt.EVT_ESTABLISHED, hold)]) as peer:
        sent = send(peer, [large], n_retries=0)
        stuck.set()

    assert len(sent.failed) == 1
    assert time.monotonic() - began < 100


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
        (tmp_path / "nowhere", "cannot be read: .* Give DICOM files, or folders of them"),
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
