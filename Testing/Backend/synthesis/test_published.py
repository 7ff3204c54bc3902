"""Fetching weights that others published: with consent and a matching hash, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from atlastumor.errors import Cancelled, OutputError, UsageError, WeightsError
from atlastumor.synthesis.published import PublishedFile, fetch_file, find_file

CONTENT = b"weights " * 400_000


class Shelf(BaseHTTPRequestHandler):
    """Offers one file."""

    def do_GET(self) -> None:
        if self.path != "/w.pt":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Shelf)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def offer(address: str, content: bytes = CONTENT) -> PublishedFile:
    digest = hashlib.sha256(content).hexdigest()
    return PublishedFile("difftumor", "w.pt", f"{address}/w.pt", "CC BY-NC-ND 4.0", 3, digest)


def test_with_consent_the_file_comes_and_is_found(address: str, tmp_path: Path) -> None:
    fractions: list[float] = []
    folder = tmp_path / "models"

    path = fetch_file(offer(address), folder, consent=True, on_step=fractions.append)

    assert path.read_bytes() == CONTENT
    assert find_file(offer(address), folder) == path
    assert fractions[0] == 0.0
    assert fractions == sorted(fractions)
    assert [one.name for one in folder.iterdir()] == ["w.pt"]


def test_without_consent_nothing_is_asked_for(tmp_path: Path) -> None:
    published = offer("http://127.0.0.1:9")

    with pytest.raises(UsageError, match=r"w\.pt \(3 MB\).*consent.*CC BY-NC-ND.*127\.0\.0\.1"):
        fetch_file(published, tmp_path, consent=False)
    assert not list(tmp_path.iterdir())


def test_without_a_known_hash_nothing_is_asked_for(tmp_path: Path) -> None:
    published = PublishedFile("freetumor", "w.pt", "http://127.0.0.1:9/w.pt", "Apache-2.0")

    with pytest.raises(WeightsError, match=r"hash of w\.pt is not known.*yourself"):
        fetch_file(published, tmp_path, consent=True)


def test_another_file_than_the_published_one_is_not_kept(address: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not the published one"):
        fetch_file(offer(address, b"something else"), tmp_path, consent=True)

    assert not list(tmp_path.iterdir())


def test_cancelling_leaves_nothing(address: str, tmp_path: Path) -> None:
    def stop(fraction: float) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch_file(offer(address), tmp_path, consent=True, on_step=stop)

    assert not list(tmp_path.iterdir())


def test_a_server_that_is_not_there_is_named(address: str, tmp_path: Path) -> None:
    gone = PublishedFile("difftumor", "w.pt", f"{address}/gone.pt", "any", 1, "0" * 64)

    with pytest.raises(WeightsError, match=r"gone\.pt cannot be fetched.*404"):
        fetch_file(gone, tmp_path, consent=True)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_an_error_of_output(address: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OutputError, match=r"w\.pt cannot be written"):
        fetch_file(offer(address), tmp_path / "file", consent=True)
