"""A DICOM server that keeps what it is sent (a Storage SCP) and tells of each study that came."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from pynetdicom import AE, AllStoragePresentationContexts, VerificationPresentationContexts, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from ..errors import NetworkError, OutputError
from .arrivals import Arrivals, ReceivedStudy
from .associations import limit_waits
from .inbox import Inbox, Kept, RefusedInstanceError
from .peer import OWN_TITLE, check_title
from .statuses import SUCCESS
from .syntaxes import READABLE
from .tls import Tls

__all__ = ["StoreServer", "keep_sent", "list_studies"]

_LOG = logging.getLogger(__name__)
_LARGEST_BYTES = 4_000_000_000
_MOST_CALLERS = 20
_PDU_BYTES = 1 << 18


class StoreServer:
    """Listens for DICOM objects; used as a context, in threads of its own.

    An object is answered for when it is in its place. A damaged one is refused with the status that
    says so, and the rest goes on. The same object sent again changes nothing; another under the
    same UID takes its place.

    Args:
        folder: Where studies are kept, as `Inbox` sorts them; whoever is told of one may take its
            folder away.
        on_study: Called for each study that has arrived, one after another, in a thread of the
            server's. What it raises is logged and ends nothing.
        port: To listen on; 0 takes a free one.
        host: Address to listen on: only this computer by default, "0.0.0.0" for all that can reach
            it, or one of its own addresses.
        ae_title: What we are called; callers who use another name are served too.
        callers: AE titles that are served; empty for all. Titles are no passwords.
        idle_s: A study has arrived when nothing of it came for this long, in seconds, and whoever
            sent it has hung up.
        timeout_s: A caller who is silent for longer is hung up on, in seconds.
        most_bytes: That the folder may take; None for no limit.
        keep_free_bytes: That the disk must keep free.
        tls: Our certificate; with authorities, callers need one as well. None speaks in clear.
    """

    def __init__(
        self,
        folder: Path,
        on_study: Callable[[ReceivedStudy], object],
        *,
        port: int = 11112,
        host: str = "127.0.0.1",
        ae_title: str = OWN_TITLE,
        callers: Collection[str] = (),
        idle_s: float = 20.0,
        timeout_s: float = 60.0,
        most_bytes: int | None = None,
        keep_free_bytes: int = 2_000_000_000,
        tls: Tls | None = None,
    ) -> None:
        """Check the names; nothing listens yet."""
        self._address = (host, port)
        self._on_study = on_study
        self._folder = folder
        self._limits = {"most_bytes": most_bytes, "keep_free_bytes": keep_free_bytes}
        self._tls = tls
        self._timeout_s = timeout_s
        self._arrivals = Arrivals(folder, idle_s)
        self._pause_s = min(1.0, max(idle_s / 4, 0.05))
        self._stopping = threading.Event()
        self._entity = AE(ae_title=check_title(ae_title))
        self._entity.require_calling_aet = [check_title(title) for title in callers]
        self._entity.network_timeout = self._entity.acse_timeout = timeout_s
        self._entity.maximum_pdu_size = _PDU_BYTES
        self._entity.maximum_associations = _MOST_CALLERS
        for context in (*VerificationPresentationContexts, *AllStoragePresentationContexts):
            self._entity.add_supported_context(str(context.abstract_syntax), list(READABLE))

    @property
    def port(self) -> int:
        """On which it listens."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Listen.

        Raises:
            OutputError: If the folder cannot be used.
            NetworkError: If the port cannot be listened on.
        """
        context = None if self._tls is None else self._tls.make_server_context()
        try:
            self._server = self._entity.make_server(
                self._address,
                ssl_context=context,
                evt_handlers=self._make_handlers(),
                server_class=_Listener,
            )
        except OSError as error:
            raise NetworkError(_say_taken(self._address, error)) from error
        try:
            self._inbox = Inbox(self._folder, **self._limits)  # type: ignore[arg-type]
        except OSError as error:
            self._server.server_close()
            reason = (error.strerror or "unknown reason").lower()
            msg = f"'{self._folder}' cannot be written to: {reason}. Name another folder."
            raise OutputError(msg) from error
        self._entity._servers.append(self._server)  # as `start_server` does
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for name, target in (
                ("store-server", lambda: self._server.serve_forever(0.1)),
                ("arrived-studies", self._tell),
            )
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up on everybody and listen no more; studies on the way are not told of."""
        self._stopping.set()
        self._entity.shutdown()
        for thread in self._threads:
            thread.join(self._timeout_s)
        self._inbox.close()

    def _make_handlers(self) -> list[Any]:
        closing = (evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_CONN_CLOSE)
        return [
            (evt.EVT_CONN_OPEN, limit_waits, [self._timeout_s]),
            (evt.EVT_DATA_RECV, _stop_endless),
            (evt.EVT_C_ECHO, _answer_echo),
            (evt.EVT_C_STORE, self._store),
            *((event, self._hang_up) for event in closing),
        ]

    def _store(self, event: Event) -> int:
        def note(kept: Kept) -> None:
            caller = str(event.assoc.requestor.ae_title).strip()
            self._arrivals.note(kept.study, id(event.assoc), caller, is_new=kept.is_new)

        return keep_sent(event, self._inbox, note)

    def _hang_up(self, event: Event) -> None:
        self._arrivals.hang_up(id(event.assoc))

    def _tell(self) -> None:
        """Tell of studies as they arrive, until the server stops."""
        while not self._stopping.wait(self._pause_s):
            for study in self._arrivals.take():
                _LOG.info("A study has arrived: %d objects.", study.n_new)
                try:
                    self._on_study(study)
                except Exception as error:  # noqa: BLE001 - whatever it is, the next study comes
                    _LOG.error("An arrived study was not handled: %s.", type(error).__name__)
                    _LOG.debug("Not handled:", exc_info=True)


