"""Our own server for tests, and objects that are offered to it byte by byte."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from atlastumor.hospital import Peer, ReceivedStudy, StoreServer

__all__ = ["CT", "Listening", "listening", "offer", "raw_bytes"]

CT = "1.2.840.10008.5.1.4.1.1.2"


class Listening:
    """A server in a folder, and the studies it told of."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.told: list[ReceivedStudy] = []
        self._news = threading.Event()
        options = {"port": 0, "idle_s": 0.2, "timeout_s": 10.0} | options
        self.server = StoreServer(folder, self._take, **options)

    def _take(self, study: ReceivedStudy) -> None:
        self.told.append(study)
        self._news.set()

    @property
    def peer(self) -> Peer:
        return Peer("127.0.0.1", self.server.port, "ANYBODY", timeout_s=10.0)

    def wait(self) -> ReceivedStudy:
        assert self._news.wait(20), "no study was told of"
        self._news.clear()
        return self.told[-1]

    def files(self) -> list[Path]:
        return sorted(one for one in self.folder.rglob("*") if one.is_file())


@contextmanager
def listening(folder: Path, **options: Any) -> Iterator[Listening]:
    one = Listening(folder, **options)
    with one.server:
        yield one


def raw_bytes(path: Path, change: Callable[[Dataset], None] | None = None) -> bytes:
    """What goes over the wire of a file: the dataset alone."""
    dataset = pydicom.dcmread(path)
    if change is not None:
        change(dataset)
    content = encode(dataset, is_implicit_vr=False, is_little_endian=True)
    assert content
    return content


def offer(
    association: Association, content: bytes, *, uid: str = "1.2.3", kind: str = CT
) -> int | None:
    """Send bytes as if they were an object; the answer's status."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = kind, uid
    request.DataSet = BytesIO(content)
    association._reactor_checkpoint.clear()  # as pynetdicom's own senders do
    while not association._is_paused:
        time.sleep(0.001)
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id or 1)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return None if answer is None else int(answer.Status)  # type: ignore[union-attr, arg-type]
