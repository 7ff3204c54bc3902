"""DICOM's own protocol, encrypted: who is trusted, and who is kept out."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from atlastumor.errors import NetworkError
from atlastumor.hospital import Peer, StoreServer, Tls, echo, send
from Backend.hospital.certificates import Certificates, make_certificates


@pytest.fixture
def ours(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


def peer_of(server: StoreServer, tls: Tls | None, timeout_s: float = 5.0) -> Peer:
    return Peer("localhost", server.port, "X", tls=tls, timeout_s=timeout_s)


def test_objects_travel_encrypted_to_a_server_whose_authority_is_trusted(
    ours: Certificates, a_series: list[Path], tmp_path: Path
) -> None:
    own = Tls(certificate=ours.certificate, key=ours.key)
    with StoreServer(tmp_path / "in", print, port=0, tls=own) as server:
        sent = send(peer_of(server, Tls(ca=ours.ca)), a_series)
    assert len(sent.done) == 12


def test_a_server_that_nobody_vouches_for_and_one_in_clear_are_told(
    ours: Certificates, tmp_path: Path
) -> None:
    own = Tls(certificate=ours.certificate, key=ours.key)
    with StoreServer(tmp_path / "in", print, port=0, tls=own, timeout_s=20.0) as server:
        with pytest.raises(NetworkError, match="certificate that is not trusted"):
            echo(peer_of(server, Tls()))
        with pytest.raises(NetworkError, match="broke off before it answered"):
            echo(peer_of(server, None, 20.0))
    with (
        StoreServer(tmp_path / "clear", print, port=0, timeout_s=1.0) as server,
        pytest.raises(NetworkError, match=r"no way to encrypt|does not answer|cannot be reached"),
    ):
        echo(peer_of(server, Tls(ca=ours.ca), 2.0))


def test_callers_without_a_certificate_are_kept_out_where_one_is_asked_for(
    ours: Certificates, tmp_path: Path
) -> None:
    strict = Tls(ca=ours.ca, certificate=ours.certificate, key=ours.key)
    with StoreServer(tmp_path / "in", print, port=0, tls=strict) as server:
        assert echo(peer_of(server, strict)) > 0
        with pytest.raises(NetworkError):
            echo(peer_of(server, Tls(ca=ours.ca), 2.0))


def test_a_caller_that_never_shakes_hands_holds_up_nobody(
    ours: Certificates, tmp_path: Path
) -> None:
    own = Tls(certificate=ours.certificate, key=ours.key)
    with StoreServer(tmp_path / "in", print, port=0, tls=own, timeout_s=1.0) as server:
        silent = socket.create_connection(("localhost", server.port))
        assert echo(peer_of(server, Tls(ca=ours.ca))) < 5
        silent.close()
