"""DICOMweb servers that refuse, stumble or are somebody else; secrets that stay secret."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pydicom
import pytest

from atlastumor.errors import InputError, NetworkError
from atlastumor.hospital import Login, Web, echo, fetch, find, parse_login, read_login, send
from Backend.hospital.certificates import make_certificates

Answer = tuple[int, str, bytes]
JSON = "application/dicom+json"


class Station:
    """A server whose answers a test makes, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[str], Answer] = lambda _path: (200, JSON, b"[]")
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"


@contextmanager
def a_station(answer: Callable[[str], Answer] | None = None) -> Iterator[Station]:
    station = Station()
    if answer is not None:
        station.answer = answer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._reply()

        def _reply(self) -> None:
            station.asked.append(f"{self.command} {self.path}")
            station.headers.append(dict(self.headers))
            status, kind, body = station.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            if status in {301, 302, 307, 308}:
                self.send_header("Location", body.decode())
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]
    station.port = server.server_address[1]
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield station
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


# Addresses and logins.


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/dicom-web", "begin with https"),
        ("https://", "begin with https"),
        ("https://host/a?x=1", "begin with https"),
        ("https://me:secret@host/dicom-web", "must hold no password"),
        ("https://host:99999/x", "begin with https"),
    ],
)
def test_addresses_that_cannot_be_used_or_hold_a_secret_are_refused(url: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as raised:
        Web(url)
    assert "secret" not in str(raised.value)


def test_a_password_never_goes_in_clear_to_another_computer() -> None:
    with pytest.raises(InputError, match="in clear"):
        Web("http://pacs.hospital.org/dicom-web", Login("me", "secret"))
    assert Web("http://localhost:8042/dicom-web/", Login("me", "secret")).url.endswith("dicom-web")


def test_logins_are_read_and_never_repeated(tmp_path: Path) -> None:
    (tmp_path / "login").write_text("Basic me:se:cret\n")
    assert read_login(tmp_path / "login") == Login("me", "se:cret")
    assert parse_login("bearer abc.def") == Login("", "abc.def")
    assert "cret" not in repr(read_login(tmp_path / "login"))
    for text in ("me:secret", "basic secret", "bearer", "bearer sécret", ""):
        with pytest.raises(InputError, match="A login is one line") as raised:
            parse_login(text)
        assert "secret" not in str(raised.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_login(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("login", "header"),
    [
        (None, None),
        (Login("me", "secret"), "Basic " + base64.b64encode(b"me:secret").decode()),
        (Login("", "token"), "Bearer token"),
    ],
)
def test_the_login_is_shown_and_nothing_from_a_netrc(
    login: Login | None, header: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    with a_station() as station:
        find(Web(station.url, login), "study")

    assert station.headers[0].get("Authorization") == header


# What servers answer.


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "does not let us in"), (403, "does not let us in"), (404, "no such thing"),
     (500, "refuses .HTTP 500."), (503, "busy or out of order")],
)  # fmt: skip
def test_each_refusal_is_told(status: int, words: str) -> None:
    with a_station(lambda _path: (status, "text/plain", b"no")) as station:
        with pytest.raises(NetworkError, match=words):
            find(Web(station.url), "study")
        assert len(station.asked) == (3 if status == 503 else 1)


def test_nobody_is_followed_to_another_address(a_series: list[Path]) -> None:
    with a_station() as other:
        place = f"http://localhost:{other.port}/dicom-web/studies".encode()
        with a_station(lambda _path: (307, "text/plain", place)) as station:
            with pytest.raises(NetworkError, match=f"hands us on to 'localhost:{other.port}'"):
                find(Web(station.url, Login("me", "secret")), "study")
            with pytest.raises(NetworkError, match="hands us on"):
                send(Web(station.url), a_series[:1], n_retries=0)
        assert other.asked == []
    moved = iter([(307, "text/plain", b"/dicom-web/elsewhere"), (200, JSON, b"[]")])
    with a_station(lambda _path: next(moved)) as station:
        assert find(Web(station.url), "study") == []


