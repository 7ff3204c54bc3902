"""DICOM nodes that misbehave in one chosen way, and a plain one, all in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.events import Event
from pynetdicom.presentation import build_context
from pynetdicom.transport import ThreadedAssociationServer

from atlastumor.hospital import Peer

__all__ = ["a_node"]

TITLE = "NODE"


@contextmanager
def a_node(
    *,
    store: Callable[[Event], int] | None = None,
    find: Callable[[Event], Iterator[tuple[int, Any]]] | None = None,
    get: Callable[[Event], Iterator[Any]] | None = None,
    kinds: list[str] | None = None,
    syntaxes: list[str] | None = None,
    prepare: Callable[[AE], None] | None = None,
    handlers: Sequence[tuple[Any, Callable[[Event], Any]]] = (),
    timeout_s: float = 20.0,
) -> Iterator[Peer]:
    """Run a node while the block lasts.

    Args:
        store: Answers C-STORE; None accepts all.
        find: Answers C-FIND.
        get: Answers C-GET.
        kinds: UIDs of what it takes; all kinds of objects by default.
        syntaxes: UIDs of encodings that it takes.
        prepare: Changes the node before it listens.
        handlers: Of more events.
        timeout_s: Of the address that is given.
    """
    entity = AE(ae_title=TITLE)
    entity.network_timeout = entity.acse_timeout = 10
    offered = kinds or [str(one.abstract_syntax) for one in AllStoragePresentationContexts]
    for kind in offered:
        context = build_context(kind, syntaxes)
        entity.add_supported_context(kind, context.transfer_syntax, scu_role=True, scp_role=True)
    if prepare is not None:
        prepare(entity)
    answers: list[Any] = [(evt.EVT_C_STORE, store or (lambda _event: 0x0000)), *handlers]
    answers += [(evt.EVT_C_FIND, find)] if find else []
    answers += [(evt.EVT_C_GET, get)] if get else []
    address = ("127.0.0.1", 0)
    server: Any = entity.make_server(
        address, evt_handlers=answers, server_class=ThreadedAssociationServer
    )
    entity._servers.append(server)  # as `start_server` does, which is slow to end
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield Peer("127.0.0.1", server.server_address[1], TITLE, timeout_s=timeout_s)
    finally:
        entity.shutdown()
        thread.join(10)
