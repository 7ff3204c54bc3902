"""How a service is asked how it is, over HTTP: `/health`, `/ready` and `/metrics`."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from ..errors import InputError

__all__ = ["Answer", "HealthServer", "answer_health"]

_POLL_S = 0.05
_PLAIN, _JSON = "text/plain; version=0.0.4; charset=utf-8", "application/json"


@dataclass(frozen=True)
class Answer:
    """What a service says of itself.

    Args:
        reasons: Why it is not as it should be, a sentence each; empty if all is well.
        more: Further fields, ready for JSON.
    """

    reasons: tuple[str, ...]
    more: dict[str, Any]


def answer_health(answer: Answer) -> tuple[int, bytes]:
    """Put an answer into HTTP's terms.

    Args:
        answer: What the service says.

    Returns:
        Status 200 if all is well, else 503; and the JSON document.
    """
    status = HTTPStatus.SERVICE_UNAVAILABLE if answer.reasons else HTTPStatus.OK
    document = {"ok": not answer.reasons, "reasons": list(answer.reasons), **answer.more}
    return status, json.dumps(document).encode() + b"\n"


class HealthServer:
    """Answers from threads of its own; used as a context.

    Args:
        address: Host and port to listen at; port 0 takes a free one.
        health: Asked at `/health`: is it alive, or is a restart needed?
        ready: Asked at `/ready`: can it take work?
        metrics: Asked at `/metrics`; Prometheus' text format.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        health: Callable[[], Answer],
        ready: Callable[[], Answer],
        metrics: Callable[[], bytes],
    ) -> None:
        """Take the port.

        Raises:
            InputError: If it cannot be had.
        """
        pages = {
            "/health": lambda: (*answer_health(health()), _JSON),
            "/ready": lambda: (*answer_health(ready()), _JSON),
            "/metrics": lambda: (HTTPStatus.OK, metrics(), _PLAIN),
        }
        try:
            self._server = _Server(address, _make_handler(pages))
        except OSError as error:
            host, port = address
            msg = (
                f"Health cannot be told at {host}:{port}: {error.strerror or error}. "
                "Name another address with --health, or none."
            )
            raise InputError(msg) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), daemon=True
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens at."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop answering and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hung up; the default prints to standard error."""


def _make_handler(
    pages: dict[str, Callable[[], tuple[int, bytes, str]]],
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        server_version, sys_version = "AtlasTumor", ""

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            if page is None:
                missing = Answer((f"Ask for {', '.join(pages)}.",), {})
                status, body, kind = HTTPStatus.NOT_FOUND, answer_health(missing)[1], _JSON
            else:
                status, body, kind = page()  # type: ignore[assignment]
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_words: object) -> None:
            """Leave requests out of the log."""

    return Handler
