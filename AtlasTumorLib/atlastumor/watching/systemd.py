"""What a service tells systemd, where systemd started it: that it is ready, alive, or stopping.

Source: sd_notify(3), "Notes": one datagram to the socket that NOTIFY_SOCKET names.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

__all__ = ["ALIVE", "READY", "STOPPING", "tell_systemd"]

READY, ALIVE, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"


def tell_systemd(state: str) -> None:
    """Tell systemd a state; nobody else is told.

    Args:
        state: One of those above.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    address = f"\0{address[1:]}" if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.connect(address)
        line.sendall(state.encode())
