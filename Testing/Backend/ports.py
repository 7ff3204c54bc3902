"""Ports for servers that tests start and that are told where to listen."""

from __future__ import annotations

import os
import random
import socket

__all__ = ["a_free_port"]

_FIRST, _N_WORKERS, _N_EACH = 20_000, 32, 375
_given: set[int] = set()


def a_free_port() -> int:
    """A port on which nothing listens at this moment, and that is given only once.

    It lies below those that systems give to whoever asks for any, else one of the connections of
    other tests could take it before its server does. Each of pytest-xdist's workers has its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _N_WORKERS
    first = _FIRST + worker * _N_EACH
    for number in random.SystemRandom().sample(range(first, first + _N_EACH), _N_EACH):
        if number not in _given and _is_free(number):
            _given.add(number)
            return number
    raise RuntimeError(f"no port of {first} to {first + _N_EACH - 1} is free")


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", number))
        except OSError:
            return False
    return True
