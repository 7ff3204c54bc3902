"""A result goes to its peer whole, or it is an error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import EncapsulatedPDFStorage

from atlastumor.errors import NetworkError, RefusedError
from atlastumor.hospital import Peer
from atlastumor.hospital.web import Web
from atlastumor.watching.courier import Courier, list_dicom
from Backend.hospital.nodes import a_node
from Backend.hospital.orthanc import Orthanc, a_free_port
from Backend.watching.pretend import write_study

# pynetdicom leaves the socket of a refused connection to the garbage collector.
UNCLOSED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return list_dicom(write_study(tmp_path / "result"))


def test_files_go_by_both_protocols(files: list[Path], an_orthanc: Orthanc) -> None:
    for peer in (
        Web(an_orthanc.url),
        Peer("127.0.0.1", an_orthanc.port, an_orthanc.ae_title),
    ):
        an_orthanc.forget()

        Courier(peer)(files)

        assert an_orthanc.count() == len(files)


def test_one_file_that_is_refused_is_an_error_and_goes_alone_the_next_time(
    files: list[Path],
) -> None:
    came: list[Any] = []

    def refuse_third(event: Any) -> int:
        came.append(event)
        return 0x0110 if len(came) == 3 else 0x0000

    with a_node(store=refuse_third) as peer:
        courier = Courier(peer)
        with pytest.raises(NetworkError, match=f"1 of {len(files)} files were not taken"):
            courier(files)
        assert len(came) == len(files)

        os.utime(files[0], (1.0, 1.0))  # a new result has another one of this name
        courier(files)
        assert len(came) == len(files) + 2

        courier(files)
        assert len(came) == 2 * len(files) + 2


@pytest.mark.parametrize("status", [0xA900, 0xA9FF, 0xC000, 0xCFFF, 0x0111, 0x0117, 0x0122])
def test_what_a_peer_refuses_for_what_it_is_is_refused_for_good(
    files: list[Path], status: int
) -> None:
    came: list[Any] = []

    def refuse_first(event: Any) -> int:
        came.append(event)
        return status if len(came) == 1 else 0x0000

    with a_node(store=refuse_first) as peer, pytest.raises(RefusedError, match=f"{status:04X}"):
        Courier(peer)(files)


@pytest.mark.parametrize("statuses", [[0xA700], [0xA7FF], [0x0110], [0x0124], [0xC000, 0xA700]])
def test_what_may_pass_with_one_file_at_least_is_not_refused_for_good(
    files: list[Path], statuses: list[int]
) -> None:
    left = list(statuses)

    with (
        a_node(store=lambda _event: left.pop(0) if left else 0x0000) as peer,
        pytest.raises(NetworkError) as raised,
    ):
        Courier(peer)(files)

    assert not isinstance(raised.value, RefusedError)


def test_a_kind_of_object_that_a_peer_does_not_negotiate_is_refused_for_good(
    files: list[Path],
) -> None:
    kinds = {str(pydicom.dcmread(one).SOPClassUID): one for one in files}
    (_, odd), *_ = kinds.items()
    dataset = pydicom.dcmread(odd)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    dataset.save_as(odd)

    with a_node(kinds=list(kinds)) as peer, pytest.raises(RefusedError, match="of this kind"):
        Courier(peer)(files)


@UNCLOSED
def test_nobody_there_is_an_error(files: list[Path]) -> None:
    with pytest.raises(NetworkError, match="cannot be reached"):
        Courier(Peer("127.0.0.1", a_free_port(), "NOBODY", timeout_s=5))(files)
