"""A server on this computer that offers one file of weights, well or badly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from atlastumor.models.published import PublishedFile

__all__ = ["CONTENT", "Shelf", "TickingClock", "a_shelf", "offer"]

CONTENT = bytes(range(256)) * 12_500  # 3.2 MB


class Shelf(ThreadingHTTPServer):
    """The server.

    Attributes:
        asked: The addresses that were asked for, whole ones if it is used as a proxy.
        breaks_after: Bytes after which each connection is closed; None for never.
        content: Of the file.
        drips: Seconds between its bytes, ten at a time; None for all at once.
        etag: By which it knows this state of the file; "" for none.
        headers: What it says instead of the truth; "" for not at all.
        is_closing: Ends the waits between bytes.
        pauses_after: Bytes after which it waits for something; None for never.
        redirect: Where "/moved.pt" leads.
        takes_ranges: Whether it gives a part where one is asked for.
        ranges: The parts that were asked for; "" for the whole file.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.asked: list[str] = []
        self.breaks_after: int | None = None
        self.content = CONTENT
        self.drips: float | None = None
        self.etag = ""
        self.headers: dict[str, str] = {}
        self.is_closing = Event()
        self.pauses_after: tuple[int, Event] | None = None
        self.redirect = ""
        self.takes_ranges = True
        self.ranges: list[str] = []

    def handle_error(self, *_words: object) -> None:
        """A client that hangs up is no news."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(BaseHTTPRequestHandler):
    server: Shelf

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/moved.pt":
            self.send_response(302)
            self.send_header("Location", self.server.redirect)
            self.end_headers()
        elif self.path.endswith("/w.pt"):
            self._give()
        else:
            self.send_error(404)

    def _give(self) -> None:
        content, asked = self.server.content, self.headers.get("Range", "")
        self.server.ranges.append(asked)
        is_same = self.headers.get("If-Range", self.server.etag) == self.server.etag
        can_go_on = asked and self.server.takes_ranges and is_same
        start = int(asked[len("bytes=") : -1]) if can_go_on else 0
        self.send_response(206 if start else 200)
        said = {"Content-Length": str(len(content) - start), "ETag": self.server.etag}
        if start:
            said["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        for name, text in (said | self.server.headers).items():
            if text:
                self.send_header(name, text)
        self.end_headers()
        for at in range(start, len(content), 10) if self.server.drips else ():
            self.wfile.write(content[at : at + 10])
            self.server.is_closing.wait(self.server.drips)
        stop = None if self.server.breaks_after is None else start + self.server.breaks_after
        if self.server.pauses_after is not None:
            pause, event = self.server.pauses_after
            self.wfile.write(content[start:pause])
            event.wait(60.0)
            start = pause
        self.wfile.write(content[start:stop])

    def log_message(self, *_words: object) -> None:
        pass


class TickingClock:
    """Stands in for the module `time`: a second passes whenever somebody looks."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        self._seconds += 1.0
        return self._seconds


@contextmanager
def a_shelf() -> Iterator[Shelf]:
    """Open the server, and close it again."""
    with Shelf() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.is_closing.set()
        server.shutdown()
        thread.join()


def offer(address: str, content: bytes = CONTENT, **more: object) -> PublishedFile:
    """A file of about 3 MB with the hash of `content`."""
    fields = {
        "method": "difftumor",
        "name": "w.pt",
        "url": f"{address}/w.pt",
        "license": "CC BY-NC-ND 4.0",
        "megabytes": 3,
        "sha256": hashlib.sha256(content).hexdigest(),
        "terms": "Not for commercial use.",
        "organs": ("liver",),
        **more,
    }
    return PublishedFile(**fields)
