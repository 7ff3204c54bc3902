"""The server that keeps what it is sent."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from pynetdicom.presentation import build_context

from atlastumor.errors import InputError, NetworkError, OutputError
from atlastumor.hospital import Peer, ReceivedStudy, StoreServer, list_studies, send
from atlastumor.hospital.associations import associate
from Backend.hospital.listening import CT, listening
from Backend.scans.bodies import a_scan
from Backend.scans.dicom_series import write_dicom_series


def test_a_series_is_kept_pixel_for_pixel_and_told_of_once(
    tmp_path: Path, a_series: list[Path]
) -> None:
    with listening(tmp_path / "in") as one:
        sent = send(one.peer, a_series)
        study = one.wait()
        time.sleep(0.6)

    assert len(sent.done) == 12
    assert (study.n_new, study.callers, len(one.told)) == (12, ("ATLASTUMOR",), 1)
    arrived = {d.SOPInstanceUID: d for d in map(pydicom.dcmread, one.files())}
    for path in a_series:
        dataset = pydicom.dcmread(path)
        assert arrived[dataset.SOPInstanceUID] == dataset
        assert arrived[dataset.SOPInstanceUID].PixelData == dataset.PixelData


def test_names_of_folders_and_files_say_nothing_of_the_patient(
    tmp_path: Path, a_series: list[Path]
) -> None:
    with listening(tmp_path / "in") as one:
        send(one.peer, a_series)
        study = one.wait()

        dataset = pydicom.dcmread(a_series[0])
        names = " ".join(str(path.relative_to(one.folder)) for path in one.files())
        assert study.folder == one.folder / study.id
        assert list_studies(one.folder)[0].id == study.id
    for secret in (dataset.PatientID, "Test", dataset.StudyInstanceUID, dataset.SOPInstanceUID):
        assert secret not in names
    assert not (one.folder / ".incoming").exists()


def test_the_same_object_twice_is_kept_once_and_another_under_its_uid_takes_its_place(
    tmp_path: Path, a_series: list[Path]
) -> None:
    with listening(tmp_path / "in") as one:
        send(one.peer, a_series)
        one.wait()
        send(one.peer, a_series)
        time.sleep(0.6)
        assert len(one.told) == 1

        dataset = pydicom.dcmread(a_series[0])
        dataset.SeriesDescription = "corrected"
        dataset.save_as(a_series[0])
        send(one.peer, a_series[:1])
        study = one.wait()

    assert study.n_new == 1
    assert len(one.files()) == 12
    assert [d.SeriesDescription for d in map(pydicom.dcmread, one.files())].count("corrected") == 1


def test_callers_who_are_not_on_the_list_are_refused(tmp_path: Path, a_series: list[Path]) -> None:
    with listening(tmp_path / "in", callers=["SCANNER", "PACS"]) as one:
        with pytest.raises(NetworkError, match="does not know 'ATLASTUMOR'"):
            send(one.peer, a_series, n_retries=0)
        known = Peer("127.0.0.1", one.server.port, "X", calling_ae_title="PACS")
        assert len(send(known, a_series[:1]).done) == 1


@pytest.mark.parametrize("limits", [{"most_bytes": 20_000}, {"keep_free_bytes": 10**18}])
def test_what_would_fill_the_disk_is_refused_as_out_of_resources(
    limits: dict[str, int], tmp_path: Path, a_series: list[Path]
) -> None:
    with listening(tmp_path / "in", **limits) as one:
        sent = send(one.peer, a_series, n_retries=0)

    assert sent.failed
    assert all("out of resources" in failure.reason for failure in sent.failed)
    assert sum(path.stat().st_size for path in one.files()) <= 20_000
    assert len(one.files()) == len(sent.done)


def test_room_that_somebody_made_is_used_again(tmp_path: Path, a_series: list[Path]) -> None:
    with listening(tmp_path / "in", most_bytes=6_000) as one:
        assert len(send(one.peer, a_series[:2], n_retries=0).done) < 2 + 1
        for path in one.files():
            path.unlink()
        assert len(send(one.peer, a_series[5:6], n_retries=0).done) == 1


def test_a_study_is_not_told_of_while_its_sender_has_not_hung_up(
    tmp_path: Path, a_series: list[Path]
) -> None:
    with listening(tmp_path / "in") as one:
        with associate(one.peer, [build_context(CT, "1.2.840.10008.1.2.1")]) as association:
            for path in a_series[:3]:
                association.send_c_store(path)
            time.sleep(0.8)
            assert one.told == []
        assert one.wait().n_new == 3


def test_a_sender_that_breaks_off_leaves_whole_objects_alone(
    tmp_path: Path, a_series: list[Path]
) -> None:
    with listening(tmp_path / "in") as one:
        with associate(one.peer, [build_context(CT, "1.2.840.10008.1.2.1")]) as association:
            association.send_c_store(a_series[0])
            association.dul.socket.send(b"\x04\x00\x00\x00\x40\x00half of a message")  # type: ignore[union-attr]
            association.abort()
        assert one.wait().n_new == 1

    assert [pydicom.dcmread(path).Rows for path in one.files()] == [34]


def test_a_handler_that_fails_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    def fail(study: ReceivedStudy) -> None:
        calls.append(study.id)
        raise RuntimeError("of Test^Phantom")

    for folder in ("ct", "other"):
        write_dicom_series(a_scan(), tmp_path / folder)
    with StoreServer(tmp_path / "in", fail, port=0, idle_s=0.1) as server:
        peer = Peer("127.0.0.1", server.port, "X")
        for folder in ("ct", "other"):
            send(peer, [tmp_path / folder])
            ends = time.monotonic() + 300
            while len(calls) < (folder == "other") + 1 and time.monotonic() < ends:
                time.sleep(0.05)

    assert len(set(calls)) == 2
    assert "RuntimeError" in caplog.text
    assert "Phantom" not in caplog.text


def test_silent_and_foreign_callers_hold_up_nobody(tmp_path: Path, a_series: list[Path]) -> None:
    with listening(tmp_path / "in", timeout_s=1.0) as one:
        silent = socket.create_connection(("127.0.0.1", one.server.port))
        foreign = socket.create_connection(("127.0.0.1", one.server.port))
        foreign.sendall(b"GET / HTTP/1.1\r\n\r\n")

        assert len(send(one.peer, a_series[:2]).done) == 2

        for caller in (silent, foreign):
            caller.settimeout(10)
            while caller.recv(4096):  # ends when the server hangs up
                pass
            caller.close()


def test_a_port_that_is_taken_and_a_folder_that_is_a_file_are_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with listening(tmp_path / "in") as one:
        second = StoreServer(tmp_path / "b", print, port=one.server.port)
        with pytest.raises(NetworkError, match="Nothing can listen on port"), second:
            pass
    with (
        pytest.raises(OutputError, match="cannot be written to"),
        StoreServer(tmp_path / "file", print, port=0),
    ):
        pass
    with pytest.raises(InputError, match="no AE title"):
        StoreServer(tmp_path / "in", print, ae_title="MUCH TOO LONG A TITLE")


def test_several_senders_at_once_are_all_served(tmp_path: Path) -> None:
    for n in range(4):
        write_dicom_series(a_scan(), tmp_path / f"ct{n}")

    with listening(tmp_path / "in") as one, ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda n: send(one.peer, [tmp_path / f"ct{n}"]), range(4)))

    assert [len(each.done) for each in sent] == [12] * 4
    assert sorted(study.n_new for study in list_studies(one.folder)) == [12] * 4


def test_what_a_killed_server_had_not_finished_is_cleared_away(
    tmp_path: Path, a_series: list[Path]
) -> None:
    (tmp_path / "in" / ".incoming").mkdir(parents=True)
    (tmp_path / "in" / ".incoming" / "half").write_bytes(b"half an object")

    with listening(tmp_path / "in") as one:
        assert one.files() == []
        send(one.peer, a_series[:1])
        assert len(one.files()) == 1