def test_a_busy_server_is_asked_again() -> None:
    answers = iter([(503, "text/plain", b""), (200, JSON, b"[]")])

    with a_station(lambda _path: next(answers)) as station:
        assert find(Web(station.url), "study") == []


def test_a_web_page_is_no_dicomweb_server() -> None:
    with (
        a_station(lambda _path: (200, "text/html", b"<html>welcome</html>")) as station,
        pytest.raises(NetworkError, match="not as a DICOMweb server does"),
    ):
        echo(Web(station.url))


def test_a_server_that_is_silent_or_not_there_is_told() -> None:
    def sleep(_path: str) -> Answer:
        time.sleep(1)
        return 200, JSON, b"[]"

    with a_station(sleep) as station:
        with pytest.raises(NetworkError, match=r"does not answer within 0\.2 s"):
            echo(Web(station.url, timeout_s=0.2))
        port = station.port
    with pytest.raises(NetworkError, match=r"cannot be reached .connection refused."):
        echo(Web(f"http://127.0.0.1:{port}/dicom-web", timeout_s=5))


def _one_series(path: str) -> Answer:
    if path.split("?")[0].endswith("/series"):
        match = {
            "0020000E": {"vr": "UI", "Value": ["1.2.3"]},
            "00080060": {"vr": "CS", "Value": ["CT"]},
            "00201209": {"vr": "IS", "Value": [2]},
        }
        return 200, JSON, json.dumps([match]).encode()
    kind = 'multipart/related; type="application/dicom"; boundary=XX'
    body = b"--XX\r\nContent-Type: application/dicom\r\n\r\nno DICOM at all\r\n--XX--"
    return 200, kind, body


def test_damaged_objects_are_told_and_nothing_is_kept(tmp_path: Path) -> None:
    with (
        a_station(_one_series) as station,
        pytest.raises(NetworkError, match="sent 0 of 2 objects: it sent damaged objects"),
    ):
        fetch(Web(station.url), tmp_path / "back", studies=["1.2"], n_retries=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "words"), [(409, "does not take the object"), (413, "too large"), (503, "refused")]
)
def test_objects_that_are_not_taken_are_each_told(
    status: int, words: str, a_series: list[Path]
) -> None:
    with a_station(lambda _path: (status, JSON, b"{}")) as station:
        sent = send(Web(station.url), a_series[:2], n_retries=1)

    assert [words in one.reason for one in sent.failed] == [True, True]
    assert len(station.asked) == (4 if status == 503 else 2)


@pytest.mark.parametrize(
    ("http", "status", "words", "is_final"),
    [
        (202, 0xC000, "cannot understand", True),
        (409, 0xA900, "do not match their kind", True),
        (409, 0xA700, "out of resources", False),
    ],
)
def test_what_a_server_says_it_failed_to_store_has_failed(
    http: int, status: int, words: str, is_final: bool, a_series: list[Path]
) -> None:
    uid = str(pydicom.dcmread(a_series[0]).SOPInstanceUID)
    reason = {"vr": "US", "Value": [status]}
    item = {"00081155": {"vr": "UI", "Value": [uid]}, "00081197": reason}
    body = json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()

    with a_station(lambda _path: (http, JSON, body)) as station:
        (failed,) = send(Web(station.url), a_series[:1], n_retries=0).failed

    assert words in failed.reason
    assert failed.is_final is is_final


def test_a_server_that_lets_us_do_nothing_ends_it_at_once(a_series: list[Path]) -> None:
    with a_station(lambda _path: (401, JSON, b"{}")) as station:
        with pytest.raises(NetworkError, match="does not let us in"):
            send(Web(station.url), a_series, n_retries=0)
        assert len(station.asked) == 1


# Encryption.


def test_a_certificate_must_lead_to_an_authority_that_is_trusted(tmp_path: Path) -> None:
    ours = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.certificate, ours.key)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", JSON)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    url = f"https://localhost:{server.server_address[1]}/dicom-web"
    try:
        assert echo(Web(url, ca=ours.ca)) > 0
        with pytest.raises(NetworkError, match="certificate that is not trusted"):
            echo(Web(url))
        with pytest.raises(InputError, match="no file"):
            echo(Web(url, ca=tmp_path / "nowhere.pem"))
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
