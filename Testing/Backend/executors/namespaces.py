"""Two hosts on one machine: network namespaces with a cable between them that can be pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
from types import TracebackType
from typing import Self

import pytest

__all__ = ["TwoHosts", "needs_namespaces"]


def _reason() -> str:
    """Why there can be no namespaces; empty if there can."""
    if shutil.which("ip") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "network namespaces need root and `ip`"
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "this machine forbids network namespaces"


needs_namespaces = pytest.mark.skipif(bool(_reason()), reason=_reason() or "-")


class TwoHosts:
    """Hosts `first` and `second`, with addresses of their own; nothing else is connected."""

    addresses = ("10.97.0.1", "10.97.0.2")

    def __init__(self) -> None:
        self.names = tuple(f"atlastumor-{os.getpid()}-{number}" for number in (1, 2))

    def __enter__(self) -> Self:
        first, second = self.names
        for name in self.names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", first, "link", "add", "cable", "type", "veth", "peer", "cable", "netns", second)
        for name, address in zip(self.names, self.addresses, strict=True):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "cable")
            _ip("-n", name, "link", "set", "cable", "up")
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def inside(self, number: int) -> list[str]:
        """Words before a command that is to run on a host, 0 or 1."""
        return ["ip", "netns", "exec", self.names[number]]

    def pull_cable(self) -> None:
        """Cut the hosts off from each other; nobody is told."""
        _ip("-n", self.names[1], "link", "set", "cable", "down")

    def plug_in(self) -> None:
        """Connect them again."""
        _ip("-n", self.names[1], "link", "set", "cable", "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
