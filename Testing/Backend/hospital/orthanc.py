"""A real DICOM server for tests: Orthanc from Debian, on free ports, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from Backend.ports import a_free_port

__all__ = ["MOVE_TITLE", "Orthanc", "a_free_port", "an_orthanc", "run_orthanc"]

PROGRAM = Path(shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
TITLE = "ORTHANC"
MOVE_TITLE = "ATLASMOVE"
"""Orthanc sends to this title by C-MOVE, at `Orthanc.move_port`."""

_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Orthanc:
    """A server that runs.

    Args:
        port: Of its DICOM protocol.
        web_port: Of its pages and of DICOMweb.
        move_port: To which it sends what is moved to `MOVE_TITLE`.
        folder: In which its files are.
        ae_title: What it is called.
    """

    port: int
    web_port: int
    move_port: int
    folder: Path = field(repr=False)
    ae_title: str = TITLE

    @property
    def address(self) -> str:
        """As the command takes it."""
        return f"{self.ae_title}@localhost:{self.port}"

    @property
    def url(self) -> str:
        """Of its DICOMweb."""
        return f"http://localhost:{self.web_port}/dicom-web"

    def ask(self, path: str, method: str = "GET") -> Any:
        """Ask its own interface, such as "/studies"."""
        request = urllib.request.Request(f"http://localhost:{self.web_port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
            return json.loads(answer.read() or b"null")

    def forget(self) -> None:
        """Delete all that it holds."""
        for patient in self.ask("/patients"):
            self.ask(f"/patients/{patient}", "DELETE")

    def count(self) -> int:
        """How many objects it holds."""
        return int(self.ask("/statistics")["CountInstances"])


@contextmanager
def run_orthanc(folder: Path, **settings: Any) -> Iterator[Orthanc]:
    """Run a server while the block lasts.

    Args:
        folder: An empty one.
        settings: Of Orthanc's, beside those that tests need.
    """
    if not PROGRAM.is_file() or not PLUGIN.exists():
        pytest.skip("no Orthanc; on Debian: apt-get install orthanc orthanc-dicomweb")
    server = Orthanc(a_free_port(), a_free_port(), a_free_port(), folder)
    file = folder / "orthanc.json"
    file.write_text(json.dumps(_settings(server) | settings), encoding="utf-8")
    log = (folder / "orthanc.log").open("wb")
    with log, subprocess.Popen([PROGRAM, file], stdout=log, stderr=log) as process:
        try:
            _wait_for(server, process)
            yield server
        finally:
            process.kill()  # to end it politely takes seconds, and its folder goes anyway
            process.wait(_PATIENCE_S)


def _settings(server: Orthanc) -> dict[str, Any]:
    return {
        "Name": "AtlasTumor's tests",
        "StorageDirectory": str(server.folder / "storage"),
        "IndexDirectory": str(server.folder / "storage"),
        "Plugins": [str(PLUGIN)],
        "DicomAet": server.ae_title,
        "DicomPort": server.port,
        "HttpPort": server.web_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {"move": [MOVE_TITLE, "127.0.0.1", server.move_port]},
        "DicomScpTimeout": 30,
        "OverwriteInstances": True,
        "ConcurrentJobs": 1,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Ssl": False},
    }


def _wait_for(server: Orthanc, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _PATIENCE_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            server.ask("/system")
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
        else:
            return
    told = (server.folder / "orthanc.log").read_text(encoding="utf-8", errors="replace")
    pytest.fail(f"Orthanc did not start: {told[-2000:]}")


@pytest.fixture(scope="session")
def an_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """One server for all tests; import this fixture in a `conftest.py` to use it."""
    with run_orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server
