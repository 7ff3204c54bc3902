"""Downloads from a server that does everything wrong: gone on with or refused, never half there."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from atlastumor.errors import InputError, WeightsError
from atlastumor.models import downloading
from atlastumor.models.fetching import fetch_file
from atlastumor.models.published import PublishedFile
from Backend.models.shelf import CONTENT, Shelf, TickingClock, a_shelf, offer


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with a_shelf() as server:
        yield server


def get(published: PublishedFile, folder: Path, ca: Path | None = None) -> Path:
    return fetch_file(published, folder, consent=True, ca=ca, accept=lambda _file, _digest: True)


def unknown(shelf: Shelf) -> PublishedFile:
    """Its file, of which neither hash nor size is known."""
    return offer(shelf.address, sha256="", megabytes=0)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# What the server says of the file.


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"Content-Length": "many"}, "does not say how many bytes"),
        ({"Content-Length": "-5"}, "does not say how many bytes"),
        ({"Content-Length": "9" * 30}, "does not say how many bytes"),
        ({"Content-Length": "99000000000"}, "99000.0 MB where at most 20000 MB are due"),
        ({"Content-Length": ""}, "does not say how large w.pt is"),
        ({"Content-Encoding": "gzip"}, "does not say how many bytes"),
        ({"Content-Type": "text/html; charset=utf-8"}, "gives a web page instead of w.pt"),
    ],
)
def test_what_cannot_be_checked_is_refused(
    shelf: Shelf, tmp_path: Path, headers: dict[str, str], says: str
) -> None:
    shelf.headers = headers

    with pytest.raises(WeightsError, match=says):
        get(unknown(shelf), tmp_path)
    assert names(tmp_path) == set()


def test_a_length_that_is_too_long_is_a_connection_that_broke_off(
    shelf: Shelf, tmp_path: Path
) -> None:
    shelf.headers = {"Content-Length": str(len(CONTENT) + 7)}

    with pytest.raises(WeightsError, match="broke off"):
        get(unknown(shelf), tmp_path)
    assert "w.pt" not in names(tmp_path)


def test_a_length_that_is_too_short_is_another_file(shelf: Shelf, tmp_path: Path) -> None:
    shelf.headers = {"Content-Length": str(len(CONTENT) - 7)}

    with pytest.raises(WeightsError, match="is not the published file"):
        get(offer(shelf.address), tmp_path)
    assert names(tmp_path) == set()


def test_chunks_that_end_in_the_middle_are_a_connection_that_broke_off(
    shelf: Shelf, tmp_path: Path
) -> None:
    whole = shelf.content
    shelf.headers = {"Transfer-Encoding": "chunked", "Content-Length": ""}
    shelf.content = b"30d400\r\n" + whole[:1_000_000]

    with pytest.raises(WeightsError, match="broke off"):
        get(offer(shelf.address), tmp_path)
    assert names(tmp_path) == {".w.pt.part"}
    shelf.headers, shelf.content = {}, whole
    assert get(offer(shelf.address), tmp_path).read_bytes() == CONTENT


def test_the_wrong_part_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / ".w.pt.part").write_bytes(CONTENT[:1000])
    shelf.headers = {"Content-Range": "bytes 0-5/6"}

    with pytest.raises(WeightsError, match="another part than was asked for"):
        get(offer(shelf.address), tmp_path)
    assert names(tmp_path) == set()


# A file of which no hash is known is never put together from two.


def test_a_file_that_changed_meanwhile_begins_anew(shelf: Shelf, tmp_path: Path) -> None:
    shelf.breaks_after, shelf.etag = 1_000_000, '"old"'
    with pytest.raises(WeightsError, match="broke off"):
        get(unknown(shelf), tmp_path)
    assert names(tmp_path) == {".w.pt.part", ".w.pt.part.tag"}

    shelf.content, shelf.breaks_after, shelf.etag = CONTENT[::-1], None, '"new"'
    assert get(unknown(shelf), tmp_path).read_bytes() == CONTENT[::-1]
    assert names(tmp_path) == {"w.pt", "pins.json"}


def test_a_file_that_is_the_same_is_gone_on_with(shelf: Shelf, tmp_path: Path) -> None:
    shelf.breaks_after, shelf.etag = 1_000_000, '"same"'
    with pytest.raises(WeightsError, match="broke off"):
        get(unknown(shelf), tmp_path)

    shelf.breaks_after = None
    assert get(unknown(shelf), tmp_path).read_bytes() == CONTENT
    assert shelf.ranges == ["", "bytes=1000000-"]


def test_without_a_name_for_its_state_it_begins_anew(shelf: Shelf, tmp_path: Path) -> None:
    shelf.breaks_after = 1_000_000
    with pytest.raises(WeightsError, match="broke off"):
        get(unknown(shelf), tmp_path)

    shelf.breaks_after = None
    assert get(unknown(shelf), tmp_path).read_bytes() == CONTENT
    assert shelf.ranges == ["", ""]


# Slowness.


@pytest.mark.parametrize(
    ("drips", "says"), [(0.02, "sent less than 30 kB of w.pt"), (60.0, "timed out")]
)
def test_a_server_that_drips_is_left_and_gone_on_with(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drips: float, says: str
) -> None:
    monkeypatch.setattr(downloading, "_PATIENCE_S", 5.0)  # for the next byte, by the real clock
    monkeypatch.setattr(downloading, "time", TickingClock())
    shelf.drips = drips

    with pytest.raises(WeightsError, match=says):
        get(offer(shelf.address), tmp_path)
    assert names(tmp_path) == {".w.pt.part"}

    shelf.drips = None
    monkeypatch.undo()
    assert get(offer(shelf.address), tmp_path).read_bytes() == CONTENT
    assert shelf.ranges[1].startswith("bytes=")


# Where the request is handed on to.


def test_a_ring_of_redirections_ends(shelf: Shelf, tmp_path: Path) -> None:
    shelf.redirect = f"{shelf.address}/moved.pt"

    with pytest.raises(WeightsError, match="would lead to an infinite loop"):
        get(offer(shelf.address, url=f"{shelf.address}/moved.pt"), tmp_path)
    assert len(shelf.asked) <= 11
    assert names(tmp_path) == set()


# Proxies and certificates.


def test_the_proxy_of_the_environment_is_asked(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", shelf.address)

    path = get(offer("http://weights.invalid"), tmp_path)

    assert path.read_bytes() == CONTENT
    assert shelf.asked == ["http://weights.invalid/w.pt"]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of an authority that nobody else knows, for weights.invalid and this computer."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not there to make a certificate")
    path, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=test", "-keyout", key, "-out", path]
    command += ["-addext", "subjectAltName=DNS:weights.invalid,IP:127.0.0.1"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return path


@pytest.fixture
def safe_shelf(shelf: Shelf, certificate: Path) -> Shelf:
    """The server, over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    shelf.socket = context.wrap_socket(shelf.socket, server_side=True)
    return shelf


