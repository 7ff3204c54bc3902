"""Nodes that cannot be reached, refuse, or are somebody else: told by name, and nothing hangs."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.acse import ACSE

from atlastumor.errors import InputError, NetworkError
from atlastumor.hospital import Peer, Tls, echo, parse_peer, send
from Backend.hospital.nodes import a_node
from Backend.ports import a_free_port

CT = "1.2.840.10008.5.1.4.1.1.2"


@contextmanager
def a_silent_port() -> Iterator[socket.socket]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def silent(server: socket.socket, timeout_s: float) -> Peer:
    return Peer("127.0.0.1", int(server.getsockname()[1]), "X", timeout_s=timeout_s)


@contextmanager
def pressing_ctrl_c(server: socket.socket) -> Iterator[None]:
    """Press it when somebody has called, and again every 20 s; also in a background job.

    There it is ignored by itself.
    """
    over, main = threading.Event(), threading.main_thread().ident
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    server.settimeout(60)

    def press() -> None:
        caller, _ = server.accept()
        with caller:
            while True:
                signal.pthread_kill(main, signal.SIGINT)
                if over.wait(20):
                    return

    thread = threading.Thread(target=press, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGINT, before)


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
    with pytest.raises(NetworkError, match="connection refused"):
        send(Peer("127.0.0.1", a_free_port(), "X"), a_series, n_retries=1)


def test_a_name_that_no_computer_has_is_told() -> None:
    with pytest.raises(NetworkError, match=r"no computer is called 'nowhere\.invalid'"):
        echo(Peer("nowhere.invalid", 104, "X"))


def test_a_port_that_never_answers_is_given_up() -> None:
    began = time.monotonic()
    with a_silent_port() as it, pytest.raises(NetworkError, match=r"not answer within 0\.5 s"):
        echo(silent(it, 0.5))

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
        peer = Peer("127.0.0.1", server.getsockname()[1], "X", timeout_s=20.0)
        with pytest.raises(NetworkError, match="broke off before it answered"):
            echo(peer)


def test_ctrl_c_while_nobody_answers_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    with a_silent_port() as server, pytest.raises(KeyboardInterrupt), pressing_ctrl_c(server):
        echo(silent(server, 60.0))

    assert set(threading.enumerate()) <= before


def test_ctrl_c_before_anybody_is_called_leaves_no_thread_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def press(_self: ACSE) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ACSE, "send_request", press)
    before = set(threading.enumerate())
    with a_silent_port() as server, pytest.raises(KeyboardInterrupt):
        echo(silent(server, 60.0))

    assert set(threading.enumerate()) <= before


# Encryption.


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("no certificate")

    for tls in (Tls(ca=tmp_path / "bad.pem"), Tls(certificate=tmp_path / "nowhere.pem")):
        with pytest.raises(InputError, match="certificates cannot be used"):
            echo(Peer("127.0.0.1", 1, "X", tls=tls))
    with pytest.raises(InputError, match="needs a certificate"):
        Tls().make_server_context()
