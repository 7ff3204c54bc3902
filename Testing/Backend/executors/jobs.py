"""Jobs for workers to do, good and bad; of a module's top level, as workers import them."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from atlastumor.errors import UnknownKeyError


def square(x: int) -> int:
    return x * x


def die(_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def meet(folder: Path) -> int:
    """Wait until two of these are at work at once; how many met."""
    (folder / str(threading.get_ident())).touch()
    for _ in range(1000):
        if len(list(folder.iterdir())) >= 2:
            break
        time.sleep(0.01)
    return len(list(folder.iterdir()))


def see(name: str) -> tuple[str | None, bool]:
    """A variable, and whether something heavy is already imported."""
    return os.environ.get(name), "torch" in sys.modules


def refuse(key: str) -> NoReturn:
    raise UnknownKeyError("organ", key, ["liver"])


class Stubborn(Exception):  # noqa: N818
    def __init__(self, first: str, second: object) -> None:
        super().__init__(f"{first} and {second}")
        self.lock = threading.Lock()


def be_stubborn(_: object) -> NoReturn:
    raise Stubborn("this", "that")


def leave(_: object) -> NoReturn:
    sys.exit("left")


def give_lock(_: object) -> object:
    return threading.Lock()


def stay(folder: Path) -> None:
    """Write a file again and again, for as long as the process lives."""
    while True:
        (folder / str(os.getpid())).write_text(str(time.time()))
        time.sleep(0.05)