def keep_sent(event: Event, inbox: Inbox, note: Callable[[Kept], object]) -> int:
    """Keep an object that a DICOM node sends.

    Args:
        event: That it came.
        inbox: Where to keep it.
        note: Called with what was kept.

    Returns:
        The status to answer with.
    """
    request = cast(C_STORE, event.request)
    try:
        kept = inbox.keep(
            event.encoded_dataset(),
            sop_class=str(request.AffectedSOPClassUID),
            uid=str(request.AffectedSOPInstanceUID),
        )
    except RefusedInstanceError as error:
        _LOG.warning("An object was refused: %s.", error)
        return error.status
    note(kept)
    return SUCCESS


def list_studies(folder: Path) -> list[ReceivedStudy]:
    """List the studies that a server has left in its folder, such as one that was killed.

    Args:
        folder: As given to `StoreServer`; need not exist.

    Returns:
        One entry for each study, by id.
    """
    if not folder.is_dir():
        return []
    studies = sorted(one for one in folder.iterdir() if one.is_dir() and one.name[0] != ".")
    return [ReceivedStudy(one.name, one, sum(1 for _ in one.glob("*/*.dcm"))) for one in studies]


class _Listener(ThreadedAssociationServer):
    """Shakes hands over TLS in the caller's own thread, so that a silent caller holds up nobody."""

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        assert self.socket is not None  # noqa: S101 - for the type checker; it is bound
        client, address = self.socket.accept()
        client.settimeout(self.ae.network_timeout)
        if self.ssl_context is not None:
            client = self.ssl_context.wrap_socket(
                client, server_side=True, do_handshake_on_connect=False
            )
        return client, address

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            if self.ssl_context is not None:
                request.do_handshake()
        except OSError as error:
            _LOG.warning("A caller found no way to encrypt (%s).", type(error).__name__)
            self.shutdown_request(request)
            return
        super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address
        _LOG.warning("A caller could not be served.")
        _LOG.debug("Not served:", exc_info=True)


def _answer_echo(_event: Event) -> int:
    return SUCCESS


def _stop_endless(event: Event) -> None:
    """Hang up on an object that is larger than any; it would be held in memory."""
    message = event.assoc.dimse.message
    if message is not None and message.data_set and message.data_set.tell() > _LARGEST_BYTES:
        _LOG.warning("An object of more than %.0f GB was refused.", _LARGEST_BYTES / 1e9)
        event.assoc.abort(block=False)


def _say_taken(address: tuple[str, int], error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return (
        f"Nothing can listen on port {address[1]} of '{address[0]}' ({reason}). Name another port "
        "(those below 1024 need rights) or an address of this computer."
    )
