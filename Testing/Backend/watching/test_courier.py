"""A result goes to its peer whole, or it is an error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from atlastumor.errors import NetworkError
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
        return 0xC000 if len(came) == 3 else 0x0000

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


@UNCLOSED
def test_nobody_there_is_an_error(files: list[Path]) -> None:
    with pytest.raises(NetworkError, match="cannot be reached"):
        Courier(Peer("127.0.0.1", a_free_port(), "NOBODY", timeout_s=5))(files)
