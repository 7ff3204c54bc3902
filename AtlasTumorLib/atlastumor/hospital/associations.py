"""Associations with DICOM nodes: opened with a limit to every wait, closed whatever happens.

pynetdicom logs names of patients, UIDs and paths at INFO and above, so it is silenced here; what a
user needs to know is in the errors.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationSocket

from ..errors import NetworkError
from .peer import Peer

__all__ = ["MOST_CONTEXTS", "Handler", "associate", "limit_waits"]

Handler = tuple[Any, Callable[..., Any]]
"""An event of pynetdicom's, and what is called for it."""

MOST_CONTEXTS = 128
"""That one association can negotiate."""

_PDU_BYTES = 1 << 18
_CALLED_UNKNOWN, _CALLING_UNKNOWN = 7, 3

_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.STORE_SEND_CHUNKED_DATASET = True  # files leave byte for byte as they are
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


def _close_socket(wrapper: AssociationSocket | None) -> None:
    """Close a socket also if its other end is gone, which pynetdicom leaves to chance."""
    with suppress(AttributeError, OSError):
        wrapper.socket.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
    with suppress(AttributeError, OSError):
        wrapper.socket.close()  # type: ignore[union-attr]


AssociationSocket._shutdown_socket = _close_socket  # type: ignore[assignment, method-assign]


@contextmanager
def associate(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    handlers: Sequence[Handler] = (),
) -> Iterator[Association]:
    """Open an association, and release it at the end of the block or abort it on an error.

    Args:
        peer: With whom.
        contexts: What is proposed; one of them must be accepted.
        roles: For what we take objects instead of giving them.
        handlers: Of events.

    Yields:
        The association.

    Raises:
        NetworkError: If it cannot be opened; says why.
    """
    began = time.monotonic()
    association = _request(peer, contexts, roles, handlers)
    try:
        if not association.is_established:
            waited_s = time.monotonic() - began
            raise NetworkError(_say_refused(peer, association, waited_s))
        yield association
    except BaseException:
        association.abort()
        raise
    else:
        if association.is_established:
            association.release()
    finally:
        _close_socket(association.dul.socket)


def _request(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation],
    handlers: Sequence[Handler],
) -> Association:
    """Ask for an association; the answer may be no."""
    entity = AE(ae_title=peer.calling_ae_title)
    entity.connection_timeout = entity.acse_timeout = peer.timeout_s
    entity.dimse_timeout = entity.network_timeout = peer.timeout_s
    tls = None if peer.tls is None else (peer.tls.make_client_context(), peer.host)
    own: list[Any] = [
        (evt.EVT_CONN_OPEN, limit_waits, [peer.timeout_s]),
        (evt.EVT_DATA_SENT, _acknowledge_at_once),
    ]
    try:
        return entity.associate(
            peer.host,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.ae_title,
            max_pdu=_PDU_BYTES,
            ext_neg=list(roles),
            tls_args=tls,
            evt_handlers=[*own, *handlers],
        )
    except OSError as error:
        raise NetworkError(_say_unreachable(peer, error)) from error
    except BaseException:  # such as Ctrl-C; its thread would keep the process alive
        _end_threads(entity)
        raise


def _end_threads(entity: AE) -> None:
    """End what a request that was interrupted has begun, of which no event need have told yet."""
    for thread in threading.enumerate():
        if not isinstance(thread, DULServiceProvider) or thread.assoc.ae is not entity:
            continue
        if thread.assoc.is_established:
            thread.assoc.abort()
            continue
        thread.kill_dul()
        while thread.is_alive():  # it may be waiting in a socket, even in one just made
            _close_socket(thread.socket)
            thread.join(0.05)
        _close_socket(thread.socket)


def limit_waits(event: Event, timeout_s: float) -> None:
    """Let no read or write of a connection wait forever, nor for each other.

    Args:
        event: Of the connection being opened.
        timeout_s: Longest wait, in seconds.
    """
    wrapper = event.assoc.dul.socket
    if wrapper is not None and wrapper.socket is not None:
        wrapper.socket.settimeout(timeout_s)
        # Each message goes in several writes; to wait for the first to be answered costs 40 ms.
        wrapper.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _acknowledge_at_once(event: Event) -> None:
    """Let the other node go on with its answer, which it too writes in parts; 40 ms for each."""
    wrapper, option = event.assoc.dul.socket, getattr(socket, "TCP_QUICKACK", None)  # Linux alone
    if option is not None and wrapper is not None and wrapper.socket is not None:
        wrapper.socket.setsockopt(socket.IPPROTO_TCP, option, 1)


def _say_refused(peer: Peer, association: Association, waited_s: float) -> str:
    """Say why there is no association."""
    if association.is_rejected:
        return _say_rejected(peer, association)
    if association.rejected_contexts:
        return (
            f"{peer} was reached and offers nothing of what is needed (no presentation context "
            "was accepted). Ask who runs it to allow this to us."
        )
    try:
        _try_connecting(peer)
    except OSError as error:
        return _say_unreachable(peer, error)
    silent = waited_s >= peer.timeout_s
    what = (
        f"did not answer within {peer.timeout_s:g} s" if silent else "broke off before it answered"
    )
    return (
        f"{peer} was reached and {what}. Check that a DICOM server listens on this port, "
        f"{'' if peer.tls is None else 'with TLS, '}and that it knows '{peer.calling_ae_title}'."
    )


def _say_rejected(peer: Peer, association: Association) -> str:
    answer = association.acceptor.primitive
    diagnostic = getattr(answer, "diagnostic", None)
    if getattr(answer, "result_source", None) == 1 and diagnostic == _CALLED_UNKNOWN:
        return (
            f"{peer} refuses: it is not called '{peer.ae_title}'. Give the AE title that it has; "
            "who runs it knows it."
        )
    if getattr(answer, "result_source", None) == 1 and diagnostic == _CALLING_UNKNOWN:
        return (
            f"{peer} refuses: it does not know '{peer.calling_ae_title}', as which we call. Have "
            "it registered there, or give an AE title that is."
        )
    reason = str(getattr(answer, "reason_str", "no reason given")).lower()
    return f"{peer} refuses the association ({reason}). Try again later, or ask who runs it."


def _try_connecting(peer: Peer) -> None:
    """Connect once more by hand, as pynetdicom keeps to itself why it could not.

    Raises:
        OSError: With the reason.
    """
    with socket.create_connection((peer.host, peer.port), timeout=peer.timeout_s) as plain:
        if peer.tls is not None:
            peer.tls.make_client_context().wrap_socket(plain, server_hostname=peer.host).close()


def _say_unreachable(peer: Peer, error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{peer} shows a certificate that is not trusted ({error.verify_message}). Name the "
            "authority's PEM file if it is the hospital's own; else do not go on."
        )
    if isinstance(error, ssl.SSLError):
        return f"{peer} and we find no way to encrypt ({error.reason}). Check its TLS settings."
    if isinstance(error, socket.gaierror):
        return f"{peer} cannot be reached: no computer is called '{peer.host}'. Check the name."
    if isinstance(error, TimeoutError):
        return (
            f"{peer} does not answer within {peer.timeout_s:g} s. Check address and port, and "
            "whether a firewall lies between."
        )
    reason = (error.strerror or str(error)).lower()
    return f"{peer} cannot be reached ({reason}). Check address and port, and that it runs."