def safe(shelf: Shelf) -> PublishedFile:
    return replace(offer(""), url=f"https://127.0.0.1:{shelf.server_port}/w.pt")


def test_a_certificate_of_a_strange_authority_is_refused(safe_shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="certificate verify failed"):
        get(safe(safe_shelf), tmp_path / "models")
    assert not safe_shelf.asked
    assert names(tmp_path / "models") == set()


@pytest.mark.parametrize("how", ["file", "environment"])
def test_an_authority_that_the_user_names_is_trusted(
    safe_shelf: Shelf,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    if how == "environment":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    path = get(safe(safe_shelf), tmp_path / "models", certificate if how == "file" else None)

    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(CONTENT).digest()


@pytest.mark.parametrize("content", [b"no certificate", None])
def test_a_file_without_certificates_is_named(
    shelf: Shelf, tmp_path: Path, content: bytes | None
) -> None:
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_bytes(content)

    with pytest.raises(InputError, match=r"ca\.pem' cannot be used .*PEM"):
        get(offer(shelf.address), tmp_path / "models", ca)
    assert not shelf.asked


def test_from_https_nobody_is_handed_on_to_http(
    safe_shelf: Shelf, certificate: Path, tmp_path: Path
) -> None:
    safe_shelf.redirect = f"http://127.0.0.1:{safe_shelf.server_port}/w.pt"
    published = replace(safe(safe_shelf), url=safe(safe_shelf).url.replace("w.pt", "moved.pt"))

    with pytest.raises(WeightsError, match=r"hands w\.pt on to http://127\.0\.0\.1"):
        get(published, tmp_path / "models", certificate)
    assert safe_shelf.asked == ["/moved.pt"]


def test_a_proxy_tunnels_https(
    safe_shelf: Shelf, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        heard: list[bytes] = []
        Thread(target=tunnel, args=(proxy, safe_shelf.server_port, heard), daemon=True).start()
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        published = replace(offer(""), url="https://weights.invalid/w.pt")

        path = get(published, tmp_path / "models", certificate)

    assert path.read_bytes() == CONTENT
    assert heard[0].startswith(b"CONNECT weights.invalid:443 ")


def tunnel(proxy: socket.socket, port: int, heard: list[bytes]) -> None:
    """Connect the first client with a server, whatever it asks for."""
    client, _ = proxy.accept()
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        heard.append(client.recv(65536))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = Thread(target=pour, args=(server, client), daemon=True)
        back.start()
        pour(client, server)
        back.join(10.0)


def pour(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass  # whoever hangs up first ends it
